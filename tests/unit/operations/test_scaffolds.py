"""The names of what a scaffold makes, the places that it changes, and how a failure is undone."""

import shutil
from pathlib import Path

import pytest

from operations.errors import UserError, WrongUsageError
from operations.repository import REPOSITORY
from operations.scaffold import channel, event, names, service
from operations.scaffold.workspace import workspace


def test_move_that_fails_is_undone(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("before")
    (tmp_path / "z").mkdir()
    with workspace(tmp_path) as made:
        made.write("added.txt", "new")
        made.write("kept.txt", "after")
        made.write("folder/added.txt", "new")
        (made.folder / "z").rmdir()
        made.write("z", "a file where the checkout has a folder")
        with pytest.raises(IsADirectoryError):
            made.move()
    assert (tmp_path / "kept.txt").read_text() == "before"
    assert not (tmp_path / "added.txt").exists()
    assert not (tmp_path / "folder").exists()


def test_scaffold_that_fails_writes_nothing(tmp_path: Path) -> None:
    """The composition does not parse, so it cannot be formatted."""
    for name in ("services/payment", "stages"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "app.py").write_text(f"{(REPOSITORY / 'app.py').read_text()}\n(")
    (tmp_path / "build").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="so nothing was written"):
        service.create(tmp_path, "loyalty", "PaymentCaptured")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["", "Loyalty", "loyalty-points", "x", "class", "audit", "operations", "tests", "platform", "a" * 21, "../order"]
)
def test_name_that_no_service_can_have_is_refused_with_the_next_step(name: str) -> None:
    with pytest.raises(WrongUsageError) as refused:
        names.check_service(REPOSITORY, name)
    assert refused.value.hint.startswith("Choose")


@pytest.mark.parametrize("name", ["", "pointsGiven", "Points", "Points_Given", "Given" * 9, "../OrderPlaced"])
def test_name_that_no_event_can_have_is_refused_with_the_next_step(name: str) -> None:
    with pytest.raises(WrongUsageError) as refused:
        names.check_event(REPOSITORY, name)
    assert refused.value.hint.startswith("Say what has happened")


def test_event_that_is_about_no_order_cannot_be_consumed() -> None:
    with pytest.raises(WrongUsageError) as refused:
        service.owner_of(REPOSITORY, "OrderConfirm")
    assert refused.value.hint == "Did you mean OrderConfirmed?"
    assert service.owner_of(REPOSITORY, "ShipmentDispatched") == "shipping"


STATES = """
A = TransitionTable(
    aggregate="A",
    transitions=(step("give", ABSENT, "GIVEN"), step("tell", "GIVEN", "TOLD", "Told"), step("hüte", "TOLD", "X", guard="ü")),
)
"""


def test_event_goes_to_the_one_step_that_publishes_nothing() -> None:
    found = list(event.steps(STATES))
    assert [(step.name, step.publishes) for step in found] == [("give", None), ("tell", "Told"), ("hüte", None)]
    step = event.chosen(found, "a", "hüte")
    assert STATES[step.end :].startswith(")),\n)")
    assert event.chosen(found[:2], "a", None) == found[0]


@pytest.mark.parametrize(
    ("chosen", "of", "hint"),
    [
        (None, 3, "Choose the event's step by --step: `give`, `hüte`."),
        ("tell", 3, "Steps that publish nothing: `give`, `hüte`."),
    ],
)
def test_step_that_is_not_clear_is_refused_with_the_choice(chosen: str | None, of: int, hint: str) -> None:
    with pytest.raises(WrongUsageError) as refused:
        event.chosen(list(event.steps(STATES))[:of], "a", chosen)
    assert refused.value.hint == hint


def test_service_without_a_silent_step_needs_one_first() -> None:
    with pytest.raises(WrongUsageError, match="publishes an event already"):
        event.chosen([step for step in event.steps(STATES) if step.publishes], "a", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n", "a: 1\nchannels:\n  - new\n"),
        ("channels: []\nb: 2\n", "channels:\n  - new\nb: 2\n"),
        ("channels:   # why\n  - one\n  - two  # too\nb: 2\n", "channels:   # why\n  - one\n  - two  # too\n  - new\nb: 2\n"),
    ],
)
def test_channel_is_added_to_those_of_the_stage(text: str, expected: str) -> None:
    assert channel.added(text, "  - new\n") == expected
