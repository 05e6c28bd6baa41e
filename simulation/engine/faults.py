"""Faults and where they strike: the modes of failure, which calls each can strike, and the plans that choose.

A fault strikes at a *boundary*: one call of one execution, by its name (`order 3 > POST /orders > order-api > UpdateItem
ORDER#ord-x`). A plan is drawn from the seed, or is a list of boundaries with their modes: what a drawn plan did, or part of it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from simulation.engine.randomness import Chance


class Mode(StrEnum):
    """The effect of a fault at a boundary. `_ONCE` strikes the first attempt only, so the SDK's own retry meets no fault."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    LOST = "request lost"
    LOST_ONCE = "request lost once"
    ANSWER_LOST = "answer lost"
    ANSWER_LOST_ONCE = "answer lost once"
    DOUBLED = "doubled"
    LATE = "late, past recovery"
    THROTTLED = "throttled"
    THROTTLED_ONCE = "throttled once"
    SERVER_ERROR = "server error"
    SERVER_ERROR_ONCE = "server error once"
    CONFLICT = "conflict"
    STALLED = "caller stalls"
    SKEWED = "caller's clock is off"
    CLOCK_JUMP = "clock jumps"
    STALE = "stale read"
    PARTIAL = "partial failure"
    PARTIAL_ONCE = "partial failure once"
    DELAYED = "delivered late"
    DROPPED = "dropped"
    SLOW = "answer slow"
    IN_PROGRESS = "transaction in progress"
    LASTING = "lasts"


class Kind(StrEnum):
    """The kind of a boundary, which decides the possible faults."""

    READ = "read"
    STALE_READ = "eventually consistent read"
    BATCH_READ = "batch read"
    STALE_BATCH_READ = "eventually consistent batch read"
    WRITE = "write"
    TRANSACTION = "transaction"
    PUT_EVENTS = "put events"
    SEND = "send message"
    MAIL = "send mail"
    INVOKE = "invoke"
    START = "start workflow"
    RUN = "run workflow"
    STEP = "workflow step"
    WAITING_STEP = "workflow step that lets an order wait"
    GATEWAY = "gateway"
    REFUND = "refund at the gateway"
    BOOKING = "booking with the carrier"
    HTTP = "http"
    STREAM = "stream batch"
    QUEUE = "queue batch"
    DELIVERY = "delivery"
    RARE_DELIVERY = "delivery of a rare event"
    REPLAYED_DELIVERY = "replayed delivery"
    SCHEDULE = "schedule"
    ENTRY = "entry of put events"
    ROW = "row"
    CONDITION = "condition of the stage"
    COLD_START = "cold start"


OUTSIDE: Final = (Kind.GATEWAY, Kind.REFUND, Kind.BOOKING, Kind.MAIL)
"""Calls with an effect outside."""
ENUMERATED: Final = (Mode.CRASH_BEFORE, Mode.CRASH_AFTER, Mode.ANSWER_LOST, Mode.DOUBLED, Mode.LATE)
"""The modes that the enumeration strikes every boundary with."""

_PROCESS: Final = (
    (Mode.CRASH_BEFORE, 3.0),
    (Mode.CRASH_AFTER, 3.0),
    (Mode.STALLED, 1.0),
    (Mode.SKEWED, 0.5),
    (Mode.CLOCK_JUMP, 0.1),
)
_ANSWERS: Final = ((Mode.LOST, 1.0), (Mode.LOST_ONCE, 1.0), (Mode.SERVER_ERROR, 0.5), (Mode.SERVER_ERROR_ONCE, 0.5))
_REFUSALS: Final = ((Mode.THROTTLED, 0.5), (Mode.THROTTLED_ONCE, 1.0))
_PARTS: Final = ((Mode.PARTIAL, 2.0), (Mode.PARTIAL_ONCE, 2.0))
_WRITES: Final = ((Mode.ANSWER_LOST, 3.0), (Mode.ANSWER_LOST_ONCE, 2.0), (Mode.DOUBLED, 2.0), (Mode.LATE, 3.0))

