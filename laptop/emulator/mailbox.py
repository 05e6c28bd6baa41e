"""The laptop's SES: its sender, and the mails that it has sent. It keeps them instead of sending them."""

import contextlib
import json
import urllib.request

from operations.aws.target import Target


def verify(target: Target, sender: str) -> None:
    """Verify an address as a sender. On AWS, the owner of the address does it by mail."""
    client = target.client("sesv2")
    with contextlib.suppress(client.exceptions.AlreadyExistsException):
        client.create_email_identity(EmailIdentity=sender)


def sent_mails(endpoint_url: str) -> list[object]:
    """Return all mails, oldest first."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{endpoint_url}/_ministack/ses/messages", timeout=10) as answer:
        accounts = json.loads(answer.read())["messages"]
    return [mail for mails in accounts.values() for mail in (mails if isinstance(mails, list) else [mails])]
