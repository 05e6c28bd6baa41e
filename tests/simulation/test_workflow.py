"""The workflow interpreter: the saga's scripted runs, and the rules of Step Functions that it rests on."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from services.order.workflow.definition import definition
from simulation.engine.scheduler import SECOND, Environ, Scheduler, Task
from simulation.engine.workflow import Ended, StateError, Succeeded, UnknownStateError, Workflow, check_known
from tests.support.workflow_cases import CASES, Answer, Case, in_order

INVOKE = "arn:aws:states:::lambda:invoke"
Answering = Callable[[str, Any, Scheduler], Any]


def run(machine: Mapping[str, Any], answering: Answering, given: Any = None) -> tuple[Succeeded | Ended | None, float]:
    """Run an execution. Return its end, and the seconds until then."""
    scheduler = Scheduler(Environ(dict(os.environ)))

    def invoke(state: str, function: str, payload: Any, timeout: float, task: Task) -> Any:
        return answering(state, payload, scheduler)

    functions = {f"${{{name}Commands}}": name for name in ("Order", "Payment", "Inventory")}
    outcome = Workflow(machine, functions, scheduler, invoke, lambda name: 0.5).start("run", given)
    ended: list[int] = []

    def wait() -> None:
        scheduler.wait(outcome)
        ended.append(scheduler.now)

    scheduler.spawn("waiting", wait)
    scheduler.run()
    found: Succeeded | Ended | None = outcome.value
    return found, ended[0] / SECOND if ended else 0.0


def scripted(case: Case, calls: list[str]) -> Answering:
    """Return a function that answers by the case's script."""
    script = {command: list(answers) for command, answers in case.script().items()}

    def answer(state: str, payload: Any, scheduler: Scheduler) -> Any:
        calls.append(payload["command"])
        scheduler.sleep(1000)
        answers = script[payload["command"]]
        scripted_answer: Answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(scripted_answer, str):
            raise StateError(scripted_answer)
        order_id = {"order_id": payload["order_id"]} if "order_id" in scripted_answer else {}
        return {**scripted_answer, **order_id}

    return answer


def summary(output: Any) -> Any:
    """Return the output of a run without the order's last statement, which it also has."""
    assert output["decision"]["outcome"] == output["status"]
    return {name: value for name, value in output.items() if name != "decision"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_saga_with_scripted_answers_makes_the_expected_calls(case: Case) -> None:
    calls: list[str] = []
    ended, _ = run(definition(), scripted(case, calls), case.workflow_input("ord-1"))
    assert in_order(calls) == case.calls
    if case.error:
        assert isinstance(ended, Ended)
        assert ended.error == case.error
    else:
        assert isinstance(ended, Succeeded)
        assert summary(ended.output) == {"order_id": "ord-1", "status": case.status, "reason": case.reason}


def task(**fields: Any) -> dict[str, Any]:
    arguments = {"FunctionName": "${OrderCommands}", "Payload": {"n": "{% $states.input %}"}}
    return {"Type": "Task", "Resource": INVOKE, "TimeoutSeconds": 2, "Arguments": arguments, **fields}


def machine(first: dict[str, Any], **states: Any) -> dict[str, Any]:
    return {"StartAt": "First", "States": {"First": first, **states}}


def fails(*errors: str) -> Answering:
    left = list(errors)

    def answer(state: str, payload: Any, scheduler: Scheduler) -> Any:
        if left:
            raise StateError(left.pop(0))
        return "done"

    return answer


RETRY = {"IntervalSeconds": 2, "BackoffRate": 3.0, "MaxAttempts": 3, "MaxDelaySeconds": 10}


def test_retries_back_off_up_to_the_longest_delay() -> None:
    ended, seconds = run(
        machine(task(Retry=[{"ErrorEquals": ["Boom"], **RETRY}], Output="{% $states.result.Payload %}", End=True)),
        fails("Boom", "Boom", "Boom"),
    )
    assert (ended, seconds) == (Succeeded("done"), 2 + 6 + 10)


def test_each_try_of_a_task_knows_how_many_were_before_it() -> None:
    seen: list[Any] = []

    def answer(state: str, payload: Any, scheduler: Scheduler) -> Any:
        seen.append(payload["retries"])
        raise StateError("Boom")

    arguments = {"FunctionName": "${OrderCommands}", "Payload": {"retries": "{% $states.context.State.RetryCount %}"}}
    run(machine(task(Arguments=arguments, Retry=[{"ErrorEquals": ["Boom"], **RETRY}], End=True)), answer)
    assert seen == [0, 1, 2, 3]


def test_full_jitter_shortens_each_pause() -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 1, "JitterStrategy": "FULL"}
    _, seconds = run(machine(task(Retry=[retry], End=True)), fails("Boom"))
    assert seconds == 1.0


