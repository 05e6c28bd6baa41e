"""Checks of records that belong to no order."""

from collections.abc import Iterator

from audit.finding import Finding
from audit.records import OrderRecords
from audit.row_faults import subject_of


def check_orphans(order_id: str, records: OrderRecords) -> Iterator[Finding]:
    """Check that every row belongs to an order, and money is captured for orders only."""
    if records.captured:
        yield Finding("M1", order_id, f"{records.captured} is captured for no order")
    rows = (records.payment, records.reservation, records.shipment, *records.notes.values(), *records.ledger.values())
    yield from (Finding("W2", subject_of(row), "has no order") for row in rows if row is not None)
