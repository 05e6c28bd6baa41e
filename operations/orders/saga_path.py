"""The way of an order through its saga, from its row and its events: AWS keeps no history of an Express workflow.

A row shows the latest run, and if the order waited, the one before it. Other runs that ended without an answer left nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Final, TypedDict

from kernel import clock
from operations.orders.course import Course, Step
from operations.orders.saga_graph import Edge, Graph, edge_name, graph
from operations.orders.store import ListedOrder
from services.order.domain import states

AUTHORIZED: Final = ("Begin", "AuthorizePayment")
RESERVED: Final = (*AUTHORIZED, "ReserveStock")
CONFIRMING: Final = (*RESERVED, "DecideToConfirm", "Settle")
TAKEN_UP: Final = ("Begin", "LoadOrder", "AuthorizePayment", "ReserveStock")
"""A later run, by the sweeper."""
WAITED: Final = " after a wait"
CANCELLED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("Begin", "LoadOrder"),
    "PAYMENT_DECLINED": (*AUTHORIZED, "DecideToCancel"),
    "PAYMENT_VOIDED": (*AUTHORIZED, "DecideToCancel"),
    "OUT_OF_STOCK": (*RESERVED, "DecideToCancel"),
    "STOCK_RELEASED": (*RESERVED, "DecideToCancel"),
    "CAPTURE_REFUSED": (*CONFIRMING, "RefuseCapture"),
    "PAYMENT_UNAVAILABLE": (*AUTHORIZED, "RecordUnavailable"),
    "INVENTORY_UNAVAILABLE": (*RESERVED, "RecordUnavailable"),
}
"""The states up to the compensation, by the reason of the cancellation. A request to cancel is decided outside of the saga."""
RUNS: Final[Mapping[str, tuple[str, ...]]] = {
    "PENDING": ("Begin", "LiveOrRecovered"),
    "PENDING PAYMENT_UNAVAILABLE": (*AUTHORIZED, "RecordUnavailable", "Unavailable"),
    "PENDING INVENTORY_UNAVAILABLE": (*RESERVED, "RecordUnavailable", "Unavailable"),
    "BACKORDERED": (*RESERVED, "WaitForStock", "Answer"),
    "CONFIRMING": CONFIRMING,
    "CONFIRMED": (*CONFIRMING, "Confirm", "Answer"),
    **{f"CANCELLING {reason}".strip(): (*before, "Compensate") for reason, before in CANCELLED_BY.items()},
    **{f"CANCELLED {reason}".strip(): (*before, "Compensate", "Cancel", "Answer") for reason, before in CANCELLED_BY.items()},
}
"""The states of the latest run that a row shows, by the name of the way: those where the saga turns, and its end."""
TIMED: Final = {
    "PaymentAuthorized": "AuthorizePayment",
    "PaymentDeclined": "AuthorizePayment",
    "StockReserved": "ReserveStock",
    "StockRejected": "ReserveStock",
    "StockBackordered": "ReserveStock",
    "OrderBackordered": "WaitForStock",
    "PaymentCaptured": "CapturePayment",
    "PaymentFailed": "CapturePayment",
    "StockCommitted": "CommitStock",
    "OrderConfirmed": "Confirm",
    "PaymentVoided": "VoidPayment",
    "StockReleased": "ReleaseStock",
    "OrderCancelled": "Cancel",
}
"""The state that an event ends."""


class WalkedState(TypedDict):
    """A state on an order's way. `kind` is that of its event, `step` if it has none; `milliseconds` is None without one."""

    name: str
    kind: str
    milliseconds: int | None


class Way(TypedDict):
    """An order's way: the names of its edges, and its states in their order."""

    edges: list[str]
    states: list[WalkedState]


def name_of(order: ListedOrder) -> str:
    """Return the name of the way that an order went, by its row: `CANCELLED OUT_OF_STOCK`, `CONFIRMED after a wait`."""
    status, waited = order["status"], WAITED if "backordered_at" in order else ""
    if status == states.BACKORDERED:
        return status
    if status in states.AWAITING_OTHER_SERVICES or order.get("refunded"):
        return states.CONFIRMED + waited
    about = order.get("unavailable", "") if status == states.PENDING else order.get("reason", "")
    name = f"{status} {about}".strip()
    return (name if name in RUNS else status) + waited


@cache
def ways() -> Mapping[str, tuple[Edge, ...]]:
    """Return the edges of each way, by its name."""
    known = graph()
    straight = {name: _edges(known, run) for name, run in RUNS.items()}
    first = straight[states.BACKORDERED]
    return straight | {name + WAITED: _each_once((*first, *_edges(known, _taken_up(run)))) for name, run in RUNS.items()}


def way(found: Course, order: ListedOrder) -> Way:
    """Return the way of one order, with the time that its states took by its events."""
    edges = ways()[name_of(order)]
    visited = dict.fromkeys(name for edge in edges for name in (edge.begins, edge.ends))
    events = {event["event_id"]: event["event"] for event in found["events"]}
    timed = {TIMED[name]: step for step in found["steps"] if (name := events[step["event_id"]]) in TIMED}
    return {"edges": [edge_name(edge) for edge in edges], "states": [_walked(name, timed.get(name)) for name in visited]}


def _taken_up(run: tuple[str, ...]) -> tuple[str, ...]:
    """Return a run as the sweeper begins it."""
    return TAKEN_UP + run[len(RESERVED) :] if run[: len(RESERVED)] == RESERVED else run


def _each_once(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    return tuple(dict.fromkeys(edges))


def _edges(known: Graph, run: Sequence[str]) -> tuple[Edge, ...]:
    """Return the edges of a run; of a parallel state that it left, those of all branches."""
    went = [edge for begin, end in pairwise(run) for edge in known.way(begin, end)]
    left = {edge.begins for edge in went}
    for state, starts in known.branches.items():
        if state in left:
            beside = [edge for start in starts for edge in (Edge(state, start, caught=False), *known.after(start))]
            went += beside
    return _each_once(went)


def _walked(name: str, step: Step | None) -> WalkedState:
    if step is None:
        return {"name": name, "kind": "step", "milliseconds": None}
    took = clock.from_rfc3339(step["ends"]) - clock.from_rfc3339(step["begins"])
    return {"name": name, "kind": step["kind"], "milliseconds": round(took.total_seconds() * 1000)}
