"""The mails that the laptop's SES has sent: it keeps them instead of sending them."""

import json
import urllib.request


def sent_mails(endpoint_url: str) -> list[object]:
    """Return all mails, oldest first."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{endpoint_url}/_ministack/ses/messages", timeout=10) as answer:
        accounts = json.loads(answer.read())["messages"]
    return [mail for mails in accounts.values() for mail in (mails if isinstance(mails, list) else [mails])]
