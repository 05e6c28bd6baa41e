"""The events as typed dictionaries, one module for each service: what a consumer in Python annotates an event's detail with."""

import json
from collections.abc import Iterable, Iterator
from typing import Final

from operations.contracts.event_catalogue import Event, Schema

HEAD: Final = '''"""The events of the {service} service, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict
'''
PLAIN: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def module(service: str, events: Iterable[Event]) -> str:
    """The source of a service's `schemas/models.py`."""
    lines = [line for event in sorted(events, key=lambda e: (e.stem, e.version)) for line in _classes(event)]
    return "\n".join([HEAD.format(service=service), *lines])


def _classes(event: Event) -> Iterator[str]:
    name = f"{event.stem}V{event.version}"
    yield from _class(name, event.schema, f"{event.schema['title']}, version {event.version}. {event.schema['description']}")


def _class(name: str, schema: Schema, about: str) -> Iterator[str]:
    """A class for the object, after those for the objects in it."""
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
