"""The payment service's table: payments, disputes, and refunds that were made at the gateway by hand."""

from collections.abc import Iterable

from kernel.aggregate_store import AggregateStore
from kernel.clients import AwsClient
from kernel.measures import Measure
from kernel.money import Money
from services.payment.domain import metrics, states
from services.payment.domain.gateway import Intent
from services.payment.domain.model import DisputeRow, OutsideRefundRow, PaymentRow


class Payments(AggregateStore[PaymentRow]):
    """The items `PAY#<order_id>`."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, states.TRANSITIONS)

    def measures(self, step: str, after: PaymentRow) -> Iterable[Measure]:
        """Return what a step adds to the business metrics."""
        return metrics.measures(step, after)


class Disputes(AggregateStore[DisputeRow]):
    """The items `DISPUTE#<dispute_id>`."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, states.DISPUTES)


class OutsideRefunds(AggregateStore[OutsideRefundRow]):
    """The items `REFUND#<refund_id>`."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, states.OUTSIDE_REFUNDS)

    def measures(self, step: str, after: OutsideRefundRow) -> Iterable[Measure]:
        """Return what the only step, the record of a refund, adds to the business metrics."""
        return metrics.measures_by_hand(after)


def intent_of(row: PaymentRow) -> Intent:
    """Return the total and the payment method that the payment is of."""
    return Intent(row["order_id"], Money.from_dict(row["total"]), row["payment_token"])
