"""The form of an order's item."""

from typing import Final, Literal, NotRequired, TypedDict

from kernel.aggregate_store import AggregateRow, Decision, SweptAttributes
from kernel.money import MoneyDict
from kernel.statements import IfShort, Shortage
from services.order.domain.states import Fulfilment

CancellationReason = Literal["CUSTOMER", "OPERATOR"]
"""The origin of a cancellation: its customer or an operator."""
ShipmentFailure = Literal["NO_ADDRESS", "CARRIER_REFUSED"]
"""Why a parcel cannot go."""
Unavailable = Literal["PAYMENT_UNAVAILABLE", "INVENTORY_UNAVAILABLE"]
"""Which service gave a try no answer."""
Reason = Literal[
    CancellationReason,
    ShipmentFailure,
    Unavailable,
    "PAYMENT_DECLINED",
    "PAYMENT_VOIDED",
    "OUT_OF_STOCK",
    "STOCK_RELEASED",
    "CAPTURE_REFUSED",
]
"""Why an order is, or may be, cancelled."""
Respond = Literal["sync", "async"]
"""Whether the caller waits for the saga's end."""


class Line(TypedDict):
    """So many of a SKU, at the catalogue's price of the day: `unit_price` in minor units of the order's currency."""

    sku: str
    quantity: int
    unit_price: int


class Contents(TypedDict):
    """The lines of an order and their total."""

    lines: list[Line]
    total: MoneyDict


class OrderAttributes(SweptAttributes, total=False):
    """The attributes that the decisions of an order set. Times are in RFC 3339 (UTC)."""

    # From its creation on
    order_id: str
    customer_id: str
    channel: str
    """`api`, or the name of the channel that published the order."""
    respond: Respond
    payment_token: str
    """Stays after the decision. A run of the saga that starts late states it again, with the total as it was ordered. The
    audit needs it too: `request_hash` covers it. The payment's item keeps the same token, for the refund."""
    lines: list[Line]
    total: MoneyDict
    fulfilment: Fulfilment
    key_hash: str
    scope_hash: str
    request_hash: str
    correlation_id: str
    placed_by: str
    """The id of the request or event that created the order: its handler starts the saga."""
    attempts: int
    """How often the sweeper has tried the order since its latest move."""

    # If it is known, if the customer said so, or once it happened
    caller: str
    """The role or user that placed the order by the API, as IAM states it: `role/shop-backend`."""
    if_short: IfShort
    ordered: Contents
    """The contents as ordered, if less than that is in stock."""
    reason: Reason
    short: list[Shortage]
    """The SKUs that were not in stock in the ordered quantity, as inventory stated, if it refused the order for them."""
    backordered_at: str
    held_until: str
    """When the gateway's authorisation of a back-order ends."""
    resumed_at: str
    refunded: bool
    restocked: bool

    # While the sweeper recovers it
    lease_owner: str
    lease_until: str
    tried_at: str
    unavailable: Unavailable


class OrderRow(AggregateRow, OrderAttributes):
    """An order as DynamoDB keeps it."""

    idempotency_key: NotRequired[str]
    """The key itself, in an order that an older version placed: `key_hash` and `scope_hash` are in its place now."""


class PageKey(TypedDict):
    """The key of an order in the index of a customer's orders: where a page ends."""

    pk: str
    customer_id: str
    created_at: str


InPage = Literal["order_id", "status", "fulfilment", "total", "created_at", "updated_at"]
IN_A_PAGE: Final[tuple[InPage, ...]] = ("order_id", "status", "fulfilment", "total", "created_at", "updated_at")
"""The attributes of an order in a page."""


class OrderInPage(TypedDict):
    """An order as a page of a customer's orders has it."""

    order_id: str
    status: str
    fulfilment: Fulfilment
    total: MoneyDict
    created_at: str
    updated_at: str


OrderDecision = Decision[OrderAttributes]
