"""An interpreter of the states that the saga uses, by AWS's rules: time-outs, Retry, Catch, Parallel, variables, JSONata.

It runs the very definition that is deployed, and refuses anything that it does not know. Held against the embedded AWS in
tests/system by the scripted cases of workflow_cases.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from simulation.engine import jsonata_text
from simulation.engine.scheduler import SECOND, Crashed, Outcome, Scheduler, Task

State = Mapping[str, Any]
Variables = dict[str, Any]

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
    """The execution ended well."""

    output: Any


@dataclass(frozen=True)
class Ended:
    """The execution ended with an error, or (`States.Timeout` of the whole, `timed_out`) was cut."""

    error: str
    cause: str = ""
    timed_out: bool = False


class UnknownStateError(NotImplementedError):
    """The definition uses what this interpreter does not know."""


def check_known(machine: Mapping[str, Any]) -> None:
    """Raise UnknownStateError for any state or field that this interpreter would not run as AWS does."""
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


Invoke = Callable[[str, str, Any, float, Task], Any]
"""A task's call: (state's name, function, payload, time-out in seconds, the task it runs in) → the function's answer.

Raises StateError.
"""


class Workflow:
    """A deployed definition. `functions` substitutes its `${...}` marks; `jitter` draws from 0 to 1 by a name."""

    def __init__(
        self,
        machine: Mapping[str, Any],
        functions: Mapping[str, str],
        scheduler: Scheduler,
        invoke: Invoke,
        jitter: Callable[[str], float],
    ) -> None:
        check_known(machine)
        self.machine = machine
        self.functions = functions
        self.scheduler = scheduler
        self.invoke = invoke
        self.jitter = jitter
        self.running = 0

    def start(self, name: str, given: Any) -> Outcome:
        """Start an execution. Its outcome becomes Succeeded or Ended, or never anything if the execution itself dies."""
        outcome = Outcome()
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
        """Cut everything that still runs; its requests are still on their way."""
        for task in self.tasks:
            if task is not self.scheduler.current:
                self.scheduler.kill(task)

    def run(self, machine: Mapping[str, Any], given: Any, variables: Variables) -> Any:
        """Run a machine (the whole, or a branch) to its end; its output. Raises StateError."""
        name, value = machine["StartAt"], given
        while True:
            state = machine["States"][name]
            following, value = getattr(self, f"_{state['Type'].lower()}")(name, state, value, variables)
            if following is None:
                return value
            name = following

    def _pass(self, name: str, state: State, given: Any, variables: Variables) -> tuple[str | None, Any]:
        return self._leave(state, state, given, {"input": given}, variables)

    def _choice(self, name: str, state: State, given: Any, variables: Variables) -> tuple[str | None, Any]:
        scope = {"input": given}
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

    def _succeed(self, name: str, state: State, given: Any, variables: Variables) -> tuple[str | None, Any]:
        return self._leave(state, {}, given, {"input": given}, variables)

    def _fail(self, name: str, state: State, given: Any, variables: Variables) -> tuple[str | None, Any]:
        scope = {"input": given}
        error = self._template(state.get("Error", ""), scope, variables)
        raise StateError(error, self._template(state.get("Cause", ""), scope, variables))

    def _task(self, name: str, state: State, given: Any, variables: Variables) -> tuple[str | None, Any]:
        def once() -> Any:
            arguments = self._template(state["Arguments"], {"input": given}, variables)
            function = arguments["FunctionName"]
            task = self.scheduler.current
            assert task is not None
            payload = self.workflow.invoke(
                name, self.workflow.functions[function], arguments["Payload"], state.get("TimeoutSeconds", 60), task
            )
            return {"Payload": payload, "StatusCode": 200}

        return self._with_retries(name, state, given, variables, once)

    def _parallel(self, name: str, state: State, given: Any, variables: Variables) -> tuple[str | None, Any]:
        return self._with_retries(name, state, given, variables, lambda: self._branches(state["Branches"], given, variables))

    def _branches(self, branches: list[Mapping[str, Any]], given: Any, variables: Variables) -> list[Any]:
        """Return the outputs of all branches. The first that fails fails them all, and cuts the others."""
        ended = Outcome()
        outputs: dict[int, Any] = {}
        first_error: list[StateError | None] = []
        task = self.scheduler.current
        assert task is not None

        def runner(position: int, branch: Mapping[str, Any]) -> Callable[[], None]:
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
        self, name: str, state: State, given: Any, variables: Variables, once: Callable[[], Any]
    ) -> tuple[str | None, Any]:
        retries = [0] * len(state.get("Retry", ()))
        while True:
            try:
                result = once()
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
                        told = {"Error": error.error, "Cause": error.cause}
                        return self._leave(catcher, catcher, told, {"input": given, "errorOutput": told}, variables)
                raise

    def _leave(
        self, state: State, goes: State, default: Any, scope: Mapping[str, Any], variables: Variables
    ) -> tuple[str | None, Any]:
        """Assign and Output, both of the variables as they were before; where to go next, and with what."""
        assigned = {name: self._template(value, scope, variables) for name, value in state.get("Assign", {}).items()}
        output = self._template(state["Output"], scope, variables) if "Output" in state else default
        variables.update(assigned)
        return goes.get("Next"), output

    def _template(self, value: Any, scope: Mapping[str, Any], variables: Variables) -> Any:
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
    """Whether a Retry's or Catch's `ErrorEquals` takes the error."""
    for name in names:
        if name == error:
            return True
        if name == "States.ALL" and error not in UNCATCHABLE:
            return True
        if name == "States.TaskFailed" and error != "States.Timeout" and error not in UNCATCHABLE:
            return True
    return False


def back_off(retrier: Mapping[str, Any], retries: int) -> float:
    """Return the longest pause, in seconds, before the retry that follows `retries` others."""
    pause = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** retries
    return min(pause, float(retrier.get("MaxDelaySeconds", pause)))


__all__ = ["Crashed", "Ended", "StateError", "Succeeded", "Workflow"]
