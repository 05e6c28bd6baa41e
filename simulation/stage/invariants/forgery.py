"""Forged input: the forger's executions and commands write no row and make no call to the outside."""

from collections.abc import Sequence

from simulation.engine.dynamodb import Change
from simulation.engine.faults import OUTSIDE, Kind
from simulation.stage.forger import FORGER
from simulation.stage.invariants.record import Record

NAME = "forged_input_changes_nothing"


def writes_no_row(record: Record, task: str, changes: Sequence[Change]) -> None:
    """Check the task that makes a write."""
    if FORGER in task:
        record.fail(NAME, f"{task} wrote {', '.join(change.key for change in changes)}")


def makes_no_call(record: Record, boundary: str, kind: Kind) -> None:
    """Check the call boundary that a task meets."""
    if kind in OUTSIDE and FORGER in boundary:
        record.fail(NAME, boundary)
