"""Checks of an order's life: its identity, the evidence of each step, the reason of its end, and that it ends."""

from collections.abc import Iterator, Mapping
from typing import Final

from audit.checks.awaited import Awaited, Waiting
from audit.checks.broken import Broken
from audit.order_facts import bare_lines, original_order, status_of
from audit.records import OrderRecords
from audit.row_kinds import REFUNDS
from kernel.transitions import ABSENT
from services.inventory.domain import states as stock
from services.inventory.domain.model import ReservationRow
from services.order.domain import identity
from services.order.domain import states as order
from services.order.domain.model import OrderRow
from services.payment.domain import states as payment
from services.payment.domain.model import PaymentRow

BESIDE: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    order.PENDING: (
        frozenset({payment.AUTHORIZING, payment.AUTHORIZED, payment.DECLINED, ABSENT}),
        frozenset({stock.WAITING, stock.HELD, stock.RELEASED, ABSENT}),
    ),
    order.BACKORDERED: (
        frozenset({payment.AUTHORIZED, payment.VOIDING, payment.VOIDED}),  # the card's bank ends an authorization in time
        frozenset({stock.WAITING, stock.HELD}),
    ),
    order.CONFIRMING: (
        frozenset({payment.AUTHORIZED, payment.CAPTURING, payment.CAPTURED, payment.CAPTURE_REFUSED}),
        frozenset({stock.HELD, stock.COMMITTED}),
    ),
    order.CANCELLING: (
        payment.TRANSITIONS.statuses - {payment.CAPTURING, payment.CAPTURED, *REFUNDS} | {ABSENT},
        stock.TRANSITIONS.statuses | {ABSENT},
    ),
    order.REFUNDING: (frozenset({payment.CAPTURED, *REFUNDS}), frozenset({stock.COMMITTED, stock.RESTOCKED})),
}
"""The payments and reservations that an unfinished order may have. `audit.checks.money` checks the finished ones."""


