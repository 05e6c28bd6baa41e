"""The query by which other services verify an event of the payment service: the payment as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from kernel import facts
from kernel.clients import Clients
from kernel.commands import Answer
from kernel.handler import Handler, lambda_handler
from kernel.settings import from_environment
from services.payment.storage.table import OutsideRefunds, Payments


@dataclass(frozen=True)
class FactsSettings:
    """The payments' table."""

    table_name: str


class FactsQuery(TypedDict):
    """A query about the payment of an order, or about one of its refunds that were made at the gateway by hand."""

    order_id: str
    refund_id: NotRequired[str]


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of a query.

    It returns FOUND with the payment's `status`, `total` and `reason`, or NOT_FOUND. With a `refund_id`, it returns FOUND with
    the `status` of that refund and the amount that is `left` of the payment.
    """
    settings = from_environment(FactsSettings, environ)
    payments = Payments(clients.dynamodb, settings.table_name)
    refunds = OutsideRefunds(clients.dynamodb, settings.table_name)

    def handle(event: FactsQuery, context: object) -> Answer:
        if "refund_id" not in event:
            return facts.answer(payments.get(event["order_id"]), "total", "reason")
        refund = refunds.get(event["refund_id"])
        return facts.answer(refund if refund and refund["order_id"] == event["order_id"] else None, "left")

    return handle


handler = lambda_handler(bootstrap)
