"""The requests that publish an order on the bus, as an outside channel does."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypedDict

from starlette.requests import Request
from starlette.routing import Route

from console.endpoints import Asked, Endpoints, text
from operations.aws.target import Target
from operations.events import channel_orders, entries, publisher
from operations.events.channel_orders import PublishedOrder

CHANNEL: Final = "shop"
CUSTOMER: Final = "alice"
SKU: Final = "MUG-BLUE"
"""A customer and a SKU that the laptop is seeded with."""


class Form(TypedDict):
    """The JSON schema of the event, its channel, and an event to begin with, which has ids of its own."""

    schema: Mapping[str, Any]
    channel: str
    value: Mapping[str, object]


class EventForm:
    """The orders that the page publishes. `new_key` returns an id that no other event has."""

    def __init__(self, target: Target, new_key: Callable[[], str], now: Callable[[], datetime]) -> None:
        self._target = target
        self._new_key = new_key
        self._now = now

    def routes(self, endpoints: Endpoints) -> list[Route]:
        """Return the route of each request."""
        return [endpoints.reads("/api/publish-form", self._form), endpoints.changes("/api/publish", self._publish)]

    def _form(self, request: Request) -> Form:
        schema = channel_orders.schema(CHANNEL)
        first = channel_orders.first(schema, CUSTOMER, SKU, self._new_key(), self._now())
        return {"schema": schema, "channel": CHANNEL, "value": first}

    def _publish(self, request: Request, asked: Asked) -> PublishedOrder:
        channel = text(asked, "channel") or ""
        publisher.source_of(channel)
        given = entries.read([asked.get("detail")], channel, lambda: self._target.parameter("platform/bus-name"))
        [published] = channel_orders.publish(self._target, given)
        return published
