"""The network: requests and responses are lost, doubled or late on it, and callers die at it."""

from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

from simulation.engine.dynamodb import RefusalError
from simulation.engine.faults import Kind, Mode, Plan
from simulation.engine.history import History
from simulation.engine.randomness import Chance
from simulation.engine.scheduler import SECOND, Scheduler

T = TypeVar("T")
_HALF: Final = 1 << 32

PERSISTENT: Final = frozenset(
    {
        *(Mode.LOST, Mode.ANSWER_LOST, Mode.LATE, Mode.THROTTLED, Mode.SERVER_ERROR, Mode.PARTIAL, Mode.CONFLICT),
        Mode.IN_PROGRESS,
    }
)
"""Modes that strike every attempt of a call, so that the SDK's own retry does not hide the fault."""
SILENT: Final = frozenset(
    {
        *(Mode.CRASH_BEFORE, Mode.CRASH_AFTER, Mode.LOST, Mode.LOST_ONCE, Mode.ANSWER_LOST, Mode.ANSWER_LOST_ONCE),
        Mode.LATE,
    }
)
"""Modes in which the caller gets no response."""
REFUSED: Final = frozenset({Mode.THROTTLED, Mode.THROTTLED_ONCE, Mode.SERVER_ERROR, Mode.SERVER_ERROR_ONCE, Mode.IN_PROGRESS})
"""Modes in which the caller gets an error response."""


class UnansweredError(Exception):
    """No response came in time: the request was executed, will be, or never is."""


class UnreachedError(UnansweredError):
    """The connection was refused, so the request was certainly not executed."""


