"""Checks of events: none waits too long for the bus, and none is dead."""

from collections.abc import Iterator

from audit.checks.awaited import Awaited, Overdue
from audit.finding import Finding
from audit.row_faults import subject_of
from audit.snapshot import Snapshot
from audit.tables import SERVICES


def check_pending(snapshot: Snapshot, *, settled: bool, overdue: Overdue) -> Iterator[Finding]:
    """Check that the bus has accepted every event; on a running stage, every event that is overdue."""
    before = overdue.get(Awaited.BUS, "")
    for table in SERVICES:
        for row in snapshot.table(table):
            if isinstance(row, dict) and row.get("pending"):
                since = row.get("pending_since")
                if settled or (isinstance(since, str) and since < before):
                    yield Finding("E5", subject_of(row), "has events that the bus has not accepted")


def check_dead_letters(snapshot: Snapshot) -> Iterator[Finding]:
    """Check that at rest, no dead-letter queue holds a message."""
    for queue, messages in snapshot.dead_letters.items():
        if messages != 0:
            yield Finding("E5", queue, f"holds dead letters: {'an unknown number' if messages is None else messages}")
