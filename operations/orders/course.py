"""The course of one order: its events over the five services, the saga's steps, the deliveries, and the work that is left."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypedDict, cast

from kernel import clock, outbox_text, outside_json
from kernel.naming import SERVICES, SOURCE_PREFIX
from operations import order_trace
from operations.aws.target import Target
from operations.contracts.subscriptions import BY_LIVE_ORDERS_ONLY
from operations.errors import UserError
from operations.event_pattern import Mismatch
from operations.events import bus_rules
from operations.events.bus_rules import Rule
from operations.events.journal import BusEvent
from operations.order_trace import Node, Trace
from operations.orders import store
from operations.orders.row_changes import AttributeChange, row_changes
from operations.orders.status_changes import StatusChange, status_changes
from operations.orders.store import ListedOrder, RelatedRow, RowOfOrder
from operations.orders.wait_reasons import Waiting, waiting
from services.order.domain.model import OrderRow

Kind = Literal["step", "refusal", "compensation"]
"""Whether an event moves its order forward, refuses a step, or takes one back."""
REFUSALS: Final = frozenset(
    {
        "NotificationFailed",
        "PaymentDeclined",
        "PaymentFailed",
        "PaymentRefundFailed",
        "ShipmentFailed",
        "StockBackordered",
        "StockRejected",
    }
)
COMPENSATIONS: Final = frozenset(
    {
        "OrderCancelRequested",
        "OrderCancelled",
        "PaymentRefunded",
        "PaymentRefundedOutside",
        "PaymentVoided",
        "ShipmentCancelled",
        "StockReleased",
    }
)
RESERVED: Final = ("StockReserved", "StockAllocated")
DECIDED: Final = ("PaymentAuthorized", "PaymentDeclined", "PaymentFailed", "StockRejected", "StockBackordered", *RESERVED)
STEPS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "PaymentAuthorized": ("authorize", ("OrderPlaced",)),
    "PaymentDeclined": ("authorize", ("OrderPlaced",)),
    "StockReserved": ("reserve", ("PaymentAuthorized",)),
    "StockRejected": ("reserve", ("PaymentAuthorized",)),
    "StockBackordered": ("reserve", ("PaymentAuthorized",)),
    "OrderBackordered": ("wait", ("StockBackordered", "PaymentAuthorized")),
    "StockAllocated": ("allocate", ("StockBackordered",)),
    "PaymentCaptured": ("capture", RESERVED),
    "PaymentFailed": ("capture", RESERVED),
    "StockCommitted": ("commit", RESERVED),
    "OrderConfirmed": ("confirm", ("PaymentCaptured", "StockCommitted")),
    "PaymentVoided": ("void", DECIDED),
    "PaymentRefunded": ("refund", ("OrderCancelled",)),
    "StockReleased": ("release", (*DECIDED, "OrderCancelled")),
    "OrderCancelled": ("cancel", ("PaymentVoided", "StockReleased", "ShipmentCancelled", "ShipmentFailed", *DECIDED)),
    "ShipmentCreated": ("ship", ("OrderConfirmed",)),
    "ShipmentDispatched": ("dispatch", ("ShipmentCreated",)),
    "ShipmentDelivered": ("deliver", ("ShipmentDispatched",)),
    "ShipmentCancelled": ("keep the parcel", ("OrderCancelRequested",)),
    "ShipmentFailed": ("ship", ("ShipmentCreated", "OrderConfirmed")),
    "OrderFulfilled": ("fulfil", ("ShipmentDelivered",)),
}
"""The step that an event ends, and the events before it: the step begins with the latest of them."""
NOT_SHOWN: Final = frozenset({"payment_token", "pending_shard", "due_shard"})
"""Attributes of rows that are secret, or only the key of an index."""


ShownRow = dict[str, object]
"""A row as the page shows it, by attribute."""


class Delivery(TypedDict):
    """A consumer that the event was delivered to. `handled_at` is None if its handling left no record."""

    consumer: str
    service: str
    handled_at: str | None


class RuleDecision(TypedDict):
    """The decision of a rule of the bus about an event. `why` has the first field that differs if the rule did not take it."""

    rule: str
    takes: bool
    why: str | None


class CourseEvent(TypedDict):
    """An event of an order. `service` is the publisher, `channel` for a channel. Times are in RFC 3339 (UTC).

    `published_at` is the time of the bus, which states whole seconds, and no earlier than `occurred_at`. `row` is the row
    before and after the event, empty for an event of no row. `decisions` are those of the rules that take the event or name its
    source and type; `other_rules` are for other events. `untaken` says why no consumer has the event, or is None.
    """

    event_id: str
    event: str
    version: int
    service: str
    kind: Kind
    occurred_at: str
    published_at: str
    caused_by: str | None
    status: StatusChange | None
    row: list[AttributeChange]
    times_put: int
    duplicates_dropped: int
    replays: list[str]
    deliveries: list[Delivery]
    decisions: list[RuleDecision]
    other_rules: int
    untaken: str | None
    envelope: BusEvent


class Step(TypedDict):
    """A step of the saga or of the delivery, in a service's lane: from the latest event before it to its own event."""

    service: str
    name: str
    kind: Kind
    begins: str
    ends: str
    event_id: str