def test_retriers_count_their_own_errors() -> None:
    once = {"IntervalSeconds": 1, "MaxAttempts": 1}
    retriers = [{"ErrorEquals": ["A"], **once}, {"ErrorEquals": ["States.ALL"], **once}]
    ended, _ = run(machine(task(Retry=retriers, Output="{% $states.result.Payload %}", End=True)), fails("A", "B"))
    assert ended == Succeeded("done")
    ended, _ = run(machine(task(Retry=retriers, End=True)), fails("A", "B", "A"))
    assert ended == Ended("A")


@pytest.mark.parametrize("error", ["States.Runtime", "States.DataLimitExceeded"])
def test_uncatchable_error_ends_the_run(error: str) -> None:
    caught = task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], End=True)
    ended, _ = run(machine(caught, Caught={"Type": "Pass", "End": True}), fails(error))
    assert ended == Ended(error)


def test_failed_and_timed_out_tasks_are_caught_apart() -> None:
    caught = task(
        Catch=[{"ErrorEquals": ["States.TaskFailed"], "Next": "Failed"}, {"ErrorEquals": ["States.Timeout"], "Next": "Late"}],
        End=True,
    )
    ends = {name: {"Type": "Pass", "Output": name, "End": True} for name in ("Failed", "Late")}
    assert run(machine(caught, **ends), fails("Boom"))[0] == Succeeded("Failed")
    assert run(machine(caught, **ends), fails("States.Timeout"))[0] == Succeeded("Late")


def test_failed_branch_fails_the_parallel_at_once() -> None:
    def answer(state: str, payload: Any, scheduler: Scheduler) -> Any:
        scheduler.sleep(SECOND if state == "Fast" else 60 * SECOND)
        raise StateError(state)

    branches = [{"StartAt": name, "States": {name: task(End=True)}} for name in ("Slow", "Fast")]
    ended, seconds = run(machine({"Type": "Parallel", "Branches": branches, "End": True}), answer)
    assert (ended, seconds) == (Ended("Fast"), 1.0)


def test_branches_read_outer_variables_and_keep_their_own() -> None:
    inside = {"Type": "Pass", "Assign": {"x": "{% $x + 1 %}"}, "Output": "{% $x %}", "End": True}
    branches = [{"StartAt": "Inside", "States": {"Inside": inside}}] * 2
    parallel = {"Type": "Parallel", "Branches": branches, "Output": "{% $append($states.result, $x) %}", "End": True}
    first = {"Type": "Pass", "Assign": {"x": 1}, "Next": "Both"}
    assert run(machine(first, Both=parallel), fails())[0] == Succeeded([1, 1, 1])


def test_run_ends_at_its_time_out() -> None:
    def never(state: str, payload: Any, scheduler: Scheduler) -> Any:
        scheduler.sleep(3600 * SECOND)

    ended, seconds = run({**machine(task(End=True)), "TimeoutSeconds": 28}, never)
    assert (ended, seconds) == (Ended("States.Timeout", timed_out=True), 28.0)


def test_assign_and_output_read_the_variables_before_the_state() -> None:
    first = {"Type": "Pass", "Assign": {"x": 1}, "Next": "Second"}
    second = {"Type": "Pass", "Assign": {"x": "{% $x + 1 %}"}, "Output": "{% $x %}", "Next": "Third"}
    third = {"Type": "Pass", "Output": ["{% $states.input %}", "{% $x %}"], "End": True}
    assert run(machine(first, Second=second, Third=third), fails())[0] == Succeeded([1, 2])


def test_missing_value_is_an_error_and_null_is_not() -> None:
    said = {"Type": "Pass", "Output": "{% $states.input.reason %}", "End": True}
    assert run(machine(said), fails(), {"reason": None})[0] == Succeeded(None)
    ended, _ = run(machine(said), fails(), {})
    assert isinstance(ended, Ended)
    assert ended.error == "States.QueryEvaluationError"


def test_choice_without_a_match_ends_the_run() -> None:
    ended, _ = run(machine({"Type": "Choice", "Choices": [{"Condition": "{% 1 = 2 %}", "Next": "First"}]}), fails())
    assert ended == Ended("States.NoChoiceMatched", "First")


@pytest.mark.parametrize(
    "state",
    [{"Type": "Map"}, task(HeartbeatSeconds=1), {**task(), "Resource": "arn:aws:states:::dynamodb:updateItem"}],
    ids=["kind", "field", "resource"],
)
def test_unknown_state_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(UnknownStateError):
        check_known(machine(state))
