"""The saga's definition: well formed, every expression parsed, everything timed, caught and within its budget."""

import pkgutil
from collections.abc import Iterator
from copy import deepcopy
from importlib import import_module
from typing import Any

import jsonata
import pytest
from statelint.linter import Linter

from kernel import timeouts
from kernel.errors import BugError, OrderflowError, RejectedError, RetryableError
from services.order.workflow import time_budget
from services.order.workflow.definition import definition

SAGA = definition()


def expressions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for part in node.values():
            yield from expressions(part)
    elif isinstance(node, list):
        for part in node:
            yield from expressions(part)
    elif isinstance(node, str) and node.startswith("{%"):
        yield node.removeprefix("{%").removesuffix("%}").strip()


def tasks(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Every task, and whether it stands inside a Parallel (whose catch is then the one that counts)."""
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield name, state, False
        for branch in state.get("Branches", ()):
            for inner, task, _ in tasks(branch):
                yield inner, task, True


def test_statelint_finds_nothing() -> None:
    assert Linter().validate(deepcopy(SAGA)) == []


def test_every_expression_parses() -> None:
    found = set(expressions(SAGA))
    assert len(found) > 20
    for expression in found:
        jsonata.Jsonata(expression)


@pytest.mark.parametrize(("name", "task", "inside"), [pytest.param(*task, id=task[0]) for task in tasks(SAGA)])
def test_every_task_is_timed_retried_and_caught(name: str, task: dict[str, Any], inside: bool) -> None:
    assert task["TimeoutSeconds"] > 0
    (retrier,) = task["Retry"]
    assert (retrier["ErrorEquals"], retrier["JitterStrategy"]) == (["States.ALL"], "FULL")
    if not inside:
        assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_every_parallel_is_caught() -> None:
    parallels = [state for state in SAGA["States"].values() if state["Type"] == "Parallel"]
    assert len(parallels) == 2
    assert all(state["Catch"][0]["ErrorEquals"] == ["States.ALL"] for state in parallels)


def test_the_run_and_its_caller_fit_their_budget() -> None:
    assert time_budget.assert_within(SAGA, lease_seconds=45, api_seconds=29) == 40


def with_time_outs(seconds: int, *names: str) -> dict[str, Any]:
    """Return the definition with other time-outs on some tasks."""
    changed = deepcopy(SAGA)
    for name in names:
        changed["States"][name]["TimeoutSeconds"] = seconds
    return changed


@pytest.mark.parametrize(
    ("saga", "seconds", "rung"),
    [
        (
            with_time_outs(5, "AuthorizePayment"),
            {},
            r"the path Begin → .* takes up to 42 s, but the workflow's TimeoutSeconds is 41 s",
        ),
        (SAGA, {"lease": 40}, "the workflow's TimeoutSeconds takes up to 41 s, but the sweeper's lease on an order is 40 s"),
        (
            SAGA,
            {"api": 27},
            "the API's cold start and calls, AuthorizePayment → .* takes up to 28 s, but the API's time-out is 27",
        ),
        (SAGA, {"api": 31}, "the API's time-out takes up to 31 s, but API Gateway's time-out is 30 s"),
    ],
    ids=["a slower task", "a short lease", "an impatient API", "an API that outlives its gateway"],
)
def test_part_over_its_budget_is_named(saga: dict[str, Any], seconds: dict[str, float], rung: str) -> None:
    with pytest.raises(timeouts.OverBudgetError, match=rung):
        time_budget.assert_within(saga, lease_seconds=seconds.get("lease", 45), api_seconds=seconds.get("api", 29))


def test_slower_calls_before_the_run_are_over_budget() -> None:
    slow = timeouts.Patience(attempts=3, connect=0.5, read=3.0)
    with pytest.raises(timeouts.OverBudgetError, match="the API's"):
        time_budget.assert_within(SAGA, lease_seconds=45, api_seconds=29, call=slow)


def test_the_caller_of_a_run_keeps_time_to_read_the_row_and_to_answer() -> None:
    assert time_budget.patience_of_caller(29, 41) + timeouts.CONNECT_SECONDS + timeouts.DYNAMODB.seconds < 29
    assert time_budget.patience_of_caller(9, 41) < 1
    assert time_budget.patience_of_caller(60, 41) == 42


REFUSED = SAGA["States"]["AuthorizePayment"]["Catch"][0]["ErrorEquals"]
BUILT_IN = (ArithmeticError, AssertionError, ImportError, LookupError, NameError, RuntimeError, TypeError, ValueError)
MISTAKES = (BugError, RejectedError, *BUILT_IN)
NOT_RAISED_BY_STEPS = {
    "AmountRefusedError",
    "InvalidRequestError",
    "InvalidSignatureError",
    "OutsideJsonError",
    "OverBudgetError",
}
OF_THE_STEPS = ("services.payment", "services.inventory", "kernel")


def exceptions_of_the_steps() -> set[type[Exception]]:
    """Every exception that the packages behind AuthorizePayment and ReserveStock define."""
    found: set[type[Exception]] = set()
    for package in map(import_module, OF_THE_STEPS):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(("infrastructure", "schemas", "responses", "requests")):
                defined = vars(import_module(module.name)).values()
                found |= {kind for kind in defined if isinstance(kind, type) and issubclass(kind, Exception)}
    return {kind for kind in found if kind.__module__.startswith(OF_THE_STEPS)}


@pytest.mark.parametrize("state", ["AuthorizePayment", "ReserveStock"])
def test_bug_ends_the_run_and_other_errors_count_as_an_outage(state: str) -> None:
    """A new exception that is a mistake of the caller or ours belongs into the workflow's list `refused`."""
    refused, unavailable = SAGA["States"][state]["Catch"]
    assert (refused["ErrorEquals"], refused["Next"]) == (REFUSED, "Refused")
    assert unavailable["Next"] == "RecordUnavailable"
    raised = exceptions_of_the_steps() - {OrderflowError, BugError, RejectedError, RetryableError}
    mistakes = {kind.__name__ for kind in raised if issubclass(kind, MISTAKES)}
    assert mistakes - NOT_RAISED_BY_STEPS <= {*REFUSED}
    assert not {"States.Timeout", *(kind.__name__ for kind in raised if issubclass(kind, RetryableError))} & {*REFUSED}


def test_no_personal_data_can_enter_the_execution() -> None:
    names = {word for expression in expressions(SAGA) for word in expression.split(".")}
    assert not names & {"name", "email", "address", "customer_id"}