class Network:
    """The network of one world. It carries each exchange as the plan of faults says."""

    def __init__(self, scheduler: Scheduler, chance: Chance, plan: Plan, history: History) -> None:
        self.scheduler = scheduler
        self.chance = chance
        self.plan = plan
        self.history = history
        self.boundaries: list[tuple[str, Kind]] | None = None
        """Every boundary met, if a caller asked for them."""
        self.hangs: Callable[[], bool] = lambda: False
        """Whether what is outside does not answer just now."""
        self.met: Callable[[str, Kind], None] = lambda boundary, kind: None
        """Receives every boundary before it is struck or passed."""
        self.copies = 0
        """Doubled and late requests that are still on their way."""

    def draw(self, boundary: str, kind: Kind) -> tuple[Mode | None, int]:
        """Return the fault that strikes the boundary, or None, and the latency of its request in microseconds."""
        self.met(boundary, kind)
        bits = self.chance.bits(boundary)
        if self.boundaries is not None:
            self.boundaries.append((boundary, kind))
        mode = self.plan.at(boundary, kind, bits)
        if mode is None and kind in (Kind.GATEWAY, Kind.REFUND, Kind.BOOKING) and self.hangs():
            mode = self.chance.choice(f"hangs {boundary}", (Mode.LOST, Mode.ANSWER_LOST, Mode.SLOW))
        rest = bits >> 32
        latency = 100_000 + rest % 700_000 if rest % 41 == 0 else 1_000 + rest % 25_000
        return mode, latency

    def exchange(self, boundary: str, kind: Kind, execute: Callable[[], T], patience: float) -> T:
        """Return the response of `execute`, called once over the network; `patience` is in seconds.

        Raises UnansweredError, RefusalError, Crashed.
        """
        mode, latency = self.draw(boundary, kind)
        return self.attempt(boundary, mode, latency, execute, patience)

    def attempt(
        self,
        boundary: str,
        mode: Mode | None,
        latency: int,
        execute: Callable[[], T],
        patience: float,
        degraded: Callable[[], T] | None = None,
    ) -> T:
        """Return the response of one attempt, struck by `mode`. `latency` is in microseconds, `patience` in seconds.

        `degraded` executes the request as a stale read or a partial failure does.
        Raises UnansweredError, RefusalError, Crashed.
        """
        scheduler = self.scheduler
        if mode is None:
            scheduler.sleep(latency)
            self.history.add(scheduler.now, boundary)
            return execute()
        self.history.add(scheduler.now, f"FAULT {mode}: {boundary}")
        if mode in SILENT:
            self._silence(boundary, mode, latency, execute, int(patience * SECOND))
        if mode in REFUSED:
            self._refuse(boundary, mode, latency, execute)
        match mode:
            case Mode.DOUBLED:
                scheduler.sleep(latency)
                again = 0 if self.chance.bits(f"again {boundary}") % 2 else self._microseconds(f"again {boundary}", 0.001, 2.0)
                self._copy(boundary, execute, again)
                return execute()
            case Mode.STALLED:
                scheduler.sleep(self._microseconds(f"stall {boundary}", 0.5, 240.0))
                return execute()
            case Mode.SLOW:
                scheduler.sleep(latency)
                answer = execute()
                scheduler.sleep(self._microseconds(f"slow {boundary}", 0.1, 0.9 * patience))
                return answer
            case Mode.SKEWED:
                assert scheduler.current is not None
                scheduler.current.skew = self._microseconds(f"skew {boundary}", -90.0, 90.0)
                scheduler.sleep(latency)
                return execute()
            case Mode.CLOCK_JUMP:
                scheduler.now += self._microseconds(f"jump {boundary}", 1.0, 180.0)
                scheduler.sleep(latency)
                return execute()
            case Mode.STALE | Mode.PARTIAL | Mode.PARTIAL_ONCE | Mode.CONFLICT:
                scheduler.sleep(latency)
                return (degraded or execute)()
            case _:
                raise AssertionError(f"{mode} cannot strike {boundary}")

    def _silence(self, boundary: str, mode: Mode, latency: int, execute: Callable[[], object], wait: int) -> NoReturn:
        """Crash the caller, or give it no response for `wait` microseconds. Raises Crashed, UnreachedError, UnansweredError."""
        scheduler = self.scheduler
        match mode:
            case Mode.CRASH_BEFORE:
                scheduler.crash()
            case Mode.CRASH_AFTER:
                scheduler.sleep(latency)
                _execute_unanswered(execute)
                scheduler.crash()
            case Mode.LOST | Mode.LOST_ONCE:
                if self.chance.bits(f"lost {boundary}") % 2:
                    scheduler.sleep(min(wait, SECOND))
                    raise UnreachedError
            case Mode.LATE:
                self._copy(boundary, execute, self._microseconds(f"late {boundary}", 40.0, 420.0))
            case _:
                scheduler.sleep(latency)
                _execute_unanswered(execute)
        scheduler.sleep(wait)
        raise UnansweredError

    def _refuse(self, boundary: str, mode: Mode, latency: int, execute: Callable[[], object]) -> NoReturn:
        """Raise the RefusalError of a service that is overloaded, broken, or busy with the same transaction."""
        self.scheduler.sleep(latency)
        if mode in (Mode.THROTTLED, Mode.THROTTLED_ONCE):
            raise RefusalError("ThrottlingException", "rate exceeded")
        if mode is Mode.IN_PROGRESS:
            _execute_unanswered(execute)
            raise RefusalError("TransactionInProgressException", "the transaction with this token is still in progress")
        if self.chance.bits(f"error {boundary}") % 2:
            _execute_unanswered(execute)
        raise RefusalError("InternalServerError", "internal server error")

    def _microseconds(self, name: str, least: float, most: float) -> int:
        return int(self.chance.between(name, least, most) * SECOND)

    def _copy(self, boundary: str, execute: Callable[[], object], after: int) -> None:
        """Send the same request once more. Its sender receives no response to it."""
        self.copies += 1

        def run() -> None:
            self.history.add(self.scheduler.now, f"copy of [{boundary}] arrives")
            try:
                _execute_unanswered(execute)
            finally:
                self.copies -= 1

        self.scheduler.spawn(f"copy of [{boundary}]", run, after=after)


def _execute_unanswered(execute: Callable[[], object]) -> None:
    """Execute a request whose answer is lost."""
    try:
        execute()
    except Exception:  # an error is an answer like another
        return
