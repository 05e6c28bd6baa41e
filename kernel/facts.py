"""The query between services: what the row of an order durably says, in the service that owns it.

An event is a hint. Before a consumer moves money, goods or an order on it, the consumer reads the owner's row (ADR 27).
"""

import json
from collections.abc import Callable, Mapping
from typing import Literal, NotRequired, TypedDict, TypeVar, cast

from kernel import logs, outside_json
from kernel.clients import AwsClient
from kernel.errors import RetryableError
from kernel.events import DomainEvent
from kernel.money import MoneyDict
from kernel.naming import facts_function_name
from kernel.schemas import InvalidEventError
from kernel.statements import Quantity


class FactsQuery(TypedDict):
    """A query about an order, as a `facts` or `contact` function gets it."""

    order_id: str


class Facts(TypedDict):
    """The facts that every service states of a row about an order."""

    outcome: Literal["FOUND"]
    order_id: str
    status: str


class NotFound(TypedDict):
    """The answer of a service that has no row."""

    outcome: Literal["NOT_FOUND"]


class OrderFacts(Facts):
    """The facts that the order service states of an order. `total` is in minor units of its currency.

    `confirmed` and `revoked` (cancelled after its confirmation) stay true once they are true. `backordered` says that the order
    waited for stock, `left_out` which of the ordered items are not in stock.
    """

    fulfilment: str
    confirmed: bool
    revoked: bool
    backordered: bool
    lines: list[Quantity]
    left_out: list[Quantity]
    total: MoneyDict
    reason: NotRequired[str]


class ShipmentFacts(Facts):
    """The facts that the shipping service states of an order's shipment. `tracking` is set once it is dispatched."""

    tracking: NotRequired[str]
    reason: NotRequired[str]


class PaymentFacts(Facts):
    """The facts that the payment service states of an order's payment. `total` is in minor units of its currency."""

    total: NotRequired[MoneyDict]
    reason: NotRequired[str]


class RefundFacts(Facts):
    """The facts that the payment service states of a refund made at the gateway by hand. `left` is left of the payment."""

    left: MoneyDict


class ReservationFacts(Facts):
    """The facts that the inventory states of an order's reservation."""

    lines: NotRequired[list[Quantity]]


F = TypeVar("F", bound=Facts)
"""The facts of one service."""


class FactsUnavailableError(RetryableError):
    """The owner did not answer, so the state of its row is unknown. The same query is safe to repeat."""


def answer(stated: F | None) -> F | NotFound:
    """Return the answer of a `facts` function: the facts of a row, or NOT_FOUND if there is no row."""
    return {"outcome": "NOT_FOUND"} if stated is None else stated


class OwnerFacts:
    """The facts that each service states of its rows, read from its `facts` function by Lambda's client.

    The variable `STAGE` names the stage, and `FACTS_ALIAS` the alias of the functions, if they have one.
    """

    def __init__(self, client: Callable[[], AwsClient], environ: Mapping[str, str]) -> None:
        self.client = client
        self.stage = environ["STAGE"]
        self.alias = environ.get("FACTS_ALIAS")

    def of(self, service: str, order_id: str, **about: str) -> Facts | None:
        """Return what `service` durably states of the order, or None if it has no row. `about` names one of several rows.

        Raises FactsUnavailableError, and botocore's errors of Lambda: also while the service is not deployed.
        """
        name = facts_function_name(self.stage, service)
        answered = ask(self.client(), f"{name}:{self.alias}" if self.alias else name, order_id, **about)
        found = cast(Facts | NotFound, answered)
        match found.get("outcome"):
            case "FOUND":
                facts = cast(Facts, found)
                logs.debug("facts read", owner=service, row_status=facts.get("status"))
                return facts
            case "NOT_FOUND":
                return None
            case outcome:
                raise FactsUnavailableError(f"{service} answered {outcome!r} about {order_id}")

    def order(self, order_id: str) -> OrderFacts | None:
        """Return what the order service states of the order; see `of`."""
        return cast(OrderFacts | None, self.of("order", order_id))

    def shipment(self, order_id: str) -> ShipmentFacts | None:
        """Return what the shipping service states of the order's shipment; see `of`."""
        return cast(ShipmentFacts | None, self.of("shipping", order_id))


def ask(client: AwsClient, function: str, order_id: str, **about: object) -> dict[str, object]:
    """Invoke a query function, by its name or ARN with or without an alias, on an order. Return its answer.

    `client` is Lambda's. Raises FactsUnavailableError, and botocore's errors.
    """
    answered = client.invoke(
        FunctionName=function,
        InvocationType="RequestResponse",
        Payload=json.dumps({**FactsQuery(order_id=order_id), **about}).encode(),
    )
    found: dict[str, object] = outside_json.read_object(answered["Payload"].read())
    if "FunctionError" in answered:
        failure = found.get("errorType", answered["FunctionError"])  # never its message, which may hold personal data
        raise FactsUnavailableError(f"the query about {order_id} failed: {failure}")
    return found


def contradicted(event: DomainEvent, owner: str, facts: Facts | None) -> InvalidEventError:
    """Return the refusal of an event that its owner's row does not bear out."""
    status = f"{facts['status']} there" if facts else "unknown there"
    reason = f"the {owner} service does not confirm it: the order is {status}; nothing was changed"
    return InvalidEventError(f"{event.detail_type} from {event.source}", "metadata.order_id", reason)
