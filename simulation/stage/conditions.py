"""Conditions: faults that last for a while, or strike every time, and not at one call alone.

| condition | its effect |
|---|---|
| the gateway hangs | every call of the gateway and the carrier takes all of its caller's patience, for minutes |
| a queue stands still | its function gets nothing (a mapping that is disabled); messages older than the retention expire |
| a row fails | every request about one row of one order is refused, for up to half an hour |
| a newer version's row | after a rollback a service's row has an event pending that the code does not know |
| the bus refuses an event | the same entry of PutEvents is refused three to eight times running |
| a cold start | an invocation's process must start first, which its caller waits for |

Each is a boundary of its own: it is drawn, and can be left out, as every other fault.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from simulation.engine.dynamodb import Change, RefusalError
from simulation.engine.expressions import Item
from simulation.engine.faults import Kind, Mode
from simulation.engine.scheduler import SECOND, Span

if TYPE_CHECKING:
    from simulation.stage.world import World

OF_AN_ORDER: Final = ("ORDER#", "PAY#", "RES#", "SHIP#", "NOTE#")
"""How the keys of rows begin that can fail: each is of one order only."""
NEWER_EVENTS: Final[Mapping[str, str]] = {
    "order": "OrderFulfilled",
    "payment": "PaymentCaptured",
    "inventory": "StockCommitted",
    "shipping": "ShipmentDispatched",
}
"""By service, the event that is pending in the row of a newer version."""
FROM_A_NEWER_VERSION: Final = "NEWER#written-by-a-newer-version"
"""The key of the row that a newer version wrote, and the order's id in its event."""


class Conditions:
    """The conditions of one world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.chance = world.chance
        self.hanging = Span(0, 0)
        """When the gateway and the carrier do not answer."""
        self.failing: dict[tuple[str, str], Span] = {}
        """By (table, key), when every request about the row is refused."""
        self._refusals: dict[str, int] = {}

    def begin(self, seconds: float) -> None:
        """Draw what will go wrong within so many seconds from now."""
        now = self.world.scheduler.now
        if self._strikes("the gateway hangs", Kind.CONDITION):
            self.hanging = self._span("the gateway hangs", now, seconds, (20.0, 300.0))
        for queue in self.world.queues.values():
            name = f"{queue.name} stands still"
            if self._strikes(name, Kind.CONDITION):
                queue.stands_still = self._span(
                    name, now, seconds, self.chance.choice(f"{name} for", ((60, 900), (3000, 4800)))
                )
        for service, event_type in NEWER_EVENTS.items():
            name = f"a newer version's row of {service}"
            if self._strikes(name, Kind.CONDITION):
                span = self._span(name, now, seconds, (900.0, 2400.0))
                self.world.scheduler.at(span.begin, partial(self._write_newer, service, event_type))
                self.world.scheduler.at(span.end, partial(self._roll_forward, service))

    def hangs(self) -> bool:
        """Whether the gateway and the carrier do not answer now."""
        return self.hanging.holds(self.world.scheduler.now)

    # rows

    def created(self, change: Change) -> None:
        """Draw whether the row that was just made will fail every time."""
        if change.key.startswith(OF_AN_ORDER) and self._strikes(f"row {change.table} {change.key}", Kind.ROW):
            name = f"row {change.table} {change.key}"
            self.failing[change.table, change.key] = self._span(name, self.world.scheduler.now, 120.0, (120.0, 1800.0))

    def refuse(self, operation: str, request: Mapping[str, object]) -> None:
        """Raise RefusalError for a request about a row that fails now."""
        now = self.world.scheduler.now
        for table, key in _rows(operation, request):
            if (table, key) in self.failing and self.failing[table, key].holds(now):
                raise RefusalError("InternalServerError", "internal server error")

    def fails(self, order_id: str) -> bool:
        """Whether a row of the order fails now, or did within the last minute."""
        now = self.world.scheduler.now
        return any(order_id in key and span.begin <= now < span.end + 60 * SECOND for (_, key), span in self.failing.items())

    def failed(self, text: str) -> bool:
        """Return True if the text is about an order with a row that ever failed."""
        return any(key.split("#")[1] in text for _, key in self.failing)

    def _write_newer(self, service: str, event_type: str) -> None:
        """Write a row as a newer version of the service does."""
        world = self.world
        metadata = {
            "event_id": f"{FROM_A_NEWER_VERSION}#1",
            "event_version": 99,
            "occurred_at": world.time_of(world.scheduler.now),
        }
        event = {
            "source": f"orderflow.{service}",
            "detail-type": event_type,
            "detail": {"metadata": {**metadata, "order_id": FROM_A_NEWER_VERSION}, "data": {}},
        }
        row: Item = {
            "pk": {"S": FROM_A_NEWER_VERSION},
            "version": {"N": "1"},
            "status": {"S": "OF_A_NEWER_VERSION"},
            "pending": {"L": [{"S": json.dumps(event)}]},
            "pending_since": {"S": "2026-11-22T00:00:00.000Z"},
            "pending_shard": {"S": "0"},
        }
        world.dynamodb.tables[service].store(FROM_A_NEWER_VERSION, row)
        world.streams[service].append(Change(service, FROM_A_NEWER_VERSION, None, row))

    def _roll_forward(self, service: str) -> None:
        """Publish the event of the newer version."""
        self.world.dynamodb.tables[service].store(FROM_A_NEWER_VERSION, None)

    # the bus

    def refuses(self, event_id: str) -> bool:
        """Whether the bus refuses the event's entry this time."""
        if event_id not in self._refusals:
            name = f"the bus refuses {event_id}"
            struck = self._strikes(name, Kind.ENTRY)
            self._refusals[event_id] = 3 + self.chance.below(f"{name} times", 6) if struck else 0
        self._refusals[event_id] -= 1
        return self._refusals[event_id] >= 0

    # processes

    def start_up(self, invocation: str) -> int:
        """Return how long the invocation's process takes to start, in microseconds."""
        name = f"{invocation} starts cold"
        return int(self.chance.between(name, 0.3, 4.0) * SECOND) if self._strikes(name, Kind.COLD_START) else 0

    def _strikes(self, boundary: str, kind: Kind) -> bool:
        return self.world.plan.at(boundary, kind, self.chance.bits(boundary)) is Mode.LASTING

    def _span(self, name: str, now: int, within: float, lasts: tuple[float, float]) -> Span:
        begin = now + int(self.chance.between(f"{name} from", 0.0, within) * SECOND)
        return Span(begin, begin + int(self.chance.between(f"{name} until", *lasts) * SECOND))


def _rows(operation: str, request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the (table, key) of every row that a request is about; none of a query."""
    if operation == "TransactWriteItems":
        actions = [next(iter(action.values())) for action in request["TransactItems"]]
        return [(action["TableName"], action.get("Key", action.get("Item"))["pk"]["S"]) for action in actions]
    key = request.get("Key", request.get("Item"))
    return [] if key is None else [(request["TableName"], key["pk"]["S"])]
