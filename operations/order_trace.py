"""The trace of an order: its events as a tree, each below the event that caused it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from kernel import clock, timeline
from kernel.aggregate_store import AggregateRow
from kernel.naming import CHANNEL_PREFIX, SERVICES
from operations.aws import stage_state
from operations.aws.target import Target
from operations.errors import UserError
from operations.event_pattern import Pattern
from operations.events import bus_rules, journal
from operations.events.bus_rules import Rule
from operations.events.journal import Published
from operations.orders import store
from operations.orders.store import RelatedRow
from operations.plural import counted
from operations.polling import wait_for
from operations.replay import archive_replay
from operations.window import Window
from services.order.domain.model import OrderRow

BEFORE: Final = timedelta(minutes=3)
"""An event's object is named after its oldest record, which may be so much older."""
AFTER: Final = timedelta(minutes=2)
"""The relay publishes an event, and EventBridge delivers it, within this time after the row's."""
ON_THE_WAY_SECONDS: Final = 10
"""The laptop's delivery streams gather events for two seconds, and are late on a busy machine."""


@dataclass(frozen=True)
class Replay:
    """A replay that has sent the events put from `start` up to `until` to the rules of these patterns."""

    name: str
    start: str
    until: str
    patterns: Mapping[str, Pattern]
    started: str
    """When the replay itself started."""


@dataclass(frozen=True)
class Node:
    """An event of the tree, and what it caused.

    `reached` are the consumers with a rule that takes it. `replays` are the replays that sent it once more to some of them.
    `duplicates` is how many deliveries there were beyond the first to each consumer; they dropped them.
    """

    published: Published
    reached: tuple[str, ...]
    replays: tuple[Replay, ...]
    duplicates: int
    caused: tuple["Node", ...] = field(default=())

    def as_data(self) -> dict[str, object]:
        """Return the node as plain data, with the nodes that it caused."""
        metadata = self.published.metadata
        return {
            "event": self.published.detail_type,
            "source": self.published.source,
            "event_id": self.published.event_id,
            "causation_id": metadata.get("causation_id"),
            "occurred_at": metadata.get("occurred_at"),
            "put_at": self.published.put_at,
            "times_put": self.published.times_put,
            "reached": list(self.reached),
            "replays": [replay.name for replay in self.replays],
            "duplicates_dropped": self.duplicates,
            "caused": [node.as_data() for node in self.caused],
        }


@dataclass(frozen=True)
class Trace:
    """An order's events as trees, and the ids of those in its timeline that the journal does not have, or not yet."""

    roots: list[Node]
    missing: tuple[str, ...]


def trace(target: Target, order_id: str) -> Trace:
    """Return an order's trace. On the laptop, wait some seconds for events that are on their way to the journal.

    Raises UserError for an unknown order, and for one without an event in the journal.
    """
    order = store.find(target, order_id)
    related, rules = store.related_rows(target, order_id), service_rules(target)
    patience = ON_THE_WAY_SECONDS if target.is_laptop else 0
    found = wait_for(
        lambda: journaled(target, order, related, rules),
        lambda seen: bool(seen.roots) and not seen.missing,
        patience,
        target.clock,
    )
    if not found.roots:
        raise UserError(
            f"The journal has no event of {order_id}.",
            "On AWS, events reach the journal within three minutes. It keeps them as long as the archive does.",
        )
    return found


def journaled(target: Target, order: OrderRow, related: Mapping[str, Sequence[RelatedRow]], rules: Iterable[Rule]) -> Trace:
    """Return an order's trace, as far as the journal has its events: without roots if it has none.

    The order's row and its rows in the other services say when it moved. The journal is read around these times only.
    """
    order_id, placed_by = order["order_id"], order["placed_by"]
    rows: list[AggregateRow] = [order, *(row for found in related.values() for row in found)]
    windows = around(clock.from_rfc3339(moment) for moment in _moments(rows))
    published = [entry["event_id"] for entry in timeline.entries(order.get("timeline", ()), order_id)]
    found = journal.about(target, windows, [order_id, placed_by], published)
    events = [event for event in found if event.metadata.get("order_id", order_id) == order_id]
    known = {event.event_id for event in events}
    causes = {str(event.metadata.get("causation_id")) for event in events} - known - {placed_by}
    if causes:
        more = journal.about(target, windows, sorted(causes))
        events += [event for event in more if event.event_id in causes and not event.metadata.get("order_id")]
    patterns = {rule.name: Pattern(rule.pattern) for rule in rules}
    return Trace(tree(events, patterns, replays(target, patterns)), tuple(sorted(set(published) - known)))


def service_rules(target: Target) -> list[Rule]:
    """Return the enabled rules of the bus that deliver to the services."""
    return [rule for rule in bus_rules.rules(target) if rule.enabled and rule.name.partition("/")[0] in SERVICES]


