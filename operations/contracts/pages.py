"""The pages of the events in `docs/reference/events/`."""

import json
from collections.abc import Iterable, Iterator

from kernel.naming import SERVICES
from operations.contracts.diff import Schema
from operations.contracts.event_catalogue import CHANNELS, Event, fields

MADE = "<!-- Made from services/*/schemas by `orderctl schemas build`: change those. -->"
INTRODUCTION = f"""{MADE}
# The events

The services publish their events on one EventBridge bus. `source` is `orderflow.<service>`, `detail-type` is the name
in the table, and `detail` is `{{metadata, data}}`. A released schema is a contract:
[ADR 13](../../explanation/decisions/0013-schema-evolution.md) says how a schema may change.

For machines:

- `asyncapi/`: AsyncAPI 3, one document for each service and one for all of them
- `samples/`: for each event an entry of PutEvents
- `services/<name>/schemas/`: JSON Schema draft-07, the source of all these files; `models.py` has the
  data of each event as a typed dictionary
- the schema registry on AWS, which the stacks fill

[How to exchange CloudEvents](../../how-to/exchange-cloudevents.md) shows the same events in the CloudEvents format.

| Event | Version | Publisher | Consumers | |
|---|---|---|---|---|"""


def pages(events: Iterable[Event]) -> dict[str, str]:
    """Return the pages by file name: `README.md`, which lists all events, and one page for each service."""
    found = list(events)
    made = {f"{service}.md": _page(service, [e for e in found if e.owner == service]) for service in SERVICES}
    return {"README.md": _index(found), **made}


def _index(events: list[Event]) -> str:
    rows = [
        f"| [{event.detail_type}]({event.owner}.md#{_anchor(event)}) | {event.version} | {event.publisher} | "
        f"{', '.join(event.consumers) or '-'} | {event.schema['description']} |"
        for event in events
    ]
    return "\n".join([INTRODUCTION, *rows, ""])


def _page(service: str, events: list[Event]) -> str:
    return "\n".join([MADE, f"# Events of the {service} service", "", *(line for event in events for line in _section(event))])


def _section(event: Event) -> Iterator[str]:
    publisher = f"a channel ({event.source})" if event.publisher == CHANNELS else f"{event.publisher} (`{event.source}`)"
    yield f"## {event.schema['title']} v{event.version}"
    yield ""
    yield str(event.schema["description"])
    yield ""
    yield f"Published by {publisher}; consumed by {', '.join(event.consumers) or 'no service yet'}."
    if event.published_until:
        yield f"Published beside its successor until {event.published_until}, if the stage's `older_versions` names it."
    yield ""
    yield "| Field | Type | Optional | Meaning |"
    yield "|---|---|---|---|"
    for name, schema, required in fields(event.schema):
        if name not in ("metadata", "data"):
            yield f"| `{name}` | {_type(schema)} | {'' if required else 'optional'} | {schema.get('description', '')} |"
    yield ""
    yield "```json"
    yield json.dumps(event.example, indent=2)
    yield "```"
    yield ""


def _type(schema: Schema) -> str:
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    return str(schema["type"])


def _anchor(event: Event) -> str:
    return f"{event.schema['title']} v{event.version}".lower().replace(" ", "-")
