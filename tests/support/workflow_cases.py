"""Runs of the saga with scripted answers: what its commands answer, and what must come of it.

The simulation's interpreter runs them here (test_workflow.py), the embedded AWS's engine in tests/emulator. An answer that is a
text is an exception of that name; the last answer to a command is its answer from then on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Answer = Mapping[str, object] | str
TOTAL: Final = {"amount": 2500, "currency": "USD"}
LINES: Final = [{"sku": "MUG", "quantity": 2}]
PAYABLE: Final = {"total": TOTAL, "payment_token": "pm_card_visa", "receipt": "of the order"}
WANTED: Final = {"lines": LINES, "if_short": "REJECT", "receipt": "of the order"}
FAULT: Final = "GatewayUnavailableError"

GOOD: Final[dict[str, list[Answer]]] = {
    "authorize": [{"outcome": "AUTHORIZED"}],
    "reserve": [{"outcome": "HELD", "lines": LINES}],
    "decide": [{"outcome": "CONFIRMING", "reason": None, "total": TOTAL}],
    "wait": [{"outcome": "BACKORDERED", "reason": None, "total": TOTAL}],
    "unavailable": [{"outcome": "PENDING", "reason": None, "total": TOTAL}],
    "capture": [{"outcome": "CAPTURED"}],
    "commit": [{"outcome": "COMMITTED"}],
    "confirm": [{"outcome": "CONFIRMED", "reason": None}],
    "refuse": [{"outcome": "CANCELLING", "reason": "CAPTURE_REFUSED"}],
    "void": [{"outcome": "VOIDED"}],
    "release": [{"outcome": "RELEASED"}],
    "cancel": [{"outcome": "CANCELLED", "reason": "SCRIPTED"}],
}
FORWARD: Final = ("authorize", "reserve", "decide", "capture", "commit", "confirm")
BACKWARD: Final = ("void", "release", "cancel")
CANCELLING: Final[list[Answer]] = [{"outcome": "CANCELLING", "reason": "SCRIPTED", "total": TOTAL}]
WAITING: Final[list[Answer]] = [{"outcome": "WAITING", "lines": LINES}]


@dataclass(frozen=True)
class Case:
    """A run. `calls` are the commands that it makes, in order (those of a Parallel in the order of its branches)."""

    name: str
    calls: tuple[str, ...]
    status: str | None = None
    reason: str | None = None
    error: str | None = None
    mode: str = "live"
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    stated: dict[str, Answer] = field(default_factory=lambda: {"payable": PAYABLE, "wanted": WANTED})

    def script(self) -> dict[str, list[Answer]]:
        """Draw the responses of every command, try by try."""
        return {**GOOD, **self.answers}

    def workflow_input(self, order_id: str) -> dict[str, object]:
        """Return the input of the run."""
        if self.mode != "live":
            return {"mode": self.mode, "order_id": order_id}
        return {"mode": "live", **self.order(order_id)}

    def order(self, order_id: str) -> dict[str, object]:
        """Return the order, as the run receives or reads it."""
        history = {"correlation_id": "correlation", "causation_id": f"ORDER#{order_id}#1"}
        return {"order_id": order_id, **history, **self.stated}


def _recovered(name: str, mode: str, loaded: Answer, calls: tuple[str, ...], **rest: Any) -> Case:
    answers = {"load": [loaded], **rest.pop("answers", {})}
    return Case(name, ("load", *calls), mode=mode, answers=answers, **rest)


def _found(status: str, reason: str | None = None) -> Answer:
    decision = {"outcome": status, "reason": reason, "total": TOTAL}
    return {"outcome": "FOUND", "status": status, "decision": decision, **Case("", ()).order("?")}


CASES: Final = (
    Case("confirmed", FORWARD, "CONFIRMED"),
    Case(
        "declined",
        ("authorize", "decide", *BACKWARD),
        "CANCELLED",
        "SCRIPTED",
        answers={"authorize": [{"outcome": "DECLINED", "reason": "card_declined"}], "decide": CANCELLING},
    ),
    Case(
        "voided before it was authorised",
        ("authorize", "decide", *BACKWARD),
        "CANCELLED",
        "SCRIPTED",
        answers={"authorize": [{"outcome": "VOIDED"}], "decide": CANCELLING},
    ),
    Case(
        "out of stock",
        ("authorize", "reserve", "decide", *BACKWARD),
        "CANCELLED",
        "SCRIPTED",
        answers={"reserve": [{"outcome": "REJECTED", "reason": "OUT_OF_STOCK", "short": []}], "decide": CANCELLING},
    ),
    Case(
        "started by an API from before there were receipts",
        ("authorize", "authorize"),
        error="REFUSED",
        answers={"authorize": ["ReceiptRefusedError"]},
        stated={},
    ),
    Case("waiting for stock", ("authorize", "reserve", "wait"), "BACKORDERED", answers={"reserve": WAITING}),
    Case(
        "cancelled as it was to wait",
        ("authorize", "reserve", "wait", *BACKWARD),
        "CANCELLED",
        "SCRIPTED",
        answers={"reserve": WAITING, "wait": CANCELLING},
    ),
    Case(
        "whether it waits stays unknown",
        ("authorize", "reserve", "wait", "wait"),
        error="UNRESOLVED",
        answers={"reserve": WAITING, "wait": ["ContentionError"]},
    ),
    Case(
        "capture refused",
        ("authorize", "reserve", "decide", "capture", "commit", "refuse", *BACKWARD),
        "CANCELLED",
        "SCRIPTED",
        answers={"capture": [{"outcome": "CAPTURE_REFUSED", "reason": "capture_refused"}]},
    ),
    Case("one fault is retried", ("authorize", *FORWARD), "CONFIRMED", answers={"authorize": [FAULT, *GOOD["authorize"]]}),
    Case(
        "the gateway stays away",
        ("authorize", "authorize", "unavailable"),
        error="UNAVAILABLE",
        answers={"authorize": [FAULT]},
    ),
    Case(
        "inventory stays away",
        ("authorize", "reserve", "reserve", "unavailable"),
        error="UNAVAILABLE",
        answers={"reserve": ["ContentionError"]},
    ),
    Case(
        "the gateway stays away past the deadline",
        ("authorize", "authorize", "unavailable", *BACKWARD),
        "CANCELLED",
        "SCRIPTED",
        answers={"authorize": [FAULT], "unavailable": CANCELLING},
    ),
    Case(
        "the gateway stays away from a run, and another has decided",
        ("authorize", "authorize", "unavailable", "capture", "commit", "confirm"),
        "CONFIRMED",
        answers={"authorize": [FAULT], "unavailable": GOOD["decide"]},
    ),
    Case(
        "that inventory stays away cannot be written down",
        ("authorize", "reserve", "reserve", "unavailable", "unavailable"),
        error="UNRESOLVED",
        answers={"reserve": ["ContentionError"], "unavailable": ["ContentionError"]},
    ),
    Case("the command is refused for good", ("authorize", "authorize"), error="REFUSED", answers={"authorize": ["KeyError"]}),
    Case(
        "the reservation is refused for good",
        ("authorize", "reserve", "reserve"),
        error="REFUSED",
        answers={"reserve": ["LinesMismatchError"]},
    ),
    Case(
        "the decision stays unknown",
        ("authorize", "reserve", "decide", "decide"),
        error="UNRESOLVED",
        answers={"decide": ["ContentionError"]},
    ),
    Case(
        "the decision was lost to a cancellation",
        ("authorize", "reserve", "decide", *BACKWARD),
        "CANCELLED",
        "SCRIPTED",
        answers={"decide": CANCELLING},
    ),
    Case(
        "the order was confirmed meanwhile",
        ("authorize", "reserve", "decide"),
        "CONFIRMED",
        answers={"decide": [{"outcome": "CONFIRMED", "reason": None}]},
    ),
    Case(
        "turned back by another run",
        ("authorize", "reserve", "decide", "capture", "commit"),
        error="UNRESOLVED",
        answers={"capture": [{"outcome": "VOIDED"}], "commit": [{"outcome": "RELEASED"}]},
    ),
    Case("confirm fails", (*FORWARD, "confirm"), error="UNRESOLVED", answers={"confirm": ["ContentionError"]}),
    Case(
        "the void came too late",
        ("authorize", "decide", "void", "release"),
        error="COMPENSATION_FAILED",
        answers={
            "authorize": [{"outcome": "DECLINED", "reason": "x"}],
            "decide": CANCELLING,
            "void": [{"outcome": "CAPTURED"}],
        },
    ),
    _recovered("no such order", "resume", {"outcome": "NOT_FOUND", "decision": None}, (), error="NO_SUCH_ORDER"),
    _recovered("looked at while it waits", "resume", _found("BACKORDERED"), FORWARD, status="CONFIRMED"),
    _recovered(
        "waited for and not served",
        "resume",
        _found("BACKORDERED"),
        ("authorize", "reserve", "wait", *BACKWARD),
        status="CANCELLED",
        reason="SCRIPTED",
        answers={"reserve": WAITING, "wait": CANCELLING},
    ),
    _recovered(
        "looked at while it waits, and payment stays away",
        "resume",
        _found("BACKORDERED"),
        ("authorize", "authorize", "unavailable"),
        error="UNAVAILABLE",
        answers={"authorize": [FAULT], "unavailable": GOOD["wait"]},
    ),
    _recovered("resumed before the decision", "resume", _found("PENDING"), FORWARD, status="CONFIRMED"),
    _recovered(
        "resumed after the decision", "resume", _found("CONFIRMING"), ("capture", "commit", "confirm"), status="CONFIRMED"
    ),
    _recovered(
        "resumed while cancelling", "resume", _found("CANCELLING", "CUSTOMER"), BACKWARD, status="CANCELLED", reason="SCRIPTED"
    ),
    _recovered("resumed when all was done", "resume", _found("CONFIRMED"), (), status="CONFIRMED"),
    _recovered("resumed when cancelled", "resume", _found("CANCELLED", "EXPIRED"), (), status="CANCELLED", reason="EXPIRED"),
    _recovered("started as an older sweeper did", "abort", _found("PENDING"), FORWARD, status="CONFIRMED"),
)

PARALLEL: Final = (frozenset({"capture", "commit"}), frozenset({"void", "release"}))


def in_order(calls: list[str]) -> tuple[str, ...]:
    """Return calls in the order they were made, those of a Parallel's branches in the order of the branches."""
    ordered = list(calls)
    for position in range(len(ordered) - 1):
        pair = ordered[position : position + 2]
        if frozenset(pair) in PARALLEL:
            ordered[position : position + 2] = sorted(pair, key=["capture", "commit", "void", "release"].index)
    return tuple(ordered)