class Left(TypedDict):
    """Work that is left in a service's row: events that are not published yet, or a look of the sweeper at `due`.

    `tries` is how often the sweeper tried since the row's latest move.
    """

    service: str
    what: str
    since: str | None
    due: str | None
    tries: int


class Course(TypedDict):
    """All that the page of an order shows. `rows` are the rows of each service by service, without secrets."""

    order: ShownRow
    waits: Waiting | None
    rows: dict[str, list[ShownRow]]
    not_deployed: list[str]
    events: list[CourseEvent]
    steps: list[Step]
    left: list[Left]


Traced = Callable[[Target, OrderRow, Mapping[str, Sequence[RelatedRow]], Sequence[Rule]], Trace]
"""Returns the trace of an order's row and its rows in the other services, by the rules of the bus."""


def course(target: Target, order_id: str, traced: Traced = order_trace.journaled) -> Course:
    """Read the course of an order from its rows and its events. Raises UserError for an unknown order."""
    row = store.find(target, order_id)
    related = store.related_rows(target, order_id)
    rows: dict[str, Sequence[RowOfOrder]] = {"order": [row], **related}
    not_deployed = [service for service in store.OTHER_SERVICES if service not in rows]
    try:
        rules = order_trace.service_rules(target)
        trace = traced(target, row, related, rules)
    except UserError:  # a stack that the events are read from is not there; the rows are
        rules, trace = [], Trace([], ())
        not_deployed.append("journal")
    events = list(described(trace.roots, rows, rules))
    return {
        "order": shown(row),
        "waits": waiting(cast(ListedOrder, row)),
        "rows": {service: [shown(found) for found in rows[service]] for service in rows},
        "not_deployed": not_deployed,
        "events": events,
        "steps": steps(events),
        "left": [work for service, found in rows.items() for each in found for work in left(service, each)],
    }


def shown(row: RowOfOrder) -> ShownRow:
    """Return a row without its secrets, and with the staged events as JSON values."""
    read: ShownRow = {name: value for name, value in row.items() if name not in NOT_SHOWN}
    if "pending" in row:
        read["pending"] = [outside_json.read(outbox_text.unpack(text)) for text in row["pending"]]
    if "said" in row:
        read["said"] = outside_json.read(outbox_text.unpack(row["said"]))
    return read


def described(roots: Iterable[Node], rows: Mapping[str, Sequence[RowOfOrder]], rules: Sequence[Rule]) -> Iterator[CourseEvent]:
    """Yield the events of the trees by when they occurred. `rows` are the rows of each service by service."""
    notes = cast(Sequence[RelatedRow], rows.get("notification", ()))
    mailed = {str(note.get("causation_id")): note["created_at"] for note in notes}
    nodes = [node for root in roots for node in _below(root)]
    nodes.sort(key=lambda node: node.published.occurred_at)
    of_services = [node.published for node in nodes if _publisher(node.published.source) in SERVICES]
    changes = status_changes((published.event_id, published.detail_type) for published in of_services)
    stated = [(published.event_id, published.event) for published in of_services]
    states = row_changes(
        ((event_id, event, changes[event_id]) for event_id, event in stated if event_id in changes),
        {row["pk"]: row for found in rows.values() for row in found},
    )
    for node in nodes:
        published = node.published
        metadata = published.metadata
        decisions = decided(published.event, rules)
        yield {
            "event_id": published.event_id,
            "event": published.detail_type,
            "version": published.version,
            "service": _publisher(published.source),
            "kind": _kind(published.detail_type),
            "occurred_at": published.occurred_at,
            "published_at": _published_at(node),
            "caused_by": str(metadata["causation_id"]) if "causation_id" in metadata else None,
            "status": changes.get(published.event_id),
            "row": states.get(published.event_id, []),
            "times_put": published.times_put,
            "duplicates_dropped": node.duplicates,
            "replays": [replay.name for replay in node.replays],
            "deliveries": [_delivery(node, name, mailed) for name in node.reached],
            "decisions": decisions,
            "other_rules": len(rules) - len(decisions),
            "untaken": None if node.reached else untaken(published.event, decisions),
            "envelope": published.event,
        }


