"""Step Functions Express: an interpreter of definitions by AWS's rules for time-outs, Retry, Catch, Parallel and JSONata.

It runs the very definition that is deployed, and refuses any state or field that it does not know.
https://states-language.net and https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html are its sources.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Required, TypedDict, cast

from simulation.engine import jsonata_text
from simulation.engine.api import JsonValue
from simulation.engine.scheduler import SECOND, Crashed, Outcome, Scheduler, Task


class Exit(TypedDict, total=False):
    """The common part of a state, of a Choice's rule and of a Catch: its assignments, its output and the next state."""

    Assign: dict[str, JsonValue]
    Output: JsonValue
    Next: str


class Rule(Exit, total=False):
    """A rule of a Choice."""

    Condition: Required[str]


class Retrier(TypedDict, total=False):
    """A retrier of a Task or Parallel. Times are in seconds."""

    ErrorEquals: Required[list[str]]
    IntervalSeconds: float
    BackoffRate: float
    MaxDelaySeconds: float
    MaxAttempts: int
    JitterStrategy: str


class Catcher(Exit, total=False):
    """A catcher of a Task or Parallel."""

    ErrorEquals: Required[list[str]]


class State(Exit, total=False):
    """A state, with the fields that `KNOWN` has for its type."""

    Type: Required[str]
    Choices: list[Rule]
    Default: str
    Resource: str
    Arguments: JsonValue
    TimeoutSeconds: int
    Retry: list[Retrier]
    Catch: list[Catcher]
    Branches: list["Machine"]
    Error: str
    Cause: str


class Machine(TypedDict, total=False):
    """A definition in Amazon States Language, or a branch of a Parallel."""

    StartAt: Required[str]
    States: Required[dict[str, State]]
    TimeoutSeconds: int


class Invocation(TypedDict):
    """The evaluated arguments of a Task that invokes a function."""

    FunctionName: str
    Payload: JsonValue


Variables = dict[str, JsonValue]
Scope = dict[str, JsonValue]
"""The value of `$states`: `input`, and `context`, `result` or `errorOutput`. The context has how often a state was retried."""
Step = tuple[str | None, JsonValue]
"""The next state, or None at the end, and the output."""

UNCATCHABLE: Final = frozenset({"States.Runtime", "States.DataLimitExceeded"})
"""Errors that `States.ALL` does not match."""
KNOWN: Final = {
    "Pass": {"Assign", "Output", "Next", "End"},
    "Choice": {"Choices", "Default", "Assign", "Output"},
    "Task": {"Resource", "Arguments", "TimeoutSeconds", "Assign", "Output", "Retry", "Catch", "Next", "End"},
    "Parallel": {"Branches", "Assign", "Output", "Retry", "Catch", "Next", "End"},
    "Succeed": {"Output"},
    "Fail": {"Error", "Cause"},
}
"""The fields of the states that this interpreter knows, beside Type and Comment."""
LAMBDA_INVOKE: Final = "arn:aws:states:::lambda:invoke"


class StateError(Exception):
    """An error in a state, by the name that Retry and Catch match."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


@dataclass(frozen=True)
class Succeeded:
    """The end of an execution without an error."""

    output: JsonValue


@dataclass(frozen=True)
class Ended:
    """The end of an execution by an error, or by the time-out of the whole (`States.Timeout`, `timed_out`)."""

    error: str
    cause: str = ""
    timed_out: bool = False


class UnknownStateError(NotImplementedError):
    """A state, field or resource of a definition that this interpreter does not have."""


def check_known(definition: Mapping[str, Any]) -> Machine:
    """Return the definition. Raises UnknownStateError for a state or field that the interpreter would not run as AWS does."""
    machine = cast(Machine, definition)
    for name, state in machine["States"].items():
        known = KNOWN.get(state["Type"])
        if known is None:
            raise UnknownStateError(f"{name} is a {state['Type']}")
        unknown = state.keys() - known - {"Type", "Comment"}
        if unknown:
            raise UnknownStateError(f"{name} has {sorted(unknown)}")
        if state["Type"] == "Task" and state["Resource"] != LAMBDA_INVOKE:
            raise UnknownStateError(f"{name} is a task of {state['Resource']}")
        for branch in state.get("Branches", ()):
            check_known(branch)
    return machine


Invoke = Callable[[str, str, JsonValue, float, Task], JsonValue]
"""A Task's call: (state's name, function, payload, time-out in seconds, the task it runs in) → the function's response.

