"""Replays: after one that covers the losses, the consumers' tables are those of a run without faults."""

from simulation.engine.expressions import Item
from simulation.stage.invariants.mails import Mails
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import fulfilment_of, status_of, text_of

NAME = "replay_restores_lost_work"


def consumers_are_complete(record: Record, mails: Mails) -> None:
    """Check each order with its shipment, payment, stock and mails."""
    for order_id, order in sorted(record.orders.items()):
        status = status_of(order)
        if status not in ("CONFIRMED", "CANCELLED"):
            record.fail("every_order_ends", f"{order_id} stays {status}")
        if status == "CONFIRMED":
            _check_confirmed(record, order_id, order)
        elif _was_confirmed(record, order_id):
            back = (record.payment(order_id), record.reservation(order_id))
            if back != ("REFUNDED", "RESTOCKED"):
                record.fail(NAME, f"{order_id}: payment {back[0]}, stock {back[1]}")
        if _is_reachable(record, order) and text_of(order, "reason") == "NO_ADDRESS":
            record.fail(NAME, f"{order_id} is cancelled for want of an address that its customer always had")
        _check_mails(record, mails, order_id, order)


def _check_confirmed(record: Record, order_id: str, order: Item) -> None:
    shipment = record.shipment(order_id)
    if f"SHIP#{order_id}" not in record.tables["shipping"].rows:
        record.fail("confirmed_order_has_a_shipment", f"{order_id} is confirmed and has no shipment")
    if (shipment, fulfilment_of(order)) != ("DELIVERED", 2):
        record.fail(NAME, f"{order_id}: shipment {shipment}, fulfilment {fulfilment_of(order)}")


def _check_mails(record: Record, mails: Mails, order_id: str, order: Item) -> None:
    was_confirmed = _was_confirmed(record, order_id)
    expected = (
        ("confirmed", "dispatched") if status_of(order) == "CONFIRMED" else ("cancelled", "confirmed")[: 1 + was_confirmed]
    )
    if "PENDING→BACKORDERED" in record.histories[order_id]:
        expected = ("backordered", *expected)
    for kind in expected:
        key = f"NOTE#{order_id}#{kind}"
        note, sent = record.tables["notification"].rows.get(key), mails.sent(order_id, kind)
        unknown = text_of(note, "reason") == "SENDING_UNKNOWN" and mails.was_struck(key)
        if status_of(note) == "SENT" and sent != 1:
            record.fail(NAME, f"the note {kind} of {order_id} is SENT with {sent} mails")
        if _is_reachable(record, order) and status_of(note) != "SENT" and not unknown:
            record.fail(NAME, f"the note {kind} of {order_id} is {status_of(note)} ({text_of(note, 'reason')})")


def _was_confirmed(record: Record, order_id: str) -> bool:
    return "CONFIRMING→CONFIRMED" in record.histories[order_id]


def _is_reachable(record: Record, order: Item) -> bool:
    return str(text_of(order, "customer_id")) not in record.forgotten
