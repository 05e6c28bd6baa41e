"""The data of the events as typed dictionaries, one module for each service: what its publisher and consumers annotate."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from operations.contracts.diff import Schema
from operations.contracts.event_catalogue import Event

HEAD: Final = '''"""The data of the {service} service's events, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict
'''
CONSUMED_HEAD: Final = HEAD.replace(
    "The data of the {service} service's events", "The event data that the {service} service reads"
).replace("change the schemas", "change the service's subscriptions.py")
PLAIN: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def module(service: str, events: Iterable[Event]) -> str:
    """Return the source of a service's `schemas/models.py`."""
    lines = [line for event in sorted(events, key=lambda e: (e.stem, e.version)) for line in _classes(event)]
    return "\n".join([HEAD.format(service=service), *lines])


def consumed_module(service: str, read: Mapping[tuple[str, str], Iterable[str]], events: Iterable[Event]) -> str:
    """Return the source of a service's `schemas/consumed.py`, empty if it reads no data.

    `read` has the fields that the service reads, by (source, detail-type); `events` are the newest versions.
    """
    lines: list[str] = []
    for event in sorted(events, key=lambda event: event.stem):
        declared = read.get((event.source, event.detail_type), ())
        fields = [field.removeprefix("data.") for field in declared if field.startswith("data.")]
        if fields:
            about = f"The fields of {event.detail_type} from {event.source}, version {event.version}, that consumers read."
            lines += _class(f"{event.stem}Data", _only(event.schema["properties"]["data"], fields), about)
    return "\n".join([CONSUMED_HEAD.format(service=service), *lines]) if lines else ""


def _only(schema: Schema, fields: Iterable[str]) -> Schema:
    """Return the object's schema with these fields alone, such as `lines[].sku`."""
    inner: dict[str, list[str]] = {}
    for field in fields:
        name, _, rest = field.partition(".")
        inner.setdefault(name.removesuffix("[]"), []).extend([rest] if rest else [])
    properties = {}
    for name, schema_of in schema["properties"].items():
        if name in inner:
            properties[name] = _narrowed(schema_of, inner[name])
    return {**schema, "properties": properties}


def _narrowed(schema: Schema, fields: list[str]) -> Schema:
    if not fields:
        return schema
    return {**schema, "items": _only(schema["items"], fields)} if schema["type"] == "array" else _only(schema, fields)


def _classes(event: Event) -> Iterator[str]:
    data = event.schema["properties"]["data"]
    if data["properties"]:
        about = f"The data of {event.schema['title']}, version {event.version}. {event.schema['description']}"
        yield from _class(f"{event.stem}V{event.version}Data", data, about)


def _class(name: str, schema: Schema, about: str) -> Iterator[str]:
    """Yield the lines of a class for the object, after the classes for the objects in it."""
    required = set(schema.get("required", ()))
    lines = []
    for field, inner in schema["properties"].items():
        inner_name = f"{name}{field.title().replace('_', '')}"
        if inner.get("type") == "object":
            yield from _class(inner_name, inner, inner.get("description", ""))
        if inner.get("type") == "array" and inner["items"].get("type") == "object":
            yield from _class(inner_name, inner["items"], inner["items"].get("description", ""))
        kind = _type(inner_name, inner)
        lines.append(f"    {field}: {kind if field in required else f'NotRequired[{kind}]'}")
    yield ""
    yield f"class {name}(TypedDict):"
    yield f'    """{about}"""'
    yield ""
    yield from lines
    yield ""


def _type(name: str, schema: Schema) -> str:
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
    if schema["type"] == "object":
        return name
    if schema["type"] == "array":
        return f"list[{_type(name, schema['items'])}]"
    return PLAIN[schema["type"]]
