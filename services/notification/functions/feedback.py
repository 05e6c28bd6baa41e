"""What SES tells of a mail later: a bounce for good or a complaint puts the address on the suppression list.

The events come on the account's default bus (https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html). They name
addresses, which enter no log and no row.
"""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from kernel import clock
from kernel.errors import RejectedError
from services.notification import subscriptions
from services.notification.storage import table
from services.notification.storage.suppressions import BOUNCED, COMPLAINED

logger = Logger()
metrics = Metrics(namespace="Orderflow")


class UnknownFeedbackError(RejectedError, ValueError):
    """An event that differs from SES's documented form: it is retried, then a dead letter."""


def to_suppress(event: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the reason and the addresses that SES feedback suppresses. Raises UnknownFeedbackError.

    A bounce that is not permanent may go through the next time; feedback `not-spam` is the opposite of a complaint.
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


def handler(event: dict[str, object], context: object) -> dict[str, int]:
    """One event of SES's; answers how many addresses it suppressed that were not. Safe to be told any number of times."""
    reason, addresses = to_suppress(event)
    suppressed = sum(table.suppressions().add(address, reason, clock.now()) for address in addresses)
    logger.info("feedback", reason=reason, suppressed=suppressed)
    if suppressed:
        metrics.add_metric(name="AddressesSuppressed", unit=MetricUnit.Count, value=suppressed)
        metrics.flush_metrics()
    return {"suppressed": suppressed}
