"""A released schema keeps its contract; a break is reported so that a newcomer knows the next step."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from kernel import schemas
from operations.contracts import baseline
from operations.contracts.diff import Breaks, changes
from operations.errors import CheckFailedError, UserError
from orderctl.commands.schemas import app, compare
from orderctl.terminal.output import Format
from tests.unit.orderctl.conftest import Stage, orderctl_json

Schema = dict[str, Any]
PLACED = ("orderflow.order", "OrderPlaced", 1)


def test_no_released_schema_is_broken() -> None:
    assert baseline.broken(baseline.verdicts(baseline.read(), schemas.read_schemas())) == ""


def test_every_schema_is_released() -> None:
    assert baseline.read() == schemas.read_schemas(), "`orderctl schemas release`"


def placed() -> Schema:
    return copy.deepcopy(dict(schemas.read_schemas()[PLACED]))


def data(schema: Schema) -> Schema:
    found: Schema = schema["properties"]["data"]
    return found


def test_breaking_change_names_the_field_and_the_next_step() -> None:
    today = placed()
    data(today)["required"].remove("channel")
    data(today)["properties"]["lines"]["maxItems"] = 10
    told = baseline.broken(baseline.verdicts({PLACED: placed()}, {PLACED: today}))
    *lines, advice = told.splitlines()
    assert lines == [
        "OrderPlaced v1 of orderflow.order is breaking:",
        "  data.channel: is no longer required (breaks consumers)",
        "  data.lines: maxItems is 10, was 50 (breaks archive)",
    ]
    assert "The archive holds its events" in advice
    assert advice.endswith("Undo the change, or put it in services/order/schemas/OrderPlaced.v2.json beside this one.")


def test_a_version_that_was_released_stays() -> None:
    told = baseline.broken(baseline.verdicts({PLACED: placed()}, {}))
    assert "OrderPlaced v1 of orderflow.order is removed" in told
    assert "Restore the file" in told


def test_optional_field_new_version_or_description_breaks_nothing() -> None:
    today = placed()
    today["description"] = "Said better."
    data(today)["properties"]["gift"] = {"type": "boolean"}
    found = baseline.verdicts({PLACED: placed()}, {PLACED: today, (*PLACED[:2], 2): placed()})
    assert [verdict.kind for verdict in found] == ["compatible", "new"]
    assert baseline.broken(found) == ""


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        ({"type": "string"}, {"type": "integer"}, {"archive", "consumers"}),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, {"archive"}),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}, {"consumers"}),
        ({}, {"enum": ["a"]}, {"archive"}),
        ({"const": 1}, {}, {"consumers"}),
        ({"minimum": 0}, {"minimum": 1}, {"archive"}),
        ({"minimum": 1}, {"minimum": 0}, {"consumers"}),
        ({"maxLength": 5}, {}, {"consumers"}),
        ({}, {"maxLength": 5}, {"archive"}),
        ({"pattern": "a"}, {"pattern": "b"}, {"archive", "consumers"}),
        ({"pattern": "a"}, {}, {"consumers"}),
        ({"additionalProperties": False}, {}, {"consumers"}),
        ({}, {"additionalProperties": False}, {"archive"}),
        ({"properties": {"a": {}}}, {"properties": {}}, {"archive", "consumers"}),
        ({"properties": {}}, {"properties": {"a": {}}, "required": ["a"]}, {"archive", "consumers"}),
        ({"properties": {}}, {"properties": {"a": {}}}, set()),
        ({"properties": {"a": {}}}, {"properties": {"a": {}}, "required": ["a"]}, {"archive"}),
        ({"items": {"minimum": 1}}, {"items": {"minimum": 2}}, {"archive"}),
        ({"format": "date"}, {"format": "time"}, {"archive", "consumers"}),
        ({"title": "a"}, {"title": "b"}, set()),
    ],
)
def test_change_breaks_the_named_parties(old: Schema, new: Schema, breaks: set[str]) -> None:
    assert {whom.value for change in changes(old, new) for whom in change.breaks} == breaks


@pytest.mark.parametrize("seed", range(300))
def test_verdict_is_never_milder_than_the_validator(seed: int) -> None:
    """Schemas and values drawn at random: what the verdict lets pass, no value of the other side is refused by."""
    chance = random.Random(seed)
    old, new = drawn(chance), drawn(chance)
    found = {whom for change in changes(old, new) for whom in change.breaks}
    additions = any("is new and optional" in change.what for change in changes(old, new))
    for _ in range(60):
        value = {name: chance.choice([-1, 0, 1, 2, 3, "a", "bb"]) for name in ("a", "b", "c") if chance.random() < 0.7}
        before, after = Draft7Validator(old).is_valid(value), Draft7Validator(new).is_valid(value)
        if before and not after:
            assert Breaks.ARCHIVE in found or additions, (old, new, value)
        if after and not before:
            assert Breaks.CONSUMERS in found or additions, (old, new, value)


def drawn(chance: random.Random) -> Schema:
    """Draw a small schema of an object."""
    names = [name for name in ("a", "b", "c") if chance.random() < 0.7]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: part(chance) for name in names},
        "required": [name for name in names if chance.random() < 0.5],
    }


def part(chance: random.Random) -> Schema:
    return dict(
        chance.choice(
            [
                {"type": "integer", "minimum": chance.choice([-1, 0, 1])},
                {"type": "integer", "maximum": chance.choice([1, 2, 3])},
                {"type": "integer"},
                {"enum": chance.sample([0, 1, 2, "a"], 2)},
                {"const": chance.choice([0, "a"])},
                {"type": "string", "maxLength": chance.choice([1, 2])},
                {"type": "string", "pattern": chance.choice(["a", "b"])},
            ]
        )
    )


def test_command_fails_on_a_breaking_change() -> None:
    assert orderctl_json(app, Stage(), "diff") == []
    today = placed()
    data(today)["required"].remove("channel")
    with pytest.raises(CheckFailedError, match="breaks its contract") as failed:
        compare(baseline.read(), {**baseline.read(), PLACED: today}, Format.TABLE)
    assert "OrderPlaced.v2.json" in failed.value.hint


def test_breaking_schema_is_not_released(tmp_path: Path) -> None:
    stricter = placed()
    data(stricter)["properties"]["channel"]["maxLength"] = 500
    file = tmp_path / "released.json"
    file.write_text(json.dumps([stricter]))
    with pytest.raises(UserError, match="Nothing was released"):
        baseline.release(file)
    file.unlink()
    assert len(baseline.release(file)) == len(schemas.read_schemas())
    assert baseline.read(file) == schemas.read_schemas()