def around(moments: Iterable[datetime]) -> list[Window]:
    """Return the windows of the objects that have what was published at these moments, joined where they meet."""
    windows: list[Window] = []
    for moment in sorted(moments):
        start, end = moment - BEFORE, moment + AFTER
        if windows and start <= windows[-1].end:
            windows[-1] = Window(windows[-1].start, end)
        else:
            windows.append(Window(start, end))
    return windows


def _moments(rows: Iterable[AggregateRow]) -> Iterator[str]:
    """Yield the times that the rows state, in RFC 3339 (UTC)."""
    for row in rows:
        yield row["created_at"]
        yield row["updated_at"]
        yield from (entry["at"] for entry in timeline.entries(row.get("timeline", ()), row["pk"]))


def replays(target: Target, rules: Mapping[str, Pattern]) -> list[Replay]:
    """Return the replays of the stage that sent any event."""
    names = {arn: name.removesuffix(bus_rules.RULE) for name, arn in stage_state.parameters(target, bus_rules.RULE).items()}
    found = []
    for listed in archive_replay.listed(target):
        shown = archive_replay.show(target, listed["name"])
        until = shown["until"] if shown["state"] == "COMPLETED" else shown["replayed_until"]
        if until and shown["from"]:
            arns = shown["rule_arns"] or list(names)
            patterns = {names[arn]: rules[names[arn]] for arn in arns if names.get(arn) in rules}
            found.append(Replay(shown["name"], shown["from"], until, patterns, shown["started"] or until))
    return found


def tree(events: Sequence[Published], rules: Mapping[str, Pattern], sent: Iterable[Replay]) -> list[Node]:
    """Return the events as trees by causation id, each level by time.

    An event with an unknown cause is a root. So is a channel's event: it may state anything as its cause, itself too. It may
    also state the id of a service's event, which then stays in its place.
    """
    newest_last = sorted(events, key=lambda event: (not event.source.startswith(CHANNEL_PREFIX), event.version))
    by_id = {event.event_id: event for event in newest_last}
    below: defaultdict[str | None, list[Published]] = defaultdict(list)
    for event in by_id.values():
        cause = None if event.source.startswith(CHANNEL_PREFIX) else str(event.metadata.get("causation_id"))
        below[cause if cause in by_id and cause != event.event_id else None].append(event)
    sent = list(sent)

    def node(event: Published) -> Node:
        reached = tuple(name for name, pattern in rules.items() if pattern.matches(event.event))
        again = [
            (
                replay,
                sum(pattern.matches({**event.event, "replay-name": replay.name}) for pattern in replay.patterns.values()),
            )
            for replay in sent
            if replay.start <= _moment(event) < replay.until
        ]
        duplicates = (event.times_put - 1) * len(reached) + sum(count for _, count in again)
        caused = tuple(node(each) for each in sorted(below[event.event_id], key=_occurred))
        return Node(event, reached, tuple(replay for replay, count in again if count), duplicates, caused)

    return [node(event) for event in sorted(below[None], key=_occurred)]


def mermaid(roots: Iterable[Node]) -> str:
    """Return the trees as a Mermaid flowchart, top down."""
    lines = ["flowchart TD"]

    def draw(node: Node, parent: str | None) -> None:
        name = f"e{len(lines)}"
        told = [node.published.detail_type, node.published.occurred_at, *_remarks(node)]
        lines.append(f"    {name}[{json.dumps('<br/>'.join(told), ensure_ascii=False)}]")
        if parent:
            lines.append(f"    {parent} --> {name}")
        for each in node.caused:
            draw(each, name)

    for root in roots:
        draw(root, None)
    return "\n".join(lines)


def in_words(node: Node) -> str:
    """Describe a node in one line: time, event, publisher, and further facts."""
    service = node.published.source.removeprefix("orderflow.")
    return "  ".join([node.published.occurred_at, node.published.detail_type, service, *_remarks(node)])


def _remarks(node: Node) -> list[str]:
    remarks = []
    if node.published.times_put > 1:
        remarks.append(f"published {counted(node.published.times_put, 'time')}")
    if node.replays:
        remarks.append(f"replayed by {', '.join(replay.name for replay in node.replays)}")
    if node.duplicates:
        remarks.append(f"{node.duplicates} duplicates dropped")
    return remarks


def _moment(event: Published) -> str:
    """Return the time of the put in the form of replays, with milliseconds."""
    return event.put_at.replace("Z", ".000Z") if "." not in event.put_at else event.put_at


def _occurred(event: Published) -> tuple[str, str]:
    # A channel states its own time. In the tree, an effect never precedes its cause, whatever that time is.
    return event.occurred_at, event.event_id
