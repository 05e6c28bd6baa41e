"""The types of rows' attributes, by the JSON schemas of `row_schemas/`."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import fastjsonschema

from kernel import clock

FOLDER: Final = Path(__file__).parent / "row_schemas"
UNIQUE: Final = "x-unique"
"""The keyword that names the field in which no two elements of a list are equal."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

Schema = Mapping[str, object]


def faults_in(schema: str, row: Mapping[str, object]) -> Iterator[str]:
    """Yield the attributes that are missing or malformed. `schema` is the name of a file in `row_schemas/`, without `.json`.

    Attributes that the schema does not name may have any value.
    """
    required, properties = _attributes(schema)
    for attribute in required:
        if attribute not in row:
            yield f"{attribute} is missing"
    for attribute, kind in properties.items():
        if attribute in row and not _is_valid(kind, row[attribute]):
            yield f"{attribute} is malformed"


def is_a(definition: str, value: object) -> bool:
    """Return True if a value has a type of `row_schemas/common.json`, such as `order_id` or `moment`."""
    return _is_valid(json.dumps({"$ref": f"#/definitions/{definition}"}), value)


def _is_valid(kind: str, value: object) -> bool:
    """Return True if a value fits a schema, given as JSON text so that equal schemas are compiled once."""
    schema, validate = _compiled(kind)
    try:
        validate(value)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return not _has_repeats(schema, value)


def _has_repeats(schema: Schema, value: object) -> bool:
    """Return True if two elements of a list are equal in the field that must be unique. The value fits the schema."""
    schema = _resolved(schema)
    unique, properties = schema.get(UNIQUE), schema.get("properties", {})
    if isinstance(unique, str) and isinstance(value, list):
        return len({element[unique] for element in value}) != len(value)
    if isinstance(properties, dict) and isinstance(value, dict):
        return any(_has_repeats(properties[name], part) for name, part in value.items() if name in properties)
    return False


def _is_moment(text: str) -> bool:
    """Return True for a time as the kernel's clock writes it."""
    try:
        clock.from_rfc3339(text)
    except ValueError:
        return False
    return _MOMENT.fullmatch(text) is not None


@cache
def _compiled(kind: str) -> tuple[Schema, Callable[[object], object]]:
    schema: dict[str, object] = json.loads(kind)
    complete = {**schema, "definitions": _definitions()}
    validate = fastjsonschema.compile(complete, formats={"moment": _is_moment}, use_default=False)
    return schema, validate


def _resolved(schema: Schema) -> Schema:
    reference = schema.get("$ref")
    return _definitions()[reference.rpartition("/")[2]] if isinstance(reference, str) else schema


@cache
def _definitions() -> Mapping[str, Schema]:
    definitions: dict[str, Schema] = json.loads((FOLDER / "common.json").read_text())["definitions"]
    return definitions


@cache
def _attributes(schema: str) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return the required attributes of a row, and the schema of each attribute as JSON text."""
    document = json.loads((FOLDER / f"{schema}.json").read_text().replace('"common.json#', '"#'))
    return tuple(document["required"]), {name: json.dumps(kind) for name, kind in document["properties"].items()}
