"""EventBridge: rules that deliver at least once and in no order, the archive and its replay.

An event has an id of its own if its detail has `metadata.event_id`; else it has EventBridge's.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NotRequired, Required, TypedDict

from simulation.engine.api import Response
from simulation.engine.dynamodb import RefusalError
from simulation.engine.faults import Kind, Mode
from simulation.engine.network import Network
from simulation.engine.scheduler import SECOND

Envelope = TypedDict(
    "Envelope",
    {
        "version": str,
        "id": str,
        "detail-type": str,
        "source": str,
        "account": str,
        "time": str,
        "region": str,
        "resources": list[str],
        "detail": dict[str, Any],
        "replay-name": NotRequired[str],
    },
)
"""An event as EventBridge delivers it. `detail` is any JSON object."""


class Entry(TypedDict, total=False):
    """An event of a PutEvents; `Detail` is JSON."""

    Source: Required[str]
    DetailType: Required[str]
    Detail: Required[str]
    EventBusName: str
    TraceHeader: str


class PutEvents(TypedDict):
    """The parameters of PutEvents."""

    Entries: list[Entry]


MAX_ENTRIES: Final = 10


@dataclass(frozen=True)
class Rule:
    """A rule: the events it matches, and its target."""

    name: str
    matches: Callable[[Envelope], bool]
    target: Callable[[Envelope, str], None]
    """Receives the event and the name of the delivery."""


DetailPattern = Mapping[str, Mapping[str, Sequence[str | int | bool]]]
"""The values that fields of the detail must have, by part and field: `{"data": {"confirmed": [True]}}`."""


def subscribes(consumed: tuple[tuple[str, str], ...], detail: DetailPattern) -> Callable[[Envelope], bool]:
    """Return the pattern of (source, detail-type) pairs and of the detail; a source may end in `*`.

    It matches any of the types from any of the sources, as one event pattern of both fields does.
    """
    exact = {source for source, _ in consumed if not source.endswith("*")}
    prefixes = tuple(source[:-1] for source, _ in consumed if source.endswith("*"))
    types = {detail_type for _, detail_type in consumed}

    def matches(event: Envelope) -> bool:
        source = event["source"]
        from_source = source in exact or (bool(prefixes) and source.startswith(prefixes))
        return event["detail-type"] in types and from_source and _has(event["detail"], detail)

    return matches


def _has(detail: Mapping[str, Any], pattern: DetailPattern) -> bool:
    """Whether the detail has one of the values in each field of the pattern. As in EventBridge, true is not 1."""
    return all(
        isinstance(part := detail.get(name), dict)
        and any(part.get(field) == value and type(part.get(field)) is type(value) for value in values)
        for name, fields in pattern.items()
        for field, values in fields.items()
    )


class Bus:
    """The bus of one world. `time_of` turns microseconds into the `time` of an event."""

    def __init__(self, name: str, network: Network, time_of: Callable[[int], str]) -> None:
        self.name = name
        self.network = network
        self.scheduler = network.scheduler
        self.time_of = time_of
        self.rules: list[Rule] = []
        self.archive: list[Envelope] = []
        self.accepted: set[str] = set()
        """The ids of the domain events that were accepted."""
        self.accepted_versions: set[tuple[str, int]] = set()
        """The same with their versions."""
        self.dropped: list[tuple[str, Envelope]] = []
        """Deliveries that a rule gave up (24 hours of failure), by rule."""
        self.on_accepted: Callable[[Envelope], None] = lambda event: None
        self.refuses: Callable[[str], bool] = lambda event_id: False
        """The decision, by the event's id, whether its entry is refused this time."""
        self.rare: frozenset[str] = frozenset()
        """The detail types that are rare in a world: their deliveries are struck more often."""
        self.in_flight = 0
        """Deliveries on their way to their targets."""
        self._puts = 0

    def call(self, operation: str, request: PutEvents, boundary: str) -> Response:
        """Accept the entries of a PutEvents; an entry for another bus is lost, as on AWS. Raises RefusalError."""
        return self._put(request, boundary, lambda position: False)

    def call_partial(self, operation: str, request: PutEvents, boundary: str) -> Response:
        """Accept some entries of a PutEvents, and respond with the errors of the others and `FailedEntryCount`."""
        count = len(request["Entries"])
        always = self.network.chance.below(f"partial {boundary}", count)
        return self._put(
            request,
            boundary,
            lambda position: position == always or self.network.chance.below(f"partial {boundary} {position}", 2) == 0,
        )

    def _put(self, request: PutEvents, boundary: str, fails: Callable[[int], bool]) -> Response:
        entries = request["Entries"]
        if len(entries) > MAX_ENTRIES:
            raise RefusalError("ValidationException", f"{len(entries)} entries; at most {MAX_ENTRIES}")
        results: list[dict[str, str]] = []
        for position, entry in enumerate(entries):
            if fails(position) or self.refuses(own_id(json.loads(entry["Detail"]), "")):
                results.append({"ErrorCode": "InternalFailure", "ErrorMessage": "unexpected error"})
                continue
            self._puts += 1
            envelope_id = f"envelope-{self._puts}"
            results.append({"EventId": envelope_id})
            if entry.get("EventBusName") == self.name:  # a bus that is not there answers 200 as well
                self._accept(envelope_id, entry)
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}

    def _envelope(self, envelope_id: str, entry: Entry) -> Envelope:
        return {
            "version": "0",
            "id": envelope_id,
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": "123456789012",
            "time": self.time_of(self.scheduler.now),
            "region": "eu-west-1",
            "resources": [],
            "detail": json.loads(entry["Detail"]),
        }

    def _accept(self, envelope_id: str, entry: Entry) -> None:
        event = self._envelope(envelope_id, entry)
        self.archive.append(event)
        about = event_id_of(event)
        self.accepted.add(about)
        self.accepted_versions.add((about, version_of(event)))
        self.network.history.add(self.scheduler.now, f"bus accepted {event['detail-type']} {about}")
        self.on_accepted(event)
        kind = Kind.RARE_DELIVERY if event["detail-type"] in self.rare else Kind.DELIVERY
        for rule in self.rules:
            if rule.matches(event):
                self._deliver(rule, event, f"delivery {about} ({envelope_id}) → {rule.name}", kind)

    def forge(self, source: str, detail_type: str, detail: Mapping[str, object]) -> None:
        """Deliver an event, which no archive keeps, to the queues of all rules that match it."""
        self._puts += 1
        entry: Entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
        event = self._envelope(f"envelope-{self._puts}", entry)
        self.network.history.add(self.scheduler.now, f"forged {detail_type} {event_id_of(event)}")
        for rule in self.rules:
            if rule.matches(event):
                self._arrive(0, rule, event, f"delivery {event_id_of(event)} → {rule.name}")

    def replay(self, name: str, rules: set[str], *, by_minute: bool = False) -> int:
        """Replay the whole archive to the chosen rules, shuffled; return the number of deliveries.

        AWS replays one minute of events after the other; without `by_minute` the order is not even that.
        """
        delivered = 0
        shuffled = self.network.chance.shuffled(f"replay {name}", self.archive)
        if by_minute:
            shuffled.sort(key=lambda event: str(event["time"])[:16])
        for position, event in enumerate(shuffled):
            for rule in self.rules:
                if rule.name in rules:
                    replayed: Envelope = {**event, "replay-name": name}
                    if rule.matches(replayed):
                        about = f"replay {name} {event_id_of(event)} {position} → {rule.name}"
                        self._deliver(rule, replayed, about, Kind.REPLAYED_DELIVERY)
                        delivered += 1
        return delivered

    def _deliver(self, rule: Rule, event: Envelope, about: str, kind: Kind) -> None:
        mode, latency = self.network.draw(about, kind)
        if mode is not None:
            self.network.history.add(self.scheduler.now, f"FAULT {mode}: {about}")
        if mode is Mode.DROPPED:
            self.dropped.append((rule.name, event))
            return
        if mode is Mode.DELAYED:
            latency += int(self.network.chance.between(f"delay {about}", 1.0, 900.0) * SECOND)
        self._arrive(latency, rule, event, about)
        if mode is Mode.DOUBLED:
            soon = self.network.chance.bits(f"again {about}") % 2
            again = int(self.network.chance.between(f"again {about}", 0.0, 0.2 if soon else 300.0) * SECOND)
            self._arrive(latency + again, rule, event, f"{about} (again)")

    def _arrive(self, after: int, rule: Rule, event: Envelope, about: str) -> None:
        def arrive() -> None:
            self.in_flight -= 1
            rule.target(event, about)

        self.in_flight += 1
        self.scheduler.at(self.scheduler.now + after, arrive)


def event_id_of(event: Envelope) -> str:
    """Return the event's own id, which is the same in every copy."""
    return own_id(event["detail"], event["id"])


def own_id(detail: object, otherwise: str) -> str:
    """Return the id in a detail's metadata; `otherwise` if it has none."""
    metadata = detail.get("metadata") if isinstance(detail, dict) else None
    return str(metadata.get("event_id", otherwise)) if isinstance(metadata, dict) else otherwise


def version_of(event: Envelope) -> int:
    """Return the version of the event's schema; 1 if its detail has none."""
    metadata = event["detail"].get("metadata") if isinstance(event["detail"], dict) else None
    return int(metadata.get("event_version", 1)) if isinstance(metadata, dict) else 1