Raises StateError.
"""


class Workflow:
    """A deployed definition. `functions` substitutes its `${...}` marks; `jitter` draws from 0 to 1 by a name."""

    def __init__(
        self,
        definition: Mapping[str, Any],
        functions: Mapping[str, str],
        scheduler: Scheduler,
        invoke: Invoke,
        jitter: Callable[[str], float],
    ) -> None:
        self.machine = check_known(definition)
        self.functions = functions
        self.scheduler = scheduler
        self.invoke = invoke
        self.jitter = jitter
        self.running = 0

    def start(self, name: str, given: JsonValue) -> Outcome[Succeeded | Ended]:
        """Start an execution with its input. Its outcome is never done if the execution itself dies."""
        outcome = Outcome[Succeeded | Ended]()
        execution = Execution(self, name)
        finished = False

        def end(found: Succeeded | Ended | None) -> None:
            nonlocal finished
            if finished:
                return
            finished = True
            self.running -= 1
            execution.stop()
            if found is not None:
                self.scheduler.finish(outcome, found)

        def run() -> None:
            found: Succeeded | Ended | None = None
            try:
                found = Succeeded(execution.run(self.machine, given, {}))
            except StateError as error:
                found = Ended(error.error, error.cause)
            finally:
                end(found)

        self.running += 1
        execution.tasks.append(self.scheduler.spawn(name, run))
        if "TimeoutSeconds" in self.machine:
            deadline = self.scheduler.now + self.machine["TimeoutSeconds"] * SECOND
            self.scheduler.at(deadline, lambda: end(Ended("States.Timeout", timed_out=True)))
        return outcome


class Execution:
    """One run of a workflow: its tasks (one, and one for each branch that runs) and their steps."""

    def __init__(self, workflow: Workflow, name: str) -> None:
        self.workflow = workflow
        self.scheduler = workflow.scheduler
        self.name = name
        self.tasks: list[Task] = []

    def stop(self) -> None:
        """Kill the tasks that still run. The requests that they have sent still arrive."""
        for task in self.tasks:
            if task is not self.scheduler.current:
                self.scheduler.kill(task)

    def run(self, machine: Machine, given: JsonValue, variables: Variables) -> JsonValue:
        """Run a machine (the whole, or a branch) to its end; return its output. Raises StateError."""
        name, value = machine["StartAt"], given
        while True:
            state = machine["States"][name]
            step: Step = getattr(self, f"_{state['Type'].lower()}")(name, state, value, variables)
            following, value = step
            if following is None:
                return value
            name = following

    def _pass(self, name: str, state: State, given: JsonValue, variables: Variables) -> Step:
        return self._leave(state, state, given, {"input": given}, variables)

    def _choice(self, name: str, state: State, given: JsonValue, variables: Variables) -> Step:
        scope: Scope = {"input": given}
        for rule in state["Choices"]:
            met = self._template(rule["Condition"], scope, variables)
            if not isinstance(met, bool):
                raise StateError("States.QueryEvaluationError", f"{name}: a condition came to {met!r}")
            if met:
                return self._leave(rule, rule, given, scope, variables)
        if "Default" not in state:
            raise StateError("States.NoChoiceMatched", name)
        _, output = self._leave(state, {}, given, scope, variables)
        return state["Default"], output

    def _succeed(self, name: str, state: State, given: JsonValue, variables: Variables) -> Step:
        return self._leave(state, {}, given, {"input": given}, variables)

    def _fail(self, name: str, state: State, given: JsonValue, variables: Variables) -> Step:
        scope: Scope = {"input": given}
        error = self._template(state.get("Error", ""), scope, variables)
        raise StateError(str(error), str(self._template(state.get("Cause", ""), scope, variables)))

    def _task(self, name: str, state: State, given: JsonValue, variables: Variables) -> Step:
        def once(retries: int) -> JsonValue:
            scope: Scope = {"input": given, "context": {"State": {"Name": name, "RetryCount": retries}}}
            arguments = cast(Invocation, self._template(state["Arguments"], scope, variables))
            function = arguments["FunctionName"]
            task = self.scheduler.current
            assert task is not None
            payload = self.workflow.invoke(
                name, self.workflow.functions[function], arguments["Payload"], state.get("TimeoutSeconds", 60), task
            )
            return {"Payload": payload, "StatusCode": 200}

        return self._with_retries(name, state, given, variables, once)

    def _parallel(self, name: str, state: State, given: JsonValue, variables: Variables) -> Step:
        return self._with_retries(name, state, given, variables, lambda _: self._branches(state["Branches"], given, variables))

    def _branches(self, branches: list[Machine], given: JsonValue, variables: Variables) -> JsonValue:
        """Return the outputs of all branches. The first that fails kills the others, and its error is raised."""
        ended = Outcome[None]()
        outputs: dict[int, JsonValue] = {}
        first_error: list[StateError | None] = []
        task = self.scheduler.current
        assert task is not None

        def runner(position: int, branch: Machine) -> Callable[[], None]:
            def run() -> None:
                failed: StateError | None = None
                done = False
                try:
                    outputs[position] = self.run(branch, given, dict(variables))
                    done = True
                except StateError as error:
                    failed = error
                finally:
                    if not done:
                        first_error.append(failed)
                    if not done or len(outputs) == len(branches):
                        self.scheduler.finish(ended)

            return run

        started = [
            self.scheduler.spawn(task.numbered(branch["StartAt"]), runner(position, branch))
            for position, branch in enumerate(branches)
        ]
        self.tasks += started
        self.scheduler.wait(ended)
        if first_error:
            for branch_task in started:
                self.scheduler.kill(branch_task)
            if first_error[0] is None:
                self.scheduler.crash()  # the execution died in a branch
            else:
                raise first_error[0]
        return [outputs[position] for position in range(len(branches))]

    def _with_retries(
        self, name: str, state: State, given: JsonValue, variables: Variables, once: Callable[[int], JsonValue]
    ) -> Step:
        retries = [0] * len(state.get("Retry", ()))
        while True:
            try:
                result = once(sum(retries))
                return self._leave(state, state, result, {"input": given, "result": result}, variables)
            except StateError as error:
                retriers = enumerate(state.get("Retry", ()))
                position, retrier = next(((at, r) for at, r in retriers if matches(r["ErrorEquals"], error.error)), (0, None))
                if retrier is not None and retries[position] < retrier.get("MaxAttempts", 3):
                    pause = back_off(retrier, retries[position])
                    retries[position] += 1
                    if retrier.get("JitterStrategy") == "FULL":
                        task = self.scheduler.current
                        assert task is not None
                        pause *= self.workflow.jitter(task.numbered(f"{name} back-off"))
                    self.scheduler.sleep(int(pause * SECOND))
                    continue
                for catcher in state.get("Catch", ()):
                    if matches(catcher["ErrorEquals"], error.error):
                        caught: JsonValue = {"Error": error.error, "Cause": error.cause}
                        return self._leave(catcher, catcher, caught, {"input": given, "errorOutput": caught}, variables)
                raise

    def _leave(self, state: Exit, goes: Exit, default: JsonValue, scope: Scope, variables: Variables) -> Step:
        """Evaluate Assign and Output, both with the variables as they were before; return the next state and the output."""
        assigned = {name: self._template(value, scope, variables) for name, value in state.get("Assign", {}).items()}
        output = self._template(state["Output"], scope, variables) if "Output" in state else default
        variables.update(assigned)
        return goes.get("Next"), output

    def _template(self, value: JsonValue, scope: Scope, variables: Variables) -> JsonValue:
        """Return a value with its `{% %}` expressions evaluated, at any depth. Raises StateError."""
        if isinstance(value, str):
            if not (value.startswith("{%") and value.endswith("%}")):
                return value
            try:
                return jsonata_text.evaluate(value[2:-2].strip(), {**variables, "states": scope})
            except jsonata_text.UndefinedError as undefined:
                raise StateError("States.QueryEvaluationError", f"{undefined} is undefined") from None
            except jsonata_text.JException as error:
                raise StateError("States.QueryEvaluationError", str(error)) from None
        if isinstance(value, dict):
            return {name: self._template(part, scope, variables) for name, part in value.items()}
        return [self._template(part, scope, variables) for part in value] if isinstance(value, list) else value


def matches(names: list[str], error: str) -> bool:
    """Return whether a Retry's or Catch's `ErrorEquals` takes the error."""
    for name in names:
        if name == error:
            return True
        if name == "States.ALL" and error not in UNCATCHABLE:
            return True
        if name == "States.TaskFailed" and error != "States.Timeout" and error not in UNCATCHABLE:
            return True
    return False


def back_off(retrier: Retrier, retries: int) -> float:
    """Return the longest pause, in seconds, before the retry that follows `retries` others."""
    pause = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** retries
    return min(pause, float(retrier.get("MaxDelaySeconds", pause)))


__all__ = ["Crashed", "Ended", "StateError", "Succeeded", "Workflow"]
