"""Orders that an outside channel publishes as events."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import TypedDict

from kernel import clock, schemas
from kernel.naming import CHANNEL_PREFIX
from kernel.schemas import Schema
from operations.aws.service_client import in_parts
from operations.aws.target import Target
from operations.events import publisher
from operations.events.entries import DETAIL_TYPE, Entry
from services.order.domain import identity


class PublishedOrder(TypedDict):
    """An event that the bus accepted: its own id, its id on the bus, and the id of the order that it places."""

    event_id: str
    bus_id: str
    order_id: str


def publish(target: Target, given: Iterable[Entry]) -> list[PublishedOrder]:
    """Publish checked OrderPlaced events, and return them. Raises UserError if the bus refuses some."""
    found: list[PublishedOrder] = []
    for source, group in groupby(given, key=lambda entry: entry.source):
        scope = identity.channel_scope(source.removeprefix(CHANNEL_PREFIX))
        for part in in_parts((entry.detail for entry in group), publisher.MAX_ENTRIES):
            for detail, bus_id in zip(part, publisher.publish(target, source, DETAIL_TYPE, part), strict=True):
                order_id = identity.order_id(scope, detail["data"]["idempotency_key"])
                found.append({"event_id": detail["metadata"]["event_id"], "bus_id": bus_id, "order_id": order_id})
    return found


def schema(channel: str) -> Schema:
    """Return the newest schema of a channel's event. Raises UserError if the name is not a valid channel."""
    version = schemas.newest_version(publisher.source_of(channel), DETAIL_TYPE)
    return schemas.read_schemas()[f"{CHANNEL_PREFIX}*", DETAIL_TYPE, version]


def first(known: Schema, customer_id: str, sku: str, key: str, now: datetime) -> Mapping[str, object]:
    """Return an event's detail to begin with: the schema's example, about this customer and SKU, with ids of its own."""
    example = known["examples"][0]
    metadata = {**example["metadata"], "event_id": key, "occurred_at": clock.rfc3339(now)}
    about = {"idempotency_key": key, "customer_id": customer_id, "lines": [{"sku": sku, "quantity": 1}]}
    return {"metadata": metadata, "data": {**example["data"], **about}}
