"""The business metrics of money, in minor units of its currency."""

from collections.abc import Iterator
from typing import Final

from kernel.measures import Measure, Metric
from services.payment.domain.model import OutsideRefundRow, PaymentRow

CAPTURED: Final = Metric("MoneyCaptured", "Count", "minor units of a currency that were captured", "currency", ("EUR",))
REFUNDED: Final = Metric(
    "MoneyRefunded", "Count", "minor units of a currency that went back for a cancelled order", "currency", ("EUR",)
)
REFUNDED_BY_HAND: Final = Metric(
    "MoneyRefundedByHand",
    "Count",
    "minor units of a currency that went back by hand at the gateway; if the order is cancelled later, `MoneyRefunded` has its "
    "whole total too",
    "currency",
    ("EUR",),
)
METRICS: Final = (CAPTURED, REFUNDED, REFUNDED_BY_HAND)
BY_STEP: Final = {"capture": CAPTURED, "refund": REFUNDED, "settle_refund": REFUNDED}


def measures(step: str, row: PaymentRow) -> Iterator[Measure]:
    """Yield what a step of a payment, with the row after it, adds to the metrics."""
    if step in BY_STEP:
        yield Measure(BY_STEP[step], row["total"]["amount"], row["total"]["currency"])


def measures_by_hand(row: OutsideRefundRow) -> Iterator[Measure]:
    """Yield what a refund that was made by hand adds to the metrics, once it is recorded."""
    yield Measure(REFUNDED_BY_HAND, row["amount"]["amount"], row["amount"]["currency"])