def decided(event: BusEvent, rules: Iterable[Rule]) -> list[RuleDecision]:
    """Return the decisions of the rules that take an event, or that name its source and type and still do not take it."""
    found: list[RuleDecision] = []
    for rule in rules:
        verdict = bus_rules.verdict(rule, event)
        differing = verdict["mismatches"]
        if not any(mismatch["field"] in ("detail-type", "source") for mismatch in differing):
            why = verdict["refused"] or (str(Mismatch(**differing[0])) if differing else None)
            found.append({"rule": rule.name, "takes": verdict["matches"], "why": why})
    return found


def untaken(event: BusEvent, decisions: Iterable[RuleDecision]) -> str:
    """Return why no rule takes an event, by the decisions of those that name its type."""
    reasons = [f"{decision['rule']} does not take it: {decision['why']}" for decision in decisions]
    return "; ".join(reasons) or f"No rule of the stage names {event['detail-type']} from {event['source']}"


def steps(events: Sequence[CourseEvent]) -> list[Step]:
    """Return the steps that the events end, by when they begin. A step without an event before it is left out."""
    found: list[Step] = []
    for event in events:
        name, after = STEPS.get(event["event"], (_step_of(event), ()))
        before = [e["occurred_at"] for e in events if e["event"] in after or e["event_id"] == event["caused_by"]]
        begins = [at for at in before if at < event["occurred_at"]]
        if name and begins:
            found.append(
                {
                    "service": event["service"],
                    "name": name,
                    "kind": event["kind"],
                    "begins": max(begins),
                    "ends": event["occurred_at"],
                    "event_id": event["event_id"],
                }
            )
    return sorted(found, key=lambda step: (step["begins"], step["ends"]))


def _step_of(event: CourseEvent) -> str:
    """Return the name of the step that ends with an event which STEPS lacks, or an empty text if none does."""
    if event["service"] == "notification":
        return "mail"
    is_added = event["service"] not in {"order", "channel", *store.KNOWN_KEYS}
    return event["event"] if is_added else ""


def left(service: str, row: RowOfOrder) -> Iterator[Left]:
    """Yield the work that is left in a row."""
    for text in row.get("pending", ()):
        staged = outside_json.read_object(outbox_text.unpack(text))
        what = f"{staged['detail-type']} is not published yet"
        since = row.get("pending_since") or row["updated_at"]
        yield {"service": service, "what": what, "since": since, "due": None, "tries": 0}
    if "next_due" in row:
        what = f"the sweeper looks at {row['pk']}"
        yield {"service": service, "what": what, "since": None, "due": row["next_due"], "tries": row.get("attempts", 0)}


def _below(node: Node) -> Iterator[Node]:
    yield node
    for caused in node.caused:
        yield from _below(caused)


def _delivery(node: Node, consumer: str, mailed: Mapping[str, str]) -> Delivery:
    service = consumer.partition("/")[0]
    if consumer == BY_LIVE_ORDERS_ONLY[0]:  # the events of the saga that it starts name the same cause, and come later
        return {"consumer": consumer, "service": service, "handled_at": None}
    effects = [each.published.occurred_at for each in node.caused if _publisher(each.published.source) == service]
    if service == "notification":
        effects = [at for at in (mailed.get(node.published.event_id),) if at]
    return {"consumer": consumer, "service": service, "handled_at": min(effects, default=None)}


def _published_at(node: Node) -> str:
    """Return the time of the bus, or when the event occurred if the bus, without fractions of a second, states less."""
    put_at, occurred_at = node.published.put_at, node.published.occurred_at
    return max(put_at, occurred_at, key=clock.from_rfc3339)


def _publisher(source: str) -> str:
    service = source.removeprefix(SOURCE_PREFIX)
    return service if service in SERVICES else "channel"


def _kind(detail_type: str) -> Kind:
    if detail_type in REFUSALS:
        return "refusal"
    return "compensation" if detail_type in COMPENSATIONS else "step"