def check_identity(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that the id is made of the caller and its key, the hash of the request."""
    customer = row["channel"] == "api"
    scope = identity.customer_scope(row["customer_id"]) if customer else identity.channel_scope(row["channel"])
    if not _is_of_key(row, scope):
        yield "I1", f"its id is not that of {scope} and its idempotency key"
    request = {
        "customer_id": row["customer_id"],
        "currency": row["total"]["currency"],
        "lines": bare_lines(original_order(row)["lines"]),
        "payment_token": row["payment_token"],
        **({"if_short": row["if_short"]} if "if_short" in row else {}),
    }
    if not identity.is_hash(row["request_hash"], identity.request_hash(request)):
        yield "I1", "its request_hash is not that of its request"
    if not customer and row["respond"] != "async":
        yield "W3", f"respond is {row['respond']!r} for a channel's order; channels are always async"


def _is_of_key(row: OrderRow, scope: str) -> bool:
    """Return True if the order's id is made of its scope and key. Orders from before keys were hashed have the key itself."""
    if "idempotency_key" in row:
        return identity.order_id(scope, row["idempotency_key"]) == row["order_id"]
    if not {"key_hash", "scope_hash"} <= row.keys():
        return False
    same_scope = identity.is_hash(row["scope_hash"], identity.scope_hash(scope, row["key_hash"]))
    return same_scope and identity.order_id_of(row["key_hash"]) == row["order_id"]


def check_path(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that an order took one path, and each step of it on the evidence that its guard demands."""
    yield from _beside(row, records)
    yield from _returned(row, records)
    if row["status"] in (order.CANCELLING, order.CANCELLED) and "refunded" not in row:
        yield from _stock_of_the_cancelled(row, records.reservation)
        yield from _payment_of_the_cancelled(row, records.payment)


def _beside(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that an unfinished order has a payment and a reservation that fit its status."""
    status, paid, reserved = row["status"], status_of(records.payment), status_of(records.reservation)
    if status not in BESIDE:
        return
    payments, reservations = BESIDE[status]
    if "resumed_at" in row and status == order.PENDING:
        payments |= BESIDE[order.BACKORDERED][0]
    if paid not in payments or reserved not in reservations:
        yield "D1", f"is {status} with payment {paid} and stock {reserved}"
    if status == order.PENDING and reserved == stock.RELEASED and "rejected" not in (records.reservation or {}):
        yield "D1", "is PENDING, and its stock is released"


def _returned(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that an order that has its money or goods back has a payment that is REFUNDED, or stock that is RESTOCKED."""
    paid, reserved = status_of(records.payment), status_of(records.reservation)
    if "refunded" in row and paid != payment.REFUNDED:
        yield "D1", f"records its refund, and its payment is {paid}"
    if "restocked" in row and reserved != stock.RESTOCKED:
        yield "D1", f"records the return of its goods, and its stock is {reserved}"
    if row["status"] == order.CANCELLED and "refunded" not in row and paid in REFUNDS:
        yield "D1", f"was never CONFIRMED, and its payment is {paid}"


def _stock_of_the_cancelled(row: OrderRow, reserved: ReservationRow | None) -> Broken:
    """Check that only an order whose capture was refused ever held stock until the decision to confirm."""
    if reserved is None:
        return
    never_held = "backordered" in reserved and reserved["status"] == stock.RELEASED and reserved["version"] == 2
    was_held = "lines" in reserved and "rejected" not in reserved and not never_held
    turned_back = row["reason"] == "CAPTURE_REFUSED"
    if turned_back and not was_held:
        yield "D1", "was CONFIRMING, and no stock was ever held"
    if not turned_back and reserved["status"] in (stock.COMMITTED, stock.RESTOCKED):
        yield "D1", "was never CONFIRMING, and its stock was committed"


def _payment_of_the_cancelled(row: OrderRow, paid: PaymentRow | None) -> Broken:
    """Check that the capture was refused if, and only if, that is the reason of the cancellation."""
    if paid is None:
        return
    voided = paid["status"] in (payment.VOIDING, payment.VOIDED)
    was_refused = paid["status"] == payment.CAPTURE_REFUSED or (voided and "reason" in paid)
    if was_refused != (row["reason"] == "CAPTURE_REFUSED"):
        yield "D1", f"is cancelled for {row['reason']}, and its capture was {'' if was_refused else 'not '}refused"


def check_reason(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that the reason of a cancellation is true."""
    reason = row.get("reason")
    if reason == "PAYMENT_DECLINED" and status_of(records.payment) != payment.DECLINED:
        yield "W3", f"is cancelled for {reason}, and its payment is {status_of(records.payment)}"
    if reason == "OUT_OF_STOCK" and not _was_short(records.reservation):
        yield "W3", f"is cancelled for {reason}, and no reservation was rejected"
    failed = records.shipment.get("reason") if records.shipment is not None else None
    if reason in ("NO_ADDRESS", "CARRIER_REFUSED") and failed != reason:
        yield "W3", f"is cancelled for {reason}, and its shipment failed for {failed}"


def _was_short(reserved: ReservationRow | None) -> bool:
    if reserved is None:
        return False
    return "rejected" in reserved or "backordered" in reserved or "asked" in reserved


def check_correlation(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that the correlation id is the same from the request to the last mail."""
    for other in (records.payment, records.reservation, records.shipment, *records.notes.values()):
        if other is not None and other["correlation_id"] != row["correlation_id"]:
            yield "W3", f"the correlation_id of {other['pk']} is another"


def awaited_end(row: OrderRow, records: OrderRecords) -> Iterator[Waiting]:
    """Check that an order that is not finished waits for its end; a back-order waits for its stock first."""
    status, moved = row["status"], row["updated_at"]
    if status == order.BACKORDERED:
        paid, reserved = status_of(records.payment), status_of(records.reservation)
        if (paid, reserved) != (payment.AUTHORIZED, stock.WAITING):
            yield Waiting("V1", f"is {status} with payment {paid} and stock {reserved}", Awaited.END, moved)
        yield Waiting("V1", f"is {status} since {row['created_at']}", Awaited.STOCK, row["created_at"])
    elif status not in order.TRANSITIONS.terminal:
        yield Waiting("V1", f"is {status}", Awaited.END, moved)
