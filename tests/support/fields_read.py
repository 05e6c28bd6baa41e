"""Which fields of an event a handler reads: the event is handed to it as usual, and takes notes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any
from unittest.mock import patch

from kernel import inbox
from kernel.events import DomainEvent

METADATA = {field.name for field in fields(DomainEvent)} - {"source", "detail_type", "data"}


class Noted(dict[str, object]):
    """A JSON object that notes the path of each field that is read, by whatever way."""

    def __init__(self, value: Mapping[str, object], path: str, read: set[str]) -> None:
        super().__init__({name: noted(inner, f"{path}.{name}", read) for name, inner in value.items()})
        self.path, self.read = path, read

    def note(self, name: str) -> None:
        if dict.__contains__(self, name):
            self.read.add(f"{self.path}.{name}")

    def __getitem__(self, name: str) -> object:
        self.note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: object = None) -> Any:
        self.note(name)
        return super().get(name, default)

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        return [self[name] for name in self]


def noted(value: object, path: str, read: set[str]) -> object:
    """Wrap the value so that each read adds its path to `read`. Elements of an array have its path, with `[]`."""
    if isinstance(value, dict):
        return Noted(value, path, read)
    if isinstance(value, list):
        return [noted(one, f"{path}[]", read) for one in value]
    return value


def noted_event(event: DomainEvent, read: set[str]) -> DomainEvent:
    """Wrap the event so that each read of a field is added to `read`."""

    class NotedEvent(DomainEvent):
        def __getattribute__(self, name: str) -> object:
            if name in METADATA:
                read.add(f"metadata.{name}")
            return super().__getattribute__(name)

    found = {field.name: getattr(event, field.name) for field in fields(event)}
    return NotedEvent(**{**found, "data": noted(dict(event.data), "data", read)})


@contextmanager
def fields_read() -> Iterator[set[str]]:
    """Collect the fields that handlers read of their events within the block. The ids that the inbox logs do not count."""
    read: set[str] = set()
    handler_of = inbox._handler_of

    def noting(handlers: inbox.Handlers, event: DomainEvent) -> inbox.Handler:
        handle = handler_of(handlers, event)
        return lambda delivery: handle(replace(delivery, event=noted_event(delivery.event, read)))

    with patch.object(inbox, "_handler_of", noting):
        yield read


def leaves(read: set[str]) -> set[str]:
    """Without the fields that were read only to get at those in them."""
    return {field for field in read if not any(other.startswith((f"{field}.", f"{field}[")) for other in read)}
