"""Every event and version, with its publisher and its consumers: the source of the generated documents."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from kernel import schemas
from kernel.naming import CHANNEL_PREFIX, SERVICES, source_of
from operations.contracts.diff import Schema
from operations.contracts.subscriptions import consumers

CHANNELS: Final = "channels"
"""The publisher of the one event that comes from outside."""


@dataclass(frozen=True)
class Event:
    """One version of an event. Its schema is in `schemas/` of the service `owner`; `publisher` is the same, or `channels`."""

    owner: str
    publisher: str
    schema: Schema

    @property
    def source(self) -> str:
        """`orderflow.order`; of a channel's event `orderflow.channel.*`."""
        return str(self.schema["x-source"])

    @property
    def detail_type(self) -> str:
        """`OrderPlaced`."""
        return str(self.schema["x-detail-type"])

    @property
    def version(self) -> int:
        """The schema's version."""
        return int(self.schema["x-version"])

    @property
    def stem(self) -> str:
        """`OrderPlaced`; of a channel's event `ChannelOrderPlaced`: unique among all events."""
        return self.detail_type if self.publisher != CHANNELS else f"Channel{self.detail_type}"

    @property
    def example(self) -> Mapping[str, object]:
        """The schema's first example: an event's detail."""
        found: Mapping[str, object] = self.schema["examples"][0]
        return found

    @property
    def delivered(self) -> list[Mapping[str, object]]:
        """The schema's examples, as a rule of the bus has them."""
        return [{"source": self.sent_as, "detail-type": self.detail_type, "detail": each} for each in self.schema["examples"]]

    @cached_property
    def consumers(self) -> tuple[str, ...]:
        """The subscriptions that consume it: `notification/notices`. The filter of each lets an example pass."""
        return tuple(found.name for found in consumers() if any(found.takes(event) for event in self.delivered))

    @property
    def published_until(self) -> str | None:
        """The day after which this version is no longer published beside a newer one, if that is decided."""
        return self.schema.get("x-published-until")

    @property
    def sent_as(self) -> str:
        """A source that a sender really has: of a channel's event, a channel's."""
        return self.source.replace("*", "shop")


def events() -> list[Event]:
    """Return all events by service and name, the newest version first."""
    found = list(_found())
    return sorted(
        found, key=lambda event: (SERVICES.index(event.owner), event.publisher == CHANNELS, event.stem, -event.version)
    )


def newest() -> list[Event]:
    """Return the newest version of each event."""
    seen: dict[str, Event] = {}
    for event in events():
        seen.setdefault(event.stem, event)
    return list(seen.values())


def _found() -> Iterator[Event]:
    owners = {source_of(service): service for service in SERVICES}
    for (source, _, _), schema in schemas.read_schemas().items():
        if source.startswith(CHANNEL_PREFIX):
            yield Event("order", CHANNELS, schema)
        else:
            yield Event(owners[source], owners[source], schema)


def fields(schema: Schema, name: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """Yield each field below a schema as (`data.lines[].sku`, its schema, whether it must be there), outer before inner."""
    required = set(schema.get("required", ()))
    for field, inner in schema.get("properties", {}).items():
        path = f"{name}.{field}".removeprefix(".")
        yield path, inner, field in required
        yield from fields(inner, path)
        if "items" in inner:
            yield from fields(inner["items"], f"{path}[]")
