"""The forms of rows, and the only place that gives a stored row its form, once `row_faults` has found no fault in it.

The forms are those of the services' domain models. A SKU's row and the ledger's records have a form of the audit's own: the
inventory reads a SKU with a value for each attribute that its row does not have yet.
"""

from typing import Literal, NotRequired, Required, TypedDict, cast

from kernel.aggregate_store import AggregateRow, SweptAttributes
from services.inventory.domain.model import PlaceRow, ReplenishmentRow, ReservationRow, ShardRow, WaitingOrder
from services.notification.domain.model import NoteRow
from services.order.domain.model import OrderRow
from services.payment.domain.model import PaymentRow
from services.shipping.domain.model import ShipmentRow


class StoredRow(TypedDict, total=False):
    """A row as a table has it: DynamoDB guarantees its `pk`. It may have any other attributes, of any type.

    The attributes here are those that the audit reads of a row that may have faults.
    """

    pk: Required[str]
    sk: str
    """The second part of the key of a ledger's record."""
    order_id: object
    status: object
    created_at: object
    updated_at: object
    recorded_at: object
    pending: object
    pending_since: object
    lines: object
    items: object


class MovingRow(AggregateRow, SweptAttributes):
    """A row that moves by a transition table, with the attributes that the checks of single rows read of any kind."""

    order_id: NotRequired[str]
    fulfilment: NotRequired[str]
    reason: NotRequired[str]
    refund_attempt: NotRequired[int]


class SkuRow(TypedDict):
    """A SKU as DynamoDB keeps it: `SKU#<sku>`. Its attributes are those of the inventory's `SkuRow`."""

    pk: str
    sku: str
    available: int
    held: int
    sold: int
    replenished: int
    waited_for: NotRequired[int]
    first_place: NotRequired[int]
    next_place: NotRequired[int]
    shards: NotRequired[int]
    merging: NotRequired[int]
    splits: NotRequired[int]
    waiting: NotRequired[list[WaitingOrder]]
    watched: NotRequired[bool]
    due_shard: NotRequired[str]
    next_due: NotRequired[str]


class LedgerRecord(TypedDict):
    """A record of the gateway's ledger: `pk` is the order's id, `sk` the operation. `amount` is in minor units."""

    pk: str
    sk: str
    outcome: str
    recorded_at: str
    amount: NotRequired[int]
    currency: NotRequired[str]
    reason: NotRequired[str]
    reference: NotRequired[str]
    spent: NotRequired[int]
    """The number of spent idempotency keys of an operation."""


Unread = Literal["PRICE", "REACHABLE", "CONTACT", "DISPUTE", "REFUND", "LEVEL", "BREAKER", "SUPP"]
"""The prefixes of the rows that the audit checks by themselves only."""
KnownRow = (
    tuple[Literal["ORDER"], OrderRow]
    | tuple[Literal["PAY"], PaymentRow]
    | tuple[Literal["RES"], ReservationRow]
    | tuple[Literal["SHIP"], ShipmentRow]
    | tuple[Literal["NOTE"], NoteRow]
    | tuple[Literal["SKU"], SkuRow]
    | tuple[Literal["SHARD"], ShardRow]
    | tuple[Literal["PLACE"], PlaceRow]
    | tuple[Literal["REPL"], ReplenishmentRow]
    | tuple[Unread, StoredRow]
)
"""A row without faults, after the prefix of its key: `match known_row(row)` gives each case the form of its rows."""


def known_row(row: StoredRow) -> KnownRow:
    """Return a service's row that has no fault, with the prefix of its key."""
    return cast(KnownRow, (row["pk"].partition("#")[0], row))


def moving_row(row: StoredRow) -> MovingRow:
    """Return a service's row that has no malformed attribute and that moves by a transition table."""
    return cast(MovingRow, row)


def ledger_record(row: StoredRow) -> LedgerRecord:
    """Return a record of the ledger that has no fault."""
    return cast(LedgerRecord, row)
