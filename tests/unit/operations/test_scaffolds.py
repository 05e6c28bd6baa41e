"""The names of what a scaffold makes, the places that it changes, and how a failure is undone."""

import re
import shutil
from pathlib import Path

import pytest

import stages
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
    found = list(event.steps(STATES, "states.py"))
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
        event.chosen(list(event.steps(STATES, "states.py"))[:of], "a", chosen)
    assert refused.value.hint == hint


def test_service_without_a_silent_step_needs_one_first() -> None:
    with pytest.raises(WrongUsageError, match="publishes an event already"):
        event.chosen([step for step in event.steps(STATES, "states.py") if step.publishes], "a", None)


@pytest.mark.parametrize(
    ("stacks", "expected"),
    [
        ("STACKS = (\n    OneStack,\n    TwoStack,\n)", "STACKS = (\n    OneStack,\n    TwoStack,\n    LoyaltyStack,\n)"),
        ("STACKS = (OneStack, TwoStack)", "STACKS = (OneStack, TwoStack, LoyaltyStack)"),
        ("STACKS = (OneStack,)  # alone", "STACKS = (\n    OneStack,\n    LoyaltyStack,\n)  # alone"),
        ("STACKS: Final = [OneStack]", "STACKS: Final = [OneStack, LoyaltyStack]"),
        ("STACKS = OneStack, TwoStack", "STACKS = OneStack, TwoStack, LoyaltyStack"),
    ],
)
def test_stack_is_added_in_the_form_of_the_composition(tmp_path: Path, stacks: str, expected: str) -> None:
    with workspace(tmp_path) as copy:
        copy.write("app.py", f"import os\n\n{stacks}\nlast = os\n")
        for folder in ("services/loyalty", "tests/unit/loyalty"):
            copy.write(f"{folder}/__init__.py", "")
        service.compose(copy, "loyalty")
        copy.formatted("app.py")
        text = copy.read("app.py")
    assert text == f"import os\n\nfrom services.loyalty.infrastructure import LoyaltyStack\n\n{expected}\nlast = os\n"


@pytest.mark.parametrize("text", ["import os\nSTACKS = tuple(os)\n", "import os\nSTACKS = ()\n", "import os\n", "STACKS = ("])
def test_composition_without_stacks_is_refused(tmp_path: Path, text: str) -> None:
    with workspace(tmp_path) as copy:
        copy.write("app.py", text)
        with pytest.raises(UserError, match="so nothing was written"):
            service.compose(copy, "loyalty")
        assert copy.read("app.py") == text


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("services/payment/README.md", "# Payment\n\n## Events\n\nIt publishes all.\n"),
        ("services/payment/README.md", None),
        ("services/payment/domain/states.py", "T = TransitionTable(\n"),
        ("services/payment/domain/states.py", 'T = TransitionTable(aggregate=A, transitions=(step("a", B, C),))\n'),
        ("services/payment/schemas/PaymentCaptured.v1.json", "{"),
    ],
)
def test_event_is_refused_for_a_file_that_it_cannot_change(tmp_path: Path, path: str, text: str | None) -> None:
    shutil.copytree(REPOSITORY / "services/payment", tmp_path / "services/payment")
    (tmp_path / path).unlink() if text is None else (tmp_path / path).write_text(text)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(UserError, match="so nothing was written") as refused:
        event.create(tmp_path, "payment", "PaymentHeld", "intend_capture")
    assert path in refused.value.message
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


NEW = "{name: market, principals: [role/market]}"
SHOP = "{name: shop, principals: [role/shop]}"


