"""The query by which other services verify an event of the payment service: the payment as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired

from kernel.clients import Clients
from kernel.facts import FactsQuery, NotFound, PaymentFacts, RefundFacts, answer
from kernel.handler import Handler, lambda_handler
from kernel.settings import from_environment
from services.payment.domain.model import OutsideRefundRow, PaymentRow
from services.payment.storage.table import OutsideRefunds, Payments


@dataclass(frozen=True)
class FactsSettings:
    """The payments' table."""

    table_name: str


class PaymentQuery(FactsQuery):
    """A query about the payment of an order, or about one of its refunds that were made at the gateway by hand."""

    refund_id: NotRequired[str]


def facts_of(row: PaymentRow) -> PaymentFacts:
    """Return the payment's facts. A payment that was voided first has no total."""
    found = PaymentFacts(outcome="FOUND", order_id=row["order_id"], status=row["status"])
    if "total" in row:
        found["total"] = row["total"]
    if "reason" in row:
        found["reason"] = row["reason"]
    return found


def facts_of_refund(row: OutsideRefundRow) -> RefundFacts:
    """Return the facts of a refund that was made at the gateway by hand."""
    return RefundFacts(outcome="FOUND", order_id=row["order_id"], status=row["status"], left=row["left"])


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of a query.

    It returns FOUND with the payment's `status`, `total` and `reason`, or NOT_FOUND. With a `refund_id`, it returns FOUND with
    the `status` of that refund and the amount that is `left` of the payment.
    """
    settings = from_environment(FactsSettings, environ)
    payments = Payments(clients.dynamodb, settings.table_name)
    refunds = OutsideRefunds(clients.dynamodb, settings.table_name)

    def handle(event: PaymentQuery, context: object) -> PaymentFacts | RefundFacts | NotFound:
        if "refund_id" not in event:
            payment = payments.get(event["order_id"])
            return answer(facts_of(payment) if payment else None)
        refund = refunds.get(event["refund_id"])
        return answer(facts_of_refund(refund) if refund and refund["order_id"] == event["order_id"] else None)

    return handle


handler = lambda_handler(bootstrap)
