"""Lambda: functions in processes that can die and run out of time. Events and responses pass as JSON, as on AWS."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from simulation.engine.history import History
from simulation.engine.scheduler import SECOND, Crashed, Outcome, Scheduler

Handler = Callable[[Any, Any], object]
"""A Lambda handler: (event, context) → response, which must be JSON. The function says which event it takes."""


@dataclass(frozen=True)
class Function:
    """A deployed function, with the environment variables of its process."""

    name: str
    handler: Handler
    timeout_seconds: int
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Answered:
    """The response of a function that returned; `payload` is JSON."""

    payload: str

    @property
    def value(self) -> Any:  # noqa: ANN401 - each function has a response of its own
        """The response."""
        return json.loads(self.payload)

    @property
    def failed_items(self) -> frozenset[str]:
        """The ids of the records that the response to a batch reports as failed; none of a response without a report.

        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
        """
        response = self.value or {}
        return frozenset(failure["itemIdentifier"] for failure in response.get("batchItemFailures") or ())


@dataclass(frozen=True)
class Failed:
    """The end of a function that raised, died or was cut. `error` is the exception's class name, or Lambda's own error."""

    error: str
    cause: str = ""


DIED = Failed("Runtime.ExitError", "the process died")
TIMED_OUT = Failed("Sandbox.Timedout", "the function timed out")


class Functions:
    """The functions of one world, and their running invocations."""

    def __init__(self, scheduler: Scheduler, history: History) -> None:
        self.scheduler = scheduler
        self.history = history
        self.deployed: dict[str, Function] = {}
        self.running = 0
        self.raised: Callable[[str, Exception], None] = lambda invocation, error: None
        """Receives every invocation that raised."""
        self.began: dict[str, int] = {}
        """When each invocation began, by its name."""
        self.ended: dict[str, str] = {}
        """How each scheduled invocation ended, by its name."""
        self.start_up: Callable[[str], int] = lambda invocation: 0
        """How long an invocation's process takes to start, in microseconds; its time-out begins after that."""
        self._counts: dict[str, int] = {}

    def deploy(self, function: Function) -> None:
        """Add a function."""
        self.deployed[function.name] = function

    def start(self, name: str, event: object, caller: str) -> Outcome[Answered | Failed]:
        """Invoke the function in a process of its own. `event` must be JSON; `caller` names the invocation."""
        function = self.deployed[name]
        base = f"{caller} > {name}"
        count = self._counts.get(base, 0)
        self._counts[base] = count + 1
        invocation = f"{base} {count}" if count else base
        outcome = Outcome[Answered | Failed]()
        text = json.dumps(event)

        def run() -> None:
            if cold:
                self.scheduler.sleep(cold)
            context = SimpleNamespace(
                aws_request_id=invocation,
                function_name=name,
                memory_limit_in_mb=512,
                invoked_function_arn=f"arn:aws:lambda:::function:{name}",
                get_remaining_time_in_millis=lambda: max(0, deadline - self.scheduler.now) // 1000,
            )
            try:
                result: Answered | Failed = Answered(json.dumps(function.handler(json.loads(text), context)))
            except Crashed:
                result = DIED
            except Exception as error:
                result = Failed(type(error).__name__, str(error))
                self.raised(invocation, error)
            finish(result)

        def finish(result: Answered | Failed) -> None:
            if not outcome.done:
                self.running -= 1
                if caller.startswith("minute "):
                    self.ended[invocation] = result.payload if isinstance(result, Answered) else result.error
                if isinstance(result, Failed):
                    self.history.add(self.scheduler.now, f"{invocation}: {result.error}")
                self.scheduler.finish(outcome, result)

        def cut() -> None:
            if not outcome.done:
                finish(TIMED_OUT)
                self.scheduler.kill(task)

        self.began[invocation] = self.scheduler.now
        cold = self.start_up(invocation)
        deadline = self.scheduler.now + cold + function.timeout_seconds * SECOND
        self.running += 1
        task = self.scheduler.spawn(invocation, run, function.environ)
        self.scheduler.at(deadline, cut)
        return outcome

    def invoke(self, name: str, event: object, caller: str, patience: int | None = None) -> Answered | Failed | None:
        """Invoke and wait, for `patience` microseconds at most; return None if no response came in time."""
        outcome = self.start(name, event, caller)
        self.scheduler.wait(outcome, patience)
        return outcome.value
