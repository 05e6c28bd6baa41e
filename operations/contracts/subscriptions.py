"""Each consumer's treatment of each event that it subscribes to, live and out of the archive."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final

from kernel.naming import SERVICES, is_source, source_of
from kernel.subscriptions import DetailPattern, Filters, ReplayPolicy
from operations.event_pattern import Pattern

NEVER: Final = "never"
EFFECTS: Final = {
    ReplayPolicy.REAPPLY: ("creates missing records", "creates missing records"),
    ReplayPolicy.OPT_IN: ("nothing", "performs missed actions"),
    NEVER: ("nothing", "nothing"),
}
"""The effects of a replay on a subscription, without `--catch-up` and with it. It never repeats work that is done."""
BY_LIVE_ORDERS_ONLY: Final = ("order/start", source_of("order"), "OrderPlaced")
"""The rule that starts the saga: a replayed order is resumed by its sweeper if it must be, and never by the replay."""


@dataclass(frozen=True)
class Consumer:
    """A subscription (`notification/notices`), one event of it, and its filter. `source` may end in `*`."""

    name: str
    source: str
    detail_type: str
    replay_policy: str
    detail: DetailPattern = field(default_factory=dict)

    @property
    def service(self) -> str:
        """The service that owns it."""
        return self.name.partition("/")[0]

    def takes(self, event: Mapping[str, object]) -> bool:
        """Return whether the subscription takes this event of the bus."""
        named = is_source(self.source, str(event["source"])) and event["detail-type"] == self.detail_type
        return named and (not self.detail or Pattern({"detail": self.detail}).matches(event))

    def effect(self, *, catch_up: bool) -> str:
        """Describe in words how the subscription treats a replayed event."""
        return EFFECTS[self.replay_policy][catch_up]


def consumers(services: Iterable[str] = SERVICES) -> Iterator[Consumer]:
    """Yield each event of each subscription of these services, as their `subscriptions.py` declares it."""
    for service in services:
        module = import_module(f"services.{service}.subscriptions")
        filters: Filters = getattr(module, "FILTERS", {})
        for name, consumed in module.SUBSCRIPTIONS.items():
            for source, detail_type in consumed:
                policy = module.REPLAY_POLICY[name]
                yield Consumer(f"{service}/{name}", source, detail_type, policy, filters.get(name, {}))


def fields_read(service: str) -> dict[tuple[str, str], set[str]]:
    """Return the fields that a service reads of the events it consumes, by (source, detail-type)."""
    read: dict[tuple[str, str], set[str]] = {}
    for consumed in import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS.values():
        for event, fields in consumed.items():
            read.setdefault(event, set()).update(fields)
    return read


def matrix() -> list[dict[str, str]]:
    """Return the effects of a replay, with and without `--catch-up`, for each consumer and event."""
    rows = [*consumers(), Consumer(*BY_LIVE_ORDERS_ONLY, NEVER)]
    return [
        {
            "consumer": row.name,
            "event": row.detail_type,
            "source": row.source,
            "replay_policy": str(row.replay_policy),
            "replay": row.effect(catch_up=False),
            "catch_up": row.effect(catch_up=True),
        }
        for row in rows
    ]
