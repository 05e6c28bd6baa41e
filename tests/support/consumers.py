"""The fields that the consumers declare to read, and their schemas."""

from importlib import import_module

from kernel import schemas
from kernel.naming import SERVICES
from kernel.schemas import Schema
from kernel.subscriptions import DetailPattern

Pair = tuple[str, str]

SUBSCRIPTIONS: dict[tuple[str, str], dict[Pair, tuple[str, ...]]] = {
    (service, name): dict(events)
    for service in SERVICES
    for name, events in import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS.items()
}
"""The fields read, by (source, detail-type), by subscription (service, name)."""
FILTERS: dict[tuple[str, str], DetailPattern] = {
    (service, name): pattern
    for service in SERVICES
    for name, pattern in getattr(import_module(f"services.{service}.subscriptions"), "FILTERS", {}).items()
}
"""The pattern of the detail that an event must match too, by subscription, where there is one."""
CONSUMED = [(*subscription, *pair) for subscription, events in SUBSCRIPTIONS.items() for pair in events]
"""Every event of every subscription: (service, name, source, detail-type)."""


def versions(pair: Pair) -> list[Schema]:
    """Return the event's schemas, one for each version."""
    return [schema for key, schema in sorted(schemas.read_schemas().items()) if key[:2] == pair]


def optional(schema: Schema, field: str) -> bool:
    """Whether a publisher may leave the field out. Raises KeyError for a field that the schema does not describe."""
    part, may_lack = schema, False
    for step in field.split("."):
        name = step.removesuffix("[]")
        may_lack = may_lack or name not in part.get("required", [])
        part = part["properties"][name]
        if step.endswith("[]"):
            part = part["items"]
    return may_lack
