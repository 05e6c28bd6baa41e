"""Findings of the scheduled audit on a running stage: things that are overdue, and not before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from audit.auditor import audit
from audit.catalogue import AT_REST
from audit.patience import Limits, overdue
from audit.snapshot import Snapshot
from kernel.aggregate_store import Row
from tests.support.audited_stage import last_moved

LIMITS = Limits(abort_after_seconds=600, back_ordered_for_seconds=6 * 24 * 3600)
MINUTE = timedelta(minutes=1)


def waited_for(snapshot: Snapshot, waited: timedelta) -> set[tuple[str, str]]:
    """Return the broken invariants of rest, with their texts, when nothing has moved for this long."""
    now = last_moved(snapshot) + waited
    found = audit(replace(snapshot, began="9999"), settled=False, overdue=overdue(now, LIMITS))
    return {(finding.invariant, finding.what) for finding in found if finding.invariant in AT_REST}


def first(history: list[Snapshot], table: str, chosen: Callable[[Row, Snapshot], bool]) -> Snapshot:
    """Return the first snapshot of the history with a chosen row in the table."""
    return next(snapshot for snapshot in history if any(chosen(row, snapshot) for row in snapshot.table(table)))


def test_running_stage_has_nothing_overdue(history: list[Snapshot]) -> None:
    for moment in history:
        at_once = replace(moment, began="9999")
        assert audit(at_once, settled=False, overdue=overdue(last_moved(moment), LIMITS)) == []


def test_stage_at_rest_has_only_a_back_order_overdue(settled: Snapshot) -> None:
    assert waited_for(settled, timedelta(days=6)) == set()
    ((invariant, what),) = waited_for(settled, timedelta(days=6, hours=2))
    assert (invariant, what.split(" since ")[0]) == ("V1", "is BACKORDERED")


def test_unfinished_order_is_overdue_an_hour_after_its_deadline(history: list[Snapshot]) -> None:
    moment = next(snapshot for snapshot in history if any(row["status"] == "PENDING" for row in orders(snapshot)))
    statuses = {row["status"] for row in orders(moment)} - {"CONFIRMED", "CANCELLED", "BACKORDERED"}
    assert {what for _, what in waited_for(moment, 71 * MINUTE)} >= {f"is {status}" for status in statuses}
    assert not {what for _, what in waited_for(moment, 59 * MINUTE)} & {f"is {status}" for status in statuses}


def test_paid_order_without_a_shipment_is_overdue(history: list[Snapshot]) -> None:
    def unshipped(row: Row, snapshot: Snapshot) -> bool:
        shipped = {shipment["order_id"] for shipment in snapshot.shipping}
        return row.get("status") == "CONFIRMED" and row["order_id"] not in shipped

    stopped = first(history, "order", unshipped)
    missing = ("E3", "is CONFIRMED and has no shipment")
    assert missing in waited_for(stopped, 61 * MINUTE)
    assert missing not in waited_for(stopped, 40 * MINUTE)


@pytest.mark.parametrize("status", ["CREATED", "BOOKING"])
def test_parcel_that_the_carrier_never_takes_is_overdue(history: list[Snapshot], status: str) -> None:
    stopped = first(history, "shipping", lambda row, snapshot: row["status"] == status)
    lying = ("V1", f"its shipment is {status}, and the carrier has not taken the parcel")
    assert lying in waited_for(stopped, 61 * MINUTE)
    assert lying not in waited_for(stopped, 40 * MINUTE)


def test_mail_that_was_never_sent_is_overdue(history: list[Snapshot], settled: Snapshot) -> None:
    lost = next(row for row in settled.notification if row.get("kind") == "confirmed")
    forgotten = replace(settled, notification=[row for row in settled.notification if row is not lost])
    assert ("E5", "the customer got no mail that it is confirmed") in waited_for(forgotten, 61 * MINUTE)
    claimed = first(history, "notification", lambda row, snapshot: row["status"] == "CLAIMED")
    found = {what for _, what in waited_for(claimed, 61 * MINUTE)}
    assert any(what.startswith("the mail ") and what.endswith("is CLAIMED") for what in found)


def test_pending_event_is_overdue_after_a_quarter_of_an_hour(history: list[Snapshot]) -> None:
    pending = ("E5", "has events that the bus has not accepted")
    moment = next(snapshot for snapshot in history if any(row.get("pending") for row in orders(snapshot)))
    assert pending in waited_for(moment, 16 * MINUTE)
    assert pending not in waited_for(moment, 10 * MINUTE)


def orders(snapshot: Snapshot) -> list[Row]:
    """Return the rows of orders."""
    return [row for row in snapshot.order if "order_id" in row]
