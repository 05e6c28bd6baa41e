"""The event schemas, which are the contract between the services: well formed, complete, and about what really is published."""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from kernel import schemas
from kernel.naming import CHANNEL_PREFIX, SERVICES, source_of
from kernel.schemas import SERVICES_FOLDER, InvalidEventError
from kernel.transitions import TransitionTable

Schema = dict[str, Any]

FILES = {path.relative_to(SERVICES_FOLDER).as_posix(): path for path in sorted(SERVICES_FOLDER.glob("*/schemas/*.json"))}
EVENTS = set(schemas.read_schemas())
OUR_KEYS = {"x-source", "x-detail-type", "x-version"}
KEYWORDS = set(Draft7Validator.META_SCHEMA["properties"]) | OUR_KEYS | {"x-published-until"}
ENVELOPE = {"event_id", "event_version", "occurred_at", "correlation_id", "causation_id"}
PERSONAL = {
    "name",
    "email",
    "e_mail",
    "address",
    "line1",
    "line2",
    "city",
    "postal_code",
    "phone",
    "card",
    "card_number",
    "cvc",
}


@pytest.fixture(params=FILES)
def path(request: pytest.FixtureRequest) -> Path:
    return FILES[request.param]


@pytest.fixture
def schema(path: Path) -> Schema:
    read: Schema = json.loads(path.read_text())
    return read


def parts(schema: Schema, field: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield the schema and every schema inside it, each with its field: `data.lines[].sku`."""
    yield field, schema
    for name, inner in schema.get("properties", {}).items():
        yield from parts(inner, f"{field}.{name}".removeprefix("."))
    if isinstance(schema.get("items"), dict):
        yield from parts(schema["items"], f"{field}[]")
    for keyword in ("allOf", "anyOf", "oneOf"):
        for inner in schema.get(keyword, []):
            yield from parts(inner, field)


def is_channels(schema: Schema) -> bool:
    """Whether the event comes from outside, and not from the service that has it in its folder."""
    return str(schema["x-source"]).startswith(CHANNEL_PREFIX)


def source(schema: Schema) -> str:
    """Return a source that the schema is for."""
    return str(schema["x-source"]).replace("*", "cdnow")


def tables(service: str) -> list[TransitionTable]:
    return [
        value
        for value in vars(import_module(f"services.{service}.domain.states")).values()
        if isinstance(value, TransitionTable)
    ]


def test_schema_is_draft_07_and_uses_nothing_newer(schema: Schema) -> None:
    """fastjsonschema ignores keywords it does not know, so a newer one would check nothing, silently."""
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(schema)
    unknown = {f"{field}: {keyword}" for field, part in parts(schema) for keyword in set(part) - KEYWORDS}
    assert not unknown


def test_schema_names_its_event_and_is_in_the_folder_of_its_publisher(path: Path, schema: Schema) -> None:
    assert set(schema) >= OUR_KEYS
    service, channels = path.parent.parent.name, is_channels(schema)
    assert schema["x-source"] == (f"{CHANNEL_PREFIX}*" if channels else source_of(service))
    name = f"{'Channel' if channels else ''}{schema['x-detail-type']}.v{schema['x-version']}"
    assert path.name == f"{name}.json"
    assert schema["$id"] == f"orderflow/{service}/{name}"


def test_schema_describes_every_field(schema: Schema) -> None:
    assert schema["title"]
    assert schema["description"]
    assert [field for field, part in parts(schema) if not field.endswith("[]") and not part.get("description")] == []


def test_schema_refuses_unknown_fields(schema: Schema) -> None:
    objects = {field: part for field, part in parts(schema) if part.get("type") == "object" or "properties" in part}
    assert set(objects) >= {"", "metadata", "data"}
    assert [field for field, part in objects.items() if part.get("additionalProperties") is not False] == []


def test_schema_has_the_envelope(schema: Schema) -> None:
    metadata = schema["properties"]["metadata"]
    assert set(schema["required"]) == {"metadata", "data"}
    assert set(metadata["properties"]) >= ENVELOPE
    optional = {"correlation_id", "causation_id"} if is_channels(schema) else set()
    assert set(metadata["required"]) >= ENVELOPE - optional
    assert metadata["properties"]["event_version"]["const"] == schema["x-version"]


def test_schema_has_money_as_integers(schema: Schema) -> None:
    assert [field for field, part in parts(schema) if "number" in str(part.get("type"))] == []
    money = {field: part for field, part in parts(schema) if field.rpartition(".")[2] in ("amount", "unit_price")}
    amounts = {field: part for field, part in money.items() if f"{field}.amount" not in money}
    assert [field for field, part in amounts.items() if part.get("type") != "integer"] == []


def test_schema_has_no_field_for_personal_data(schema: Schema) -> None:
    fields = {field for field, _ in parts(schema)}
    assert [field for field in fields if field.rpartition(".")[2].removesuffix("[]") in PERSONAL] == []


def test_schema_accepts_its_examples(schema: Schema) -> None:
    assert schema["examples"]
    for example in schema["examples"]:
        Draft7Validator(schema).validate(example)
        schemas.validate(source(schema), schema["x-detail-type"], example)


def test_schema_refuses_an_example_with_another_field(schema: Schema) -> None:
    for part in ("metadata", "data"):
        example = schema["examples"][0]
        with pytest.raises(InvalidEventError, match="surprise"):
            schemas.validate(
                source(schema), schema["x-detail-type"], {**example, part: {**example[part], "surprise": "unannounced"}}
            )


@pytest.mark.parametrize("service", SERVICES)
def test_every_event_that_a_transition_publishes_has_its_schema(service: str) -> None:
    published = {(table.source, step.publishes, 1) for table in tables(service) for step in table.transitions if step.publishes}
    assert published
    assert published - EVENTS == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_event_that_a_queue_subscribes_to_has_its_schema(service: str) -> None:
    consumes = import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS
    subscribed = {entry for subscription in consumes.values() for entry in subscription}
    assert subscribed - {(origin, detail_type) for origin, detail_type, _ in EVENTS} == set()
