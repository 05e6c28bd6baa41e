"""The kinds of rows that the services write: key, attributes, the statuses that have an attribute, and the transition table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from audit.row_forms import StoredRow
from kernel.transitions import TransitionTable
from services.inventory.domain import states as inventory
from services.notification.domain import states as notification
from services.notification.domain.model import Kind
from services.order.domain import states as order
from services.payment.domain import states as payment
from services.shipping.domain import states as shipping

Counter = Literal["available", "held", "sold", "replenished"]
COUNTERS: Final[tuple[Counter, ...]] = ("available", "held", "sold", "replenished")
"""The counters of a SKU."""
DUE: Final = ("due_shard", "next_due")
"""The attributes that put a row into the index `due`, for its sweeper."""
UNSETTLED: Final = "unsettled-"
"""The prefix of the due shards of rows that hold money or goods, until they are settled."""
MAILS: Final[tuple[Kind, ...]] = ("backordered", "confirmed", "cancelled", "dispatched")
"""The kinds of mails about an order."""
REFUNDS: Final = frozenset({payment.REFUNDING, payment.REFUNDED, payment.REFUND_REFUSED})
"""Statuses of a payment that is refunded, or is to be."""

Statuses = frozenset[str]


@dataclass(frozen=True)
class RowKind:
    """A kind of row. `key` is the template of its key, `schema` the name of its file in `row_schemas/`."""

    key: str
    schema: str
    moves_by: TransitionTable | None = None
    only_in: Mapping[str, Statuses] = field(default_factory=dict)
    """Attributes that a row has in these statuses, and in no other."""
    either_in: Mapping[str, Statuses] = field(default_factory=dict)
    """Of these attributes, further statuses in which a row may have them or not."""
    due_by: str = "{pk}"
    """The template of the text that gives the shard in the index `due`."""
    twice: str = "W1"
    """The code of the invariant that a second row of the same identity breaks."""

    def identity(self, row: StoredRow) -> str | None:
        """Return the key that the row's attributes give it, or None if they give none."""
        try:
            return self.key.format_map(row)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            return None


def _open(table: TransitionTable) -> Statuses:
    return table.statuses - table.terminal


def _due_in(statuses: Statuses) -> dict[str, Statuses]:
    return dict.fromkeys(DUE, statuses)


KINDS: Final[Mapping[str, Mapping[str, RowKind]]] = {
    "order": {
        "ORDER": RowKind(
            "ORDER#{order_id}",
            "order",
            order.TRANSITIONS,
            only_in={
                **_due_in(_open(order.TRANSITIONS)),
                "reason": frozenset({order.CANCELLING, order.CANCELLED, *order.AWAITING_OTHER_SERVICES}),
            },
            due_by="{order_id}",
            twice="I1",
        ),
        "PRICE": RowKind("PRICE#{sku}", "price"),
        "REACHABLE": RowKind("REACHABLE#{customer_id}", "reachable"),
        "CONTACT": RowKind("CONTACT#{customer_id}", "contact"),
    },
    "payment": {
        "PAY": RowKind(
            "PAY#{order_id}",
            "payment",
            payment.TRANSITIONS,
            only_in={**_due_in(frozenset({payment.REFUNDING})), "refund_attempt": REFUNDS, "refund_for": REFUNDS},
            twice="M2",
        ),
        "DISPUTE": RowKind("DISPUTE#{dispute_id}", "dispute", payment.DISPUTES),
        "REFUND": RowKind("REFUND#{refund_id}", "outside_refund", payment.OUTSIDE_REFUNDS),
    },
    "inventory": {
        "RES": RowKind(
            "RES#{order_id}",
            "reservation",
            inventory.TRANSITIONS,
            only_in={"places": frozenset()},
            either_in={"places": frozenset({inventory.WAITING})},  # without it, the queue is in the SKU's row
            twice="S3",
        ),
        "PLACE": RowKind("PLACE#{sku}#{place}", "place", twice="S3"),
        "REPL": RowKind("REPL#{replenishment_id}", "replenishment", inventory.REPLENISHMENTS, twice="S2"),
        "SKU": RowKind("SKU#{sku}", "sku", twice="S2"),
        "SHARD": RowKind("SHARD#{sku}#{shard_number}", "shard", twice="S2"),
        "LEVEL": RowKind("LEVEL#{sku}", "level", inventory.LEVELS),
    },
    "shipping": {
        "SHIP": RowKind(
            "SHIP#{order_id}",
            "shipment",
            shipping.TRANSITIONS,
            only_in={
                **_due_in(_open(shipping.TRANSITIONS)),
                "tracking": frozenset({shipping.DISPATCHED, shipping.DELIVERED}),
                "reason": frozenset({shipping.FAILED}),
            },
            either_in=_due_in(frozenset({shipping.FAILED})),  # until the carrier has released the booking
            twice="E1",
        ),
        "BREAKER": RowKind("BREAKER#carrier", "breaker"),
    },
    "notification": {
        "NOTE": RowKind(
            "NOTE#{order_id}#{kind}",
            "note",
            notification.TRANSITIONS,
            only_in={
                **_due_in(frozenset()),
                "claim": frozenset({notification.CLAIMED}),
                "message_id": frozenset({notification.SENT}),
                "reason": frozenset({notification.FAILED}),
            },
            either_in=_due_in(frozenset({notification.CLAIMED})),  # once its delivery has left it claimed
            twice="E4",
        ),
        "SUPP": RowKind("SUPP#{digest}", "suppression"),
    },
}
"""Every kind of row, by table and key prefix."""


def kind_of(table: str, row: StoredRow) -> RowKind | None:
    """Return the kind that the row's key promises, or None if the table has no rows like it."""
    return KINDS[table].get(str(row.get("pk")).partition("#")[0])
