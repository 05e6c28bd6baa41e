"""Checks of mails: each is true, was caused by its event, and reaches the customer."""

from collections.abc import Iterator

from audit.checks.awaited import Awaited, Waiting
from audit.checks.broken import Broken
from audit.order_facts import PAID_FOR, fulfilment_of, was_confirmed
from audit.records import OrderRecords
from services.notification.domain import states as notification
from services.notification.domain.model import Kind
from services.order.domain import states as order
from services.order.domain.model import OrderRow


def check_notes(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that no mail says anything untrue, and each was caused by the event that it is about."""
    status = row["status"]
    true: dict[Kind, bool] = {
        "backordered": "backordered_at" in row,
        "confirmed": was_confirmed(row),
        "cancelled": status in (order.CANCELLED, order.REFUNDING),
        "dispatched": status in PAID_FOR and fulfilment_of(records.shipment) > 0,
    }
    causes = _causes(row)
    for kind, note in records.notes.items():
        if not true[kind]:
            yield "E4", f"the mail {kind} is {note['status']}, and the order is {status}"
        elif note["causation_id"] != causes[kind]:
            yield "W3", f"the mail {kind} was caused by {note['causation_id']}, not by {causes[kind]}"


def _causes(row: OrderRow) -> dict[Kind, str]:
    """Return the id of the event behind each kind of mail."""
    order_id = row["order_id"]
    waited = ("backordered_at" in row) + ("resumed_at" in row)
    returned = ("refunded" in row) + ("restocked" in row)
    return {
        "backordered": f"ORDER#{order_id}#2",
        "confirmed": f"ORDER#{order_id}#{3 + waited}",
        "cancelled": f"ORDER#{order_id}#{row['version'] - returned}",
        "dispatched": f"SHIP#{order_id}#3",
    }


def awaited_mails(row: OrderRow, records: OrderRecords) -> Iterator[Waiting]:
    """Check that an order waits for the end of each mail, and for each mail that is due."""
    for kind, note in records.notes.items():
        if note["status"] not in notification.TRANSITIONS.terminal:
            yield Waiting("V1", f"the mail {kind} is {note['status']}", Awaited.NEWS, note["created_at"])
    shipped = records.shipment
    news = max(row["updated_at"], shipped["updated_at"] if shipped is not None else "")
    due: dict[Kind, bool] = {
        "backordered": "backordered_at" in row,
        "confirmed": was_confirmed(row),
        "cancelled": row["status"] == order.CANCELLED,
        "dispatched": fulfilment_of(shipped) > 0,
    }
    for kind, expected in due.items():
        if expected and kind not in records.notes:
            yield Waiting("E5", f"the customer got no mail that it is {kind}", Awaited.NEWS, news)
