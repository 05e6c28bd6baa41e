"""The histories that can lead to a row: a search over its transition table, with the marks that each step leaves in the row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from audit.row_forms import MovingRow
from kernel.transitions import ABSENT, TransitionTable

MOST_VERSIONS: Final = 1000
"""A row with more transitions counts as corrupt."""

Marks = frozenset[str]


class State(NamedTuple):
    """The traces of a row's history: its status, its marks, and for a refund the number of its attempt."""

    status: str
    marks: Marks = frozenset()
    attempt: int = 0


@dataclass(frozen=True)
class Effect:
    """One way in which a transition changes the marks: possible with all the marks `needs` and none of the marks `unless`."""

    adds: Marks
    drops: Marks
    needs: Marks
    unless: Marks
    attempts: int

    def after(self, target: str, state: State) -> State:
        """Return the state that a transition to `target` makes of `state`."""
        return State(target, state.marks - self.drops | self.adds, state.attempt + self.attempts)


def effect(*adds: str, drops: str = "", needs: str = "", unless: str = "", attempts: int = 0) -> Effect:
    """Return an `Effect`. Spaces separate the marks in `drops`, `needs` and `unless`."""
    drop, need, without = (frozenset(marks.split()) for marks in (drops, needs, unless))
    return Effect(frozenset(adds), drop, need, without, attempts)


MOVED: Final = "DISPATCHED DELIVERED"
NO_EFFECT: Final = (effect(),)
EFFECTS: Final[Mapping[str, Mapping[str, tuple[Effect, ...]]]] = {
    "ORDER": {
        "wait": (effect("backordered_at", unless="backordered_at"),),
        "resume": (effect("resumed_at"),),
        "decide_to_cancel": (effect(), effect("asked")),
        "refuse": (effect("CAPTURE_REFUSED"),),
        "mark_dispatched": (effect("DISPATCHED", drops="asked", unless=MOVED),),
        "mark_delivered": (effect("DELIVERED", drops="asked DISPATCHED", unless="DELIVERED"),),
        "request_cancel": (effect("asked", unless=MOVED),),
        "revoke": (effect(unless=MOVED), effect(drops="asked", unless=MOVED)),
        "take_back": (effect("refunded", unless="restocked refunded"), effect("restocked", unless="restocked refunded")),
        "close": (effect("refunded", needs="restocked"), effect("restocked", needs="refunded")),
    },
    "PAY": {
        "intend_authorize": (effect("total", "payment_token"),),
        "decline": (effect("reason"),),
        "refuse_capture": (effect("reason"),),
        "intend_refund": (effect(attempts=1),),
        "refund": (effect(drops="settlement"),),
        "refuse_refund": (effect("reason", drops="settlement"),),
        "retry_refund": (effect(drops="reason", attempts=1),),
        "intend_settlement": (
            effect("settlement", unless="settlement reason"),
            effect("settlement", needs="reason", drops="reason", unless="settlement", attempts=1),
        ),
    },
    "RES": {
        "reserve": (effect("lines"),),
        "reject": (effect("lines", "rejected", "short"),),
        "wait": (effect("lines", "backordered"), effect("lines", "backordered", "short")),
        "allocate": (effect(drops="short"),),
    },
    "SHIP": {
        "create": (effect("lines"),),
        "book": (effect("booking"),),
    },
}
"""By aggregate and transition, the possible effects on the marks. Another transition leaves them as they are."""


def is_reachable(table: TransitionTable, row: MovingRow) -> bool:
    """Return True if a path of exactly `version` steps leads to the row's status and marks. The row is well-formed."""
    state = State(row["status"], marks_of(table.aggregate, row), row.get("refund_attempt", 0))
    return state in states_after(table, row["version"])


def marks_of(aggregate: str, row: MovingRow) -> Marks:
    """Return the marks of a row: the names of attributes, the fulfilment, and the kind of a cancellation's reason."""
    marks = frozenset(_ATTRIBUTES.get(aggregate, ())).intersection(row)
    if aggregate == "ORDER":
        marks |= frozenset(MOVED.split()).intersection([row["fulfilment"]])
        marks |= _REASONS.get(row.get("reason", ""), frozenset())
    return marks


_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "ORDER": ("backordered_at", "resumed_at", "refunded", "restocked"),
    "PAY": ("total", "payment_token", "reason", "settlement"),
    "RES": ("lines", "rejected", "short", "backordered"),
    "SHIP": ("lines", "booking"),
}
"""The attributes that are marks: present once their event happened, else absent."""
_REASONS: Final = {
    "CUSTOMER": frozenset({"asked"}),
    "OPERATOR": frozenset({"asked"}),
    "CAPTURE_REFUSED": frozenset({"CAPTURE_REFUSED"}),
}


def statuses_after(table: TransitionTable, steps: int) -> frozenset[str]:
    """Return the statuses that a row of this table can have after exactly `steps` transitions from absence."""
    return frozenset(state.status for state in states_after(table, steps))


def states_after(table: TransitionTable, steps: int) -> frozenset[State]:
    """Return the states after exactly `steps` transitions from absence; none for more than `MOST_VERSIONS`."""
    if not 0 <= steps <= MOST_VERSIONS:
        return frozenset()
    layers = _layers(table)
    while len(layers) <= steps:
        layers.append(frozenset(after for state in layers[-1] for after in _next(table, state)))
    return layers[steps]


@cache
def _layers(table: TransitionTable) -> list[frozenset[State]]:
    """Return the states after 0, 1, 2 ... steps, as far as they were asked for; `states_after` appends to the list."""
    return [frozenset({State(ABSENT)})]


def _next(table: TransitionTable, state: State) -> Iterator[State]:
    """Yield the states that are one transition away."""
    effects = EFFECTS.get(table.aggregate, {})
    for step in table.transitions:
        if state.status in step.sources:
            for change in effects.get(step.name, NO_EFFECT):
                if change.needs <= state.marks and not change.unless & state.marks:
                    yield change.after(step.target, state)
