"""Snapshots of a small stage, made once: after each round of steps, and when nothing is left to run."""

from collections.abc import Iterator

import pytest

from audit.snapshot import Snapshot
from kernel import clock
from tests.support.audited_stage import STORIES, Stage


@pytest.fixture(scope="session")
def history() -> list[Snapshot]:
    """Return the tables after each round, in which each order took one step. The last is at rest."""
    stage = Stage()
    with clock.use_source(stage.now):
        return list(_rounds(stage))


@pytest.fixture(scope="session")
def settled(history: list[Snapshot]) -> Snapshot:
    """Return the stage once every order is done."""
    return history[-1]


def _rounds(stage: Stage) -> Iterator[Snapshot]:
    stage.open()
    stage.split_stock.split("LP", 3)
    stage.split_stock.split("MUG", 3)  # a back-order merges it
    running = [stage.live(story, number) for number, story in enumerate(STORIES)]
    while running:
        running = [steps for steps in running if next(steps, steps) is None]
        if len(running) % 3:
            stage.relay()
        yield stage.snapshot()
    stage.relay()
    yield stage.snapshot()
