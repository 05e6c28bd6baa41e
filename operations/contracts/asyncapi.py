"""AsyncAPI 3 documents: one for each service, with what it sends and receives, and one for all."""

from collections.abc import Iterable
from typing import Final

from kernel.naming import SERVICES
from operations.contracts.event_catalogue import CHANNELS, Event

VERSION: Final = "3.0.0"
DRAFT_07: Final = "application/schema+json;version=draft-07"
BUS: Final = "bus"


def documents(events: Iterable[Event]) -> dict[str, dict[str, object]]:
    """Return the documents by name: one for each service, and `orderflow` for all."""
    found = list(events)
    made = {service: _document(service, *_of(service, found)) for service in SERVICES}
    return made | {"orderflow": _document("orderflow", found, [event for event in found if event.consumers])}


def _of(service: str, events: Iterable[Event]) -> tuple[list[Event], list[Event]]:
    """Return the events that a service sends, and those that it receives."""
    found = list(events)
    received = [event for event in found if any(name.partition("/")[0] == service for name in event.consumers)]
    return [event for event in found if event.publisher == service], received


def _document(name: str, sent: list[Event], received: list[Event]) -> dict[str, object]:
    both = {_message_id(event): event for event in [*sent, *received]}
    return {
        "asyncapi": VERSION,
        "info": {
            "title": f"Orderflow: {name}",
            "version": "1.0.0",
            "description": "Domain events on the Orderflow event bus (Amazon EventBridge). Made from services/*/schemas by "
            "`orderctl schemas build`.",
        },
        "defaultContentType": "application/json",
        "channels": {
            BUS: {
                "address": None,
                "title": "The event bus",
                "description": "The stage's EventBridge bus. Its name is at /orderflow/<stage>/platform/bus-name in SSM.",
                "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in both},
            }
        },
        "operations": {
            **{f"send{_message_id(event)}": _operation("send", event) for event in sent if event.publisher != CHANNELS},
            **{f"receive{_message_id(event)}": _operation("receive", event) for event in received},
        },
        "components": {"messages": {key: _message(event) for key, event in both.items()}},
    }


def _operation(action: str, event: Event) -> dict[str, object]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{BUS}"},
        "messages": [{"$ref": f"#/channels/{BUS}/messages/{_message_id(event)}"}],
    }


def _message(event: Event) -> dict[str, object]:
    payload = {key: value for key, value in event.schema.items() if key != "examples"}
    return {
        "name": event.detail_type,
        "title": f"{event.schema['title']}, version {event.version}",
        "summary": event.schema["description"],
        "contentType": "application/json",
        "payload": {"schemaFormat": DRAFT_07, "schema": payload},
        "examples": [{"payload": example} for example in event.schema["examples"]],
        "x-eventbridge": {"source": event.source, "detail-type": event.detail_type},
    }


def _message_id(event: Event) -> str:
    return f"{event.stem}V{event.version}"