_STEP: Final = (
    (Mode.CRASH_BEFORE, 3.0),
    (Mode.CRASH_AFTER, 3.0),
    (Mode.STALLED, 0.5),
    (Mode.LOST, 1.0),
    (Mode.SERVER_ERROR, 1.0),
    (Mode.THROTTLED, 1.0),
    (Mode.ANSWER_LOST, 3.0),
    (Mode.DOUBLED, 3.0),
    (Mode.LATE, 3.0),
)

MENUS: Final[Mapping[Kind, tuple[tuple[Mode, float], ...]]] = {
    Kind.READ: (*_PROCESS, *_ANSWERS, *_REFUSALS),
    Kind.STALE_READ: (*_PROCESS, *_ANSWERS, *_REFUSALS, (Mode.STALE, 4.0)),
    Kind.BATCH_READ: (*_PROCESS, *_ANSWERS, *_REFUSALS, *_PARTS),
    Kind.STALE_BATCH_READ: (*_PROCESS, *_ANSWERS, *_REFUSALS, *_PARTS, (Mode.STALE, 16.0)),
    Kind.WRITE: (*_PROCESS, *_ANSWERS, *_REFUSALS, *_WRITES, (Mode.CONFLICT, 0.5)),
    Kind.TRANSACTION: (*_PROCESS, *_ANSWERS, *_REFUSALS, *_WRITES, (Mode.CONFLICT, 3.0), (Mode.IN_PROGRESS, 1.0)),
    Kind.PUT_EVENTS: (*_PROCESS, *_ANSWERS, *_REFUSALS, *_WRITES, (Mode.PARTIAL, 4.0), (Mode.PARTIAL_ONCE, 4.0)),
    Kind.SEND: (*_PROCESS, *_ANSWERS, *_REFUSALS, *_WRITES),
    Kind.MAIL: (*_PROCESS, *_ANSWERS, *_REFUSALS, (Mode.ANSWER_LOST, 3.0), (Mode.LATE, 3.0), (Mode.SLOW, 6.0)),
    Kind.INVOKE: (*_PROCESS, *_ANSWERS, *_REFUSALS),
    Kind.START: (*_PROCESS, *_ANSWERS, *_REFUSALS, *_WRITES),
    Kind.RUN: (*_PROCESS, *_ANSWERS, *_REFUSALS, *_WRITES),
    **dict.fromkeys((Kind.STEP, Kind.WAITING_STEP), _STEP),
    Kind.GATEWAY: (
        (Mode.CRASH_BEFORE, 2.0),
        (Mode.CRASH_AFTER, 3.0),
        (Mode.LOST, 1.0),
        (Mode.SERVER_ERROR, 1.0),
        (Mode.ANSWER_LOST, 3.0),
        (Mode.DOUBLED, 3.0),
        (Mode.LATE, 4.0),
        (Mode.STALLED, 0.5),
        (Mode.THROTTLED, 0.5),
        (Mode.SLOW, 4.0),
    ),
    Kind.BOOKING: (
        (Mode.CRASH_BEFORE, 2.0),
        (Mode.CRASH_AFTER, 3.0),
        (Mode.LOST, 1.0),
        (Mode.SERVER_ERROR, 1.0),
        (Mode.ANSWER_LOST, 6.0),
        (Mode.DOUBLED, 3.0),
        (Mode.LATE, 4.0),
        (Mode.STALLED, 0.5),
        (Mode.THROTTLED, 0.5),
        (Mode.SLOW, 4.0),
    ),
    Kind.REFUND: (
        (Mode.CRASH_BEFORE, 2.0),
        (Mode.CRASH_AFTER, 2.0),
        (Mode.LOST, 2.0),
        (Mode.SERVER_ERROR, 1.0),
        (Mode.ANSWER_LOST, 3.0),
        (Mode.DOUBLED, 2.0),
        (Mode.LATE, 3.0),
        (Mode.STALLED, 4.0),
        (Mode.THROTTLED, 0.5),
        (Mode.SLOW, 8.0),
    ),
    Kind.HTTP: (
        (Mode.CRASH_AFTER, 1.0),
        (Mode.LOST, 1.0),
        (Mode.SERVER_ERROR, 1.0),
        (Mode.THROTTLED, 1.0),
        (Mode.ANSWER_LOST, 3.0),
        (Mode.DOUBLED, 2.0),
        (Mode.LATE, 2.0),
    ),
    Kind.STREAM: (
        (Mode.DELAYED, 2.0),
        (Mode.DOUBLED, 2.0),
        (Mode.DROPPED, 2.0),
        (Mode.ANSWER_LOST, 2.0),
        (Mode.THROTTLED, 1.0),
    ),
    Kind.QUEUE: ((Mode.DELAYED, 2.0), (Mode.DOUBLED, 3.0), (Mode.ANSWER_LOST, 2.0), (Mode.THROTTLED, 1.0)),
    Kind.DELIVERY: ((Mode.DELAYED, 4.0), (Mode.DOUBLED, 4.0), (Mode.DROPPED, 2.0)),
    Kind.RARE_DELIVERY: ((Mode.DELAYED, 4.0), (Mode.DOUBLED, 4.0), (Mode.DROPPED, 2.0)),
    Kind.REPLAYED_DELIVERY: ((Mode.DELAYED, 1.0), (Mode.DOUBLED, 4.0)),
    Kind.SCHEDULE: ((Mode.DELAYED, 1.0), (Mode.DOUBLED, 2.0), (Mode.DROPPED, 1.0)),
    **dict.fromkeys((Kind.ENTRY, Kind.ROW, Kind.CONDITION, Kind.COLD_START), ((Mode.LASTING, 1.0),)),
}
"""The modes that can strike each kind of boundary, by weight."""

