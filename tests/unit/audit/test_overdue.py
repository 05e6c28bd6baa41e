"""Findings of the scheduled audit on a running stage: things that are overdue, and not before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from audit.auditor import audit
from audit.catalogue import AT_REST
from audit.function import Settings, overdue
from audit.snapshot import Books
from kernel.aggregate_store import Row
from tests.support.audited_stage import last_moved

LIMITS = Settings(abort_after_seconds=600, back_ordered_for_seconds=6 * 24 * 3600)
MINUTE = timedelta(minutes=1)


def waited_for(books: Books, waited: timedelta) -> set[tuple[str, str]]:
    """Return the broken invariants of rest, with their texts, when nothing has moved for this long."""
    now = last_moved(books) + waited
    found = audit(replace(books, began="9999"), settled=False, overdue=overdue(now, LIMITS))
    return {(finding.invariant, finding.what) for finding in found if finding.invariant in AT_REST}


def first(history: list[Books], table: str, chosen: Callable[[Row, Books], bool]) -> Books:
    """Return the first snapshot of the history with a chosen row in the table."""
    return next(books for books in history if any(chosen(row, books) for row in books.table(table)))


def test_a_stage_that_runs_has_nothing_overdue(history: list[Books]) -> None:
    for moment in history:
        at_once = replace(moment, began="9999")
        assert audit(at_once, settled=False, overdue=overdue(last_moved(moment), LIMITS)) == []


def test_a_stage_at_rest_has_nothing_overdue_but_a_back_order_that_is_not_given_up(settled: Books) -> None:
    assert waited_for(settled, timedelta(days=6)) == set()
    ((invariant, what),) = waited_for(settled, timedelta(days=6, hours=2))
    assert (invariant, what.split(" since ")[0]) == ("V1", "is BACKORDERED")


def test_an_order_without_its_end_is_found_an_hour_after_it_should_be_given_up(history: list[Books]) -> None:
    moment = next(books for books in history if any(row["status"] == "PENDING" for row in orders(books)))
    statuses = {row["status"] for row in orders(moment)} - {"CONFIRMED", "CANCELLED", "BACKORDERED"}
    assert {what for _, what in waited_for(moment, 71 * MINUTE)} >= {f"is {status}" for status in statuses}
    assert not {what for _, what in waited_for(moment, 59 * MINUTE)} & {f"is {status}" for status in statuses}


def test_a_paid_order_without_a_shipment_is_found(history: list[Books]) -> None:
    def unshipped(row: Row, books: Books) -> bool:
        shipped = {shipment["order_id"] for shipment in books.shipping}
        return row.get("status") == "CONFIRMED" and row["order_id"] not in shipped

    stopped = first(history, "order", unshipped)
    missing = ("E3", "is CONFIRMED and has no shipment")
    assert missing in waited_for(stopped, 61 * MINUTE)
    assert missing not in waited_for(stopped, 40 * MINUTE)


@pytest.mark.parametrize("status", ["CREATED", "BOOKING"])
def test_a_parcel_that_the_carrier_never_takes_is_found(history: list[Books], status: str) -> None:
    stopped = first(history, "shipping", lambda row, books: row["status"] == status)
    lying = ("V1", f"its shipment is {status}, and the carrier has not taken the parcel")
    assert lying in waited_for(stopped, 61 * MINUTE)
    assert lying not in waited_for(stopped, 40 * MINUTE)


def test_a_mail_that_was_never_sent_is_found(history: list[Books], settled: Books) -> None:
    lost = next(row for row in settled.notification if row.get("kind") == "confirmed")
    forgotten = replace(settled, notification=[row for row in settled.notification if row is not lost])
    assert ("E5", "the customer got no mail that it is confirmed") in waited_for(forgotten, 61 * MINUTE)
    claimed = first(history, "notification", lambda row, books: row["status"] == "CLAIMED")
    found = {what for _, what in waited_for(claimed, 61 * MINUTE)}
    assert any(what.startswith("the mail ") and what.endswith("is CLAIMED") for what in found)


def test_an_event_that_the_bus_does_not_have_is_found_after_a_quarter_of_an_hour(history: list[Books]) -> None:
    pending = ("E5", "has events that the bus has not accepted")
    moment = next(books for books in history if any(row.get("pending") for row in orders(books)))
    assert pending in waited_for(moment, 16 * MINUTE)
    assert pending not in waited_for(moment, 10 * MINUTE)


def orders(books: Books) -> list[Row]:
    """Return the rows of orders."""
    return [row for row in books.order if "order_id" in row]