def stage_file(folder: Path, text: str) -> Path:
    file = folder / "dev.yaml"
    file.write_bytes(text.encode())
    return file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ephemeral: true", f"ephemeral: true\nchannels:\n  - {NEW}\n"),
        ("ephemeral: true\n# channels: none\n\n", f"ephemeral: true\n# channels: none\nchannels:\n  - {NEW}\n"),
        ("channels:\nephemeral: true\n", f"channels: [{NEW}]\nephemeral: true\n"),
        ("channels: null\nephemeral: true\n", f"channels: [{NEW}]\nephemeral: true\n"),
        ("channels: []  # none\nephemeral: true\n", f"channels: [{NEW}]  # none\nephemeral: true\n"),
        (f"channels: [{SHOP}]  # ours\nephemeral: true\n", f"channels: [{SHOP}, {NEW}]  # ours\nephemeral: true\n"),
        (f"channels: [\n  {SHOP},  # a\n]\nephemeral: true\n", f"channels: [\n  {SHOP}, {NEW},  # a\n]\nephemeral: true\n"),
        (f"ephemeral: true\nchannels:\n- {SHOP}", f"ephemeral: true\nchannels:\n- {SHOP}\n- {NEW}\n"),
        (
            f"channels:   # why\n    -   {SHOP}  # too\n# end\nephemeral: true\n",
            f"channels:   # why\n    -   {SHOP}  # too\n    -   {NEW}\n# end\nephemeral: true\n",
        ),
        (
            "channels:\n  - name: shop\n    principals:\n      - role/shop  # s\n\n# below\nephemeral: true\n",
            f"channels:\n  - name: shop\n    principals:\n      - role/shop  # s\n  - {NEW}\n\n# below\nephemeral: true\n",
        ),
        (f"channels:\r\n  - {SHOP}\r\nephemeral: true\r\n", f"channels:\r\n  - {SHOP}\r\n  - {NEW}\nephemeral: true\r\n"),
        (f"{{channels: [{SHOP}], ephemeral: true}}\n", f"{{channels: [{SHOP}, {NEW}], ephemeral: true}}\n"),
    ],
)
def test_channel_is_added_in_the_form_of_the_file(tmp_path: Path, text: str, expected: str) -> None:
    file = stage_file(tmp_path, text)
    assert channel.create(tmp_path, "market", "dev", ["role/market"]) == file
    assert file.read_bytes().decode() == expected
    assert stages.load("dev", at=tmp_path).channels[-1] == stages.Channel("market", ("role/market",))


@pytest.mark.parametrize("name", ["no", "null", "1-2", "2026-01-02"])
def test_channel_whose_name_yaml_reads_otherwise_is_written_in_quotes(tmp_path: Path, name: str) -> None:
    stage_file(tmp_path, "ephemeral: true\n")
    channel.create(tmp_path, name, "dev", ["role/market"])
    assert stages.load("dev", at=tmp_path).channels == (stages.Channel(name, ("role/market",)),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"channels:\n  -\n    {SHOP}\nephemeral: true\n", "in a form that cannot be edited"),
        ("{ephemeral: true}\n", "in a form that cannot be edited"),
        ("ephemeral: true\n...\n", "in a form that cannot be edited"),
        ("channels: shop\nephemeral: true\n", "channels: 'shop' is not"),
        ("- ephemeral: true\n", "its settings are no mapping"),
        ("ephemeral: [true\n", "is not a stage"),
        ("ephemeral: perhaps\n", "ephemeral: 'perhaps' is not"),
        ("ephemeral: \xff\n", "ephemeral: 'ÿ' is not"),
        (f"channels: [{NEW}]\nephemeral: true\n", "has a channel market already"),
    ],
)
def test_channel_that_cannot_be_added_leaves_the_file_as_it_was(tmp_path: Path, text: str, said: str) -> None:
    file = stage_file(tmp_path, text)
    with pytest.raises(UserError, match=re.escape(said)) as refused:
        channel.create(tmp_path, "market", "dev", ["role/market"])
    assert refused.value.hint
    assert file.read_bytes().decode() == text
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("stage", ["../dev", "example-production", ""])
def test_channel_of_a_stage_that_cannot_be_is_refused(tmp_path: Path, stage: str) -> None:
    with pytest.raises(WrongUsageError, match="is not the name of a stage"):
        channel.create(tmp_path, "market", stage, ["role/market"])