SHARE: Final[Mapping[Kind, float]] = {
    Kind.ROW: 0.1,
    Kind.CONDITION: 3.0,
    Kind.ENTRY: 0.5,
    Kind.COLD_START: 0.5,
    Kind.REFUND: 10.0,
    Kind.WAITING_STEP: 8.0,
    Kind.BOOKING: 6.0,
    Kind.RARE_DELIVERY: 6.0,
}
"""How often each kind is struck, as a share of the plan's rate; 1 where it is not named. Some kinds of calls are rare."""

_HALF: Final = 1 << 32


class Plan:
    """A plan of faults. `struck` has each boundary that it struck, in order, with the fault."""

    def __init__(self) -> None:
        self.struck: dict[str, Mode] = {}
        self.quiet = False
        """While true, nothing is struck."""

    def at(self, boundary: str, kind: Kind, bits: int) -> Mode | None:
        """Return the fault that strikes the boundary, or None; `bits` is its draw."""
        mode = None if self.quiet else self._choose(boundary, kind, bits)
        if mode is not None:
            self.struck[boundary] = mode
        return mode

    def _choose(self, boundary: str, kind: Kind, bits: int) -> Mode | None:
        return None


class RandomFaults(Plan):
    """Faults drawn by the seed: each boundary is struck with probability `rate`, times the `SHARE` of its kind."""

    def __init__(self, chance: Chance, rate: float) -> None:
        super().__init__()
        self.chance = chance
        self.threshold = int(rate * _HALF)

    def _choose(self, boundary: str, kind: Kind, bits: int) -> Mode | None:
        if bits % _HALF >= self.threshold * SHARE.get(kind, 1.0):
            return None
        return self.chance.weighted(f"mode {boundary}", MENUS[kind])


class ScriptedFaults(Plan):
    """Faults by the names of their boundaries."""

    def __init__(self, faults: Mapping[str, Mode]) -> None:
        super().__init__()
        self.faults = dict(faults)

    def _choose(self, boundary: str, kind: Kind, bits: int) -> Mode | None:
        return self.faults.get(boundary)
