"""SES's feedback on sent mails: a permanent bounce or a complaint puts the address on the suppression list.

The events come on the account's default bus (https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html). They hold
addresses, which are neither logged nor stored.
"""

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

from kernel import clock
from kernel.clients import Clients
from kernel.errors import RejectedError
from kernel.handler import Handler, lambda_handler
from kernel.logs import logger
from kernel.metrics import count
from services.notification import subscriptions
from services.notification.storage.suppressions import BOUNCED, COMPLAINED, SuppressionReason
from services.notification.storage.table import suppressions_of


class UnknownFeedbackError(RejectedError, ValueError):
    """An event of another form than SES documents. Lambda retries it, then it becomes a dead letter."""


def addresses_to_suppress(event: Mapping[str, Any]) -> tuple[SuppressionReason, list[str]]:
    """Return the reason, and the addresses that it makes undeliverable. Raises UnknownFeedbackError.

    A bounce that is not permanent may be delivered the next time; the feedback `not-spam` is the opposite of a complaint.
    """
    try:
        detail = event["detail"]
        if event["detail-type"] == subscriptions.BOUNCED:
            bounce = detail["bounce"]
            found = bounce["bouncedRecipients"] if bounce["bounceType"] == "Permanent" else []
            return BOUNCED, [_address(one) for one in found]
        if event["detail-type"] == subscriptions.COMPLAINED:
            complaint = detail["complaint"]
            found = complaint["complainedRecipients"] if complaint.get("complaintFeedbackType") != "not-spam" else []
            return COMPLAINED, [_address(one) for one in found]
    except (KeyError, TypeError):
        pass
    raise UnknownFeedbackError("not an SES event of a bounce or a complaint")


def _address(recipient: Mapping[str, object]) -> str:
    """Return the bare address of a recipient: SES may repeat the header's `Name <address>`."""
    text = recipient["emailAddress"]
    if not isinstance(text, str):
        raise TypeError("an address is text")
    return parseaddr(text)[1] or text


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of one event of SES. It returns how many addresses it newly suppressed; repeating is safe.

    An address that fails stops no other. Raises what the first of them raised, once all have been tried.
    """
    suppressions = suppressions_of(clients, environ)

    def handle(event: Mapping[str, Any], context: object) -> dict[str, int]:
        reason, addresses = addresses_to_suppress(event)
        suppressed, failure = 0, None
        for address in addresses:
            try:
                suppressed += suppressions.add(address, reason, clock.now())
            except Exception as fault:  # the boundary of an address
                failure = failure or fault
        logger.info("feedback recorded", reason=reason, suppressed=suppressed)
        count("AddressesSuppressed", suppressed)
        if failure:
            raise failure
        return {"suppressed": suppressed}

    return handle


handler = lambda_handler(bootstrap)
