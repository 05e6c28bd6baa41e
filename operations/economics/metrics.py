"""The business metrics of a stage, by the service that emits them, and their price."""

from collections.abc import Mapping
from typing import Final

from audit import metrics as audit
from kernel.inbox import REPLAYED
from kernel.measures import Metric
from kernel.naming import SERVICES
from kernel.relay import OUTBOX_LAG
from kernel.secrets import AGE
from operations.alarms import inventory as alarms
from operations.economics.prices import Prices
from services.inventory.domain import metrics as inventory
from services.notification.domain import metrics as notification
from services.order.domain import metrics as order
from services.payment.domain import metrics as payment
from services.shipping.domain import metrics as shipping

CATALOGUE: Final[Mapping[str, tuple[Metric, ...]]] = {
    "order": order.METRICS,
    "payment": payment.METRICS,
    "inventory": inventory.METRICS,
    "shipping": shipping.METRICS,
    "notification": notification.METRICS,
    "audit": audit.METRICS,
}
OF_EACH_SERVICE: Final = (OUTBOX_LAG, REPLAYED)
"""The metrics that every service has beside its own. They are emitted only after a fault, and in a replay."""
OF_THE_STAGE: Final = (AGE,)
"""The metrics without the dimension `service`. They are not about orders, so they are no business metrics."""
ALWAYS: Final = ("AuditFindings",)
"""The metrics that a stage without an order emits too."""


def month_usd(prices: Prices) -> float:
    """Return what the business metrics cost in a month with each of them in each hour, in US dollars."""
    own = sum(metric.series for found in CATALOGUE.values() for metric in found)
    return (own + len(SERVICES) * len(OF_EACH_SERVICE)) * prices.per_month["metric"].usd


def ages_month_usd(prices: Prices) -> float:
    """Return what the ages of the secrets cost in a month with each secret read in each hour, in US dollars."""
    secrets = sum(alarm["metric"] == AGE.name for alarm in alarms.load()["alarms"])
    return secrets * prices.per_month["metric"].usd
