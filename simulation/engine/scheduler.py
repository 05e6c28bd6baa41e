"""The scheduler: executions as greenlets that hand over at every call, and a clock that only it moves.

Everything is on one thread. Simulated time alone decides which task runs next, and the seed decides that. So a run repeats
exactly.
"""

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import BaseRouter
from greenlet import greenlet

T = TypeVar("T")
SECOND: Final = 1_000_000
"""Simulated time is an integer of microseconds."""

KEPT_BY_PROCESS: Final = ((BaseRouter, "current_event"), (BaseRouter, "lambda_context"))
"""Class attributes of Powertools. On Lambda each execution environment has its own, so here each execution has."""


@dataclass(frozen=True)
class Span:
    """A stretch of simulated time."""

    begin: int
    end: int

    def holds(self, now: int) -> bool:
        """Return whether the time is in it."""
        return self.begin <= now < self.end


class Crashed(BaseException):
    """The death of a process. Not an Exception, so that no handler catches it."""


class HarnessError(BaseException):
    """An error of the simulation itself. Not an Exception, so that no handler takes it for an error of its own."""


class Environ(MutableMapping[str, str]):
    """`os.environ` as the running function sees it: its own variables before those of this process."""

    def __init__(self, own: MutableMapping[str, str]) -> None:
        self.own = own
        self.function: Mapping[str, str] = {}

    def __getitem__(self, name: str) -> str:
        return self.function[name] if name in self.function else self.own[name]

    def __setitem__(self, name: str, value: str) -> None:
        self.own[name] = value

    def __delitem__(self, name: str) -> None:
        del self.own[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self.own, **self.function})

    def __len__(self) -> int:
        return len({**self.own, **self.function})

    def copy(self) -> dict[str, str]:
        """Return a copy, as `os.environ.copy` does."""
        return dict(self)


class Task:
    """One execution. `environ` has the variables of its process; `skew` says how far its clock is off, in microseconds."""

    __slots__ = ("counts", "dead", "environ", "greenlet", "kept", "name", "skew", "turn")

    def __init__(self, name: str, run: Callable[[], None], hub: greenlet, environ: Mapping[str, str]) -> None:
        self.name = name
        self.environ = environ
        self.greenlet = greenlet(run, hub)
        self.turn = 0
        self.skew = 0
        self.dead = False
        self.counts: dict[str, int] = {}
        self.kept: tuple[object, ...] = (None,) * len(KEPT_BY_PROCESS)

    def numbered(self, what: str) -> str:
        """Return a name that no other step has: the task's name, `what`, and how often the task has done it."""
        count = self.counts.get(what, 0)
        self.counts[what] = count + 1
        return f"{self.name} > {what} {count}" if count else f"{self.name} > {what}"


class Outcome(Generic[T]):
    """The outcome of a task. It has its `value` once it is `done`."""

    __slots__ = ("done", "value", "waiting")

    def __init__(self) -> None:
        self.done = False
        self.value: T | None = None
        self.waiting: list[tuple[Task, int]] = []


class Scheduler:
    """The tasks that wait, by the time they go on."""

    def __init__(self, environ: Environ) -> None:
        self.now = 0
        self.current: Task | None = None
        self.environ = environ
        self.steps = 0
        self._hub = greenlet.getcurrent()
        self._heap: list[tuple[int, int, Task | Callable[[], None], int]] = []
        self._sequence = 0
        self._begun: dict[Task, None] = {}

    def spawn(self, name: str, run: Callable[[], object], environ: Mapping[str, str] | None = None, after: int = 0) -> Task:
        """Start a task after `after` microseconds. Crashed ends it quietly; any other exception ends the run."""

        def body() -> None:
            with suppress(Crashed):
                run()

        task = Task(name, body, self._hub, {} if environ is None else environ)
        self._push(self.now + after, task)
        return task

    def at(self, when: int, what: Callable[[], None]) -> None:
        """Call `what` at a simulated time, outside of any task."""
        self._sequence += 1
        heappush(self._heap, (when, self._sequence, what, 0))

    def sleep(self, duration: int) -> None:
        """Let the running task wait for so many microseconds. Raises Crashed if it was killed."""
        task = self._running()
        self._push(self.now + duration, task)
        self._hand_over(task)

    def wait(self, outcome: Outcome[T], timeout: int | None = None) -> bool:
        """Let the running task wait until `outcome` is done, for `timeout` microseconds at most; return whether it is.

        Raises Crashed if the task was killed.
        """
        if outcome.done:
            return True
        task = self._running()
        outcome.waiting.append((task, task.turn))
        if timeout is not None:
            self._push(self.now + timeout, task)
        self._hand_over(task)
        return outcome.done

    def finish(self, outcome: Outcome[T], value: T | None = None) -> None:
        """Let the tasks that wait for `outcome` go on. The first call decides; another has no effect."""
        if outcome.done:
            return
        outcome.done, outcome.value = True, value
        for task, turn in outcome.waiting:
            if task.turn == turn:
                self._push(self.now, task)

    def kill(self, task: Task) -> None:
        """Kill another task. The requests that it has sent still arrive."""
        if not task.dead and not task.greenlet.dead:
            task.dead = True
            self._push(self.now, task)

    def crash(self) -> None:
        """Kill the running task. Raises Crashed."""
        if self.current is not None:
            self.current.dead = True
        raise Crashed

    def run(self) -> None:
        """Run the tasks in the order of simulated time, until none waits for a time."""
        while self._heap:
            when, _, what, turn = heappop(self._heap)
            if not isinstance(what, Task):
                self.now = max(self.now, when)
                what()
            elif what.turn == turn and not what.greenlet.dead:
                self.now = max(self.now, when)
                self._resume(what)

    def abandon(self) -> None:
        """Kill every task that still waits. Its calls on the way out have no effect."""
        for task in list(self._begun):
            if task.greenlet and not task.greenlet.dead:
                task.dead = True
                self.current = task
                task.greenlet.throw(Crashed)
        self.current = None
        self._heap.clear()

    def _resume(self, task: Task) -> None:
        task.turn += 1
        self.steps += 1
        self.current = task
        self.environ.function = task.environ
        for (owner, name), value in zip(KEPT_BY_PROCESS, task.kept, strict=True):
            setattr(owner, name, value)
        if not task.dead:
            self._begun[task] = None
            task.greenlet.switch()
        elif task.greenlet:  # it has begun, so there is something to unwind
            task.greenlet.throw(Crashed)
        if task.greenlet.dead:
            self._begun.pop(task, None)
        task.kept = tuple(getattr(owner, name, None) for owner, name in KEPT_BY_PROCESS)
        self.current = None
        self.environ.function = {}

    def _running(self) -> Task:
        task = self.current
        assert task is not None, "only a task can wait"
        if task.dead:
            raise Crashed
        return task

    def _hand_over(self, task: Task) -> None:
        self._hub.switch()
        if task.dead:
            raise Crashed

    def _push(self, when: int, task: Task) -> None:
        self._sequence += 1
        heappush(self._heap, (when, self._sequence, task, task.turn))


def install_environ() -> Environ:
    """Let `os.environ` be the running function's. Once per process."""
    if not isinstance(os.environ, Environ):
        os.environ = Environ(os.environ)  # type: ignore[assignment]  # noqa: B003
    return os.environ  # type: ignore[return-value]
