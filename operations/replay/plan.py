"""The plan of a replay: the events of its window, their consumers, the effects and the cost."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypedDict

from kernel import clock
from kernel.money import MoneyDict
from operations.aws.target import Target
from operations.contracts.subscriptions import Consumer, consumers
from operations.dead_letters import messages
from operations.distinct import Distinct
from operations.events import journal
from operations.events.journal import Published
from operations.replay import archive_replay, catch_up_effects
from operations.replay.missed_actions import Missed, MissedActions
from operations.window import Window

CHUNK_BYTES: Final = 64 * 1024
PER_MILLION_USD: Final = {"replayed events": 1.00, "queue requests": 0.40, "function requests": 0.20}
"""List prices in us-east-1 (https://aws.amazon.com/eventbridge/pricing, /sqs/pricing, /lambda/pricing): a replayed event costs
as much as a custom event, for each 64 KB. The costs of functions and tables are not included."""
REQUESTS_A_DELIVERY: Final = 3
"""SQS counts the send, the receive and the delete."""


Span = TypedDict("Span", {"from": str, "until": str})
"""A window, in RFC 3339 (UTC)."""


class EventCounts(TypedDict):
    """The events of the window, those that the operator selected, and the repeated puts."""

    in_window: int
    wanted: int
    put_again: int


class PlannedConsumer(TypedDict):
    """The deliveries of one event type to a consumer, the selected ones of them, and its effect in words."""

    consumer: str
    event: str
    deliveries: int
    wanted: int
    does: str


class WouldCreate(TypedDict):
    """The orders that a replay with `--catch-up` would create or refuse. `refusals` counts those by reason."""

    orders: int
    refused: int
    refusals: dict[str, int]
    worth: list[MoneyDict]
    text: str


class YoungTable(TypedDict):
    """A service's table that is younger than an event of the window, with both times.

    `event_put_at` is None if only the archive has the events of that time, because the journal is younger too.
    """

    service: str
    created: str
    event_put_at: str | None


class Estimate(TypedDict):
    """The cost in US dollars, the duration in seconds if it can be estimated, and the basis of the duration."""

    usd: float
    seconds: float | None
    by: str


class Plan(TypedDict):
    """The plan of a replay. `by_type` and `by_hour` count events; `dead_letters` counts messages by queue."""

    window: Span
    events: EventCounts
    by_type: dict[str, int]
    by_hour: dict[str, int]
    consumers: list[PlannedConsumer]
    dead_letters: dict[str, int]
    would_create: WouldCreate | None
    missed: Missed
    new_tables: list[YoungTable]
    estimate: Estimate
    narrowest: Span | None


@dataclass(frozen=True)
class Wanted:
    """The events that the operator looks for: an order, some types. A replay knows neither; it sends the whole window."""

    order: str | None = None
    types: tuple[str, ...] = ()

    def takes(self, event: Published) -> bool:
        """Return whether the operator selected the event."""
        of_order = self.order is None or event.metadata.get("order_id") == self.order
        return of_order and (not self.types or event.detail_type in self.types)


class Tally:
    """The counts of a window. It takes the puts one by one, in any order.

    `puts` counts each time that an event was put on the bus, `events` each event once, `chunks` each 64 KB that was put. The
    counts by type and by hour, `earliest` and `latest` are of wanted events, by the put that came first. `seen` remembers the
    events.
    """

    def __init__(self, consumers: Iterable[Consumer], wanted: Wanted, seen: Distinct) -> None:
        self._consumers = list(consumers)
        self._wanted = wanted
        self._seen = seen
        self.puts = self.events = self.chunks = 0
        self.by_type, self.by_hour = Counter[str](), Counter[str]()
        self.earliest: str | None = None
        self.latest: str | None = None
        self.deliveries = [0] * len(self._consumers)
        self._selected = [0] * len(self._consumers)

    def add(self, put: Published) -> bool:
        """Count a put. Return True if it is the first of an event."""
        is_first = self._seen.add("event", *put.identity)
        selected = is_first and self._wanted.takes(put)
        self.puts += 1
        self.events += is_first
        self.chunks += math.ceil(put.size / CHUNK_BYTES)
        if selected:
            self.by_type[put.detail_type] += 1
            self.by_hour[f"{put.put_at[:13]}:00Z"] += 1
            self.earliest = min(self.earliest or put.put_at, put.put_at)
            self.latest = max(self.latest or put.put_at, put.put_at)
        for position, consumer in enumerate(self._consumers):
            if consumer.takes(put.event):
                self.deliveries[position] += 1
                self._selected[position] += selected
        return is_first

    def planned(self, *, catch_up: bool) -> list[PlannedConsumer]:
        """Return the events that each consumer would get, the selected ones of them, and its effect."""
        return [
            {
                "consumer": consumer.name,
                "event": consumer.detail_type,
                "deliveries": deliveries,
                "wanted": selected,
                "does": consumer.effect(catch_up=catch_up),
            }
            for consumer, deliveries, selected in zip(self._consumers, self.deliveries, self._selected, strict=True)
        ]


def plan(
    target: Target,
    window: Window,
    services: Sequence[str],
    wanted: Wanted,
    *,
    catch_up: bool,
    a_second: float | None,
    progress: Callable[[int], None] = lambda hours: None,
) -> Plan:
    """Return the plan as plain data: `window`, `events`, `by_type`, `by_hour`, `consumers`, `dead_letters`, `would_create`,
    `missed`, `new_tables`, `estimate`, `narrowest`.

    `would_create` is what catching up would make of channels' orders, None if the order service is not asked for. `missed` has
    the numbers of mails and parcels that are made, with `catch_up` only: it takes a read of each one's row.
    The window and the services must have been checked (`archive_replay.check`, `archive_replay.chosen_rules`).
    """
    with Distinct() as seen:
        counted = Tally(consumers(dict.fromkeys(services)), wanted, seen)
        created = catch_up_effects.OrderIntake(target, seen) if catch_up_effects.INTAKE in services else None
        missing = MissedActions(target, services if catch_up else (), seen)
        for put in journal.in_window(target, window, progress):
            if counted.add(put):
                missing.add(put)
                if created:
                    created.add(put)
        new_orders, missed = created.total() if created else None, missing.total()
    deliveries = sum(counted.deliveries)
    queues = {name: depth for name, depth in messages.queues(target).items() if name.partition("/")[0] in services}
    return {
        "window": {"from": clock.rfc3339(window.start), "until": clock.rfc3339(window.end)},
        "events": {
            "in_window": counted.events,
            "wanted": sum(counted.by_type.values()),
            "put_again": counted.puts - counted.events,
        },
        "by_type": dict(counted.by_type.most_common()),
        "by_hour": dict(sorted(counted.by_hour.items())),
        "consumers": counted.planned(catch_up=catch_up),
        "dead_letters": queues,
        "would_create": _as_data(new_orders) if new_orders else None,
        "missed": missed,
        "new_tables": [
            {"service": table.service, "created": clock.rfc3339(table.created), "event_put_at": table.event_put_at}
            for table in catch_up_effects.new_tables(target, window, services)
        ],
        "estimate": {
            "usd": cost(counted.chunks, deliveries),
            "seconds": deliveries / a_second if a_second else seconds(target, counted.events, progress),
            "by": f"{a_second:g} a second" if a_second else "the last completed replay",
        },
        "narrowest": narrowest(counted),
    }


def _as_data(new: catch_up_effects.NewOrders) -> WouldCreate:
    return {
        "orders": new.orders,
        "refused": sum(new.refused.values()),
        "refusals": dict(new.refused),
        "worth": [money.as_dict() for money in new.worth],
        "text": str(new),
    }


def cost(chunks: int, deliveries: int) -> float:
    """Return the cost in US dollars: 64 KB chunks of events, and the requests of the queues and functions that get them."""
    counts = {
        "replayed events": chunks,
        "queue requests": deliveries * REQUESTS_A_DELIVERY,
        "function requests": deliveries,
    }
    return round(sum(counts[what] * price / 1_000_000 for what, price in PER_MILLION_USD.items()), 6)


def seconds(target: Target, events: int, progress: Callable[[int], None]) -> float | None:
    """Estimate the seconds of a replay of so many events by the last completed replay. Return None if there is none.

    The events of that replay are counted; `progress` receives the number of hours read.
    """
    for replay in archive_replay.listed(target):
        if replay["state"] == "COMPLETED" and replay["started"] and replay["ended"] and replay["from"] and replay["until"]:
            window = Window(clock.from_rfc3339(replay["from"]), clock.from_rfc3339(replay["until"]))
            took = clock.from_rfc3339(replay["ended"]) - clock.from_rfc3339(replay["started"])
            with Distinct() as seen:
                held = sum(seen.add(*put.identity) for put in journal.in_window(target, window, progress))
            return round(max(took.total_seconds(), 1.0) * events / held, 1) if held else None
    return None


def narrowest(counted: Tally) -> Span | None:
    """Return the shortest window with all the wanted events, to the second, as `replay start` takes it; None without events."""
    if counted.earliest is None or counted.latest is None:
        return None
    last = clock.from_rfc3339(counted.latest) + timedelta(seconds=1)
    return {"from": counted.earliest, "until": clock.rfc3339(last)}
