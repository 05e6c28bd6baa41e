"""SES's feedback on sent mails: a permanent bounce or a complaint puts the address on the suppression list.

The events come on the account's default bus (https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html). They hold
addresses, which are neither logged nor stored.
"""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger

from kernel import clock
from kernel.clients import Clients
from kernel.errors import RejectedError
from kernel.handler import Handler, lambda_handler
from kernel.metrics import count
from services.notification import subscriptions
from services.notification.storage.suppressions import BOUNCED, COMPLAINED, SuppressionReason
from services.notification.storage.table import suppressions_of

logger = Logger()


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
            return BOUNCED, [str(one["emailAddress"]) for one in found]
        if event["detail-type"] == subscriptions.COMPLAINED:
            complaint = detail["complaint"]
            found = complaint["complainedRecipients"] if complaint.get("complaintFeedbackType") != "not-spam" else []
            return COMPLAINED, [str(one["emailAddress"]) for one in found]
    except (KeyError, TypeError):
        pass
    raise UnknownFeedbackError("not an SES event of a bounce or a complaint")


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of one event of SES. It returns how many addresses it newly suppressed; repeating is safe."""
    suppressions = suppressions_of(clients, environ)

    def handle(event: Mapping[str, Any], context: object) -> dict[str, int]:
        reason, addresses = addresses_to_suppress(event)
        suppressed = sum(suppressions.add(address, reason, clock.now()) for address in addresses)
        logger.info("feedback", reason=reason, suppressed=suppressed)
        count("AddressesSuppressed", suppressed)
        return {"suppressed": suppressed}

    return handle


handler = lambda_handler(bootstrap)
