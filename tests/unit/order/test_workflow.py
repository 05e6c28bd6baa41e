"""The saga's definition: well formed, every expression parsed, everything timed, caught and within its budget."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonata
import pytest
from statelint.linter import Linter

from services.order.workflow import budget
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
        assert task["Catch"][0]["ErrorEquals"] == ["States.ALL"]


def test_every_parallel_is_caught() -> None:
    parallels = [state for state in SAGA["States"].values() if state["Type"] == "Parallel"]
    assert len(parallels) == 2
    assert all(state["Catch"][0]["ErrorEquals"] == ["States.ALL"] for state in parallels)


def test_the_live_run_fits_its_budget() -> None:
    assert budget.assert_within(SAGA, caller_seconds=28.5, api_seconds=30) == 27


def test_a_slower_task_is_over_budget() -> None:
    slower = deepcopy(SAGA)
    slower["States"]["ReserveStock"]["TimeoutSeconds"] = 3
    with pytest.raises(
        budget.OverBudget, match=r"AuthorizePayment .* takes up to 29 s, but the workflow's TimeoutSeconds is 28 s"
    ):
        budget.assert_within(slower, caller_seconds=28.5, api_seconds=30)


def test_an_impatient_caller_is_over_budget() -> None:
    with pytest.raises(
        budget.OverBudget, match="the workflow's TimeoutSeconds takes up to 28 s, but the caller's read time-out"
    ):
        budget.assert_within(SAGA, caller_seconds=20, api_seconds=30)


def test_no_personal_data_can_enter_the_execution() -> None:
    names = {word for expression in expressions(SAGA) for word in expression.split(".")}
    assert not names & {"name", "email", "address", "customer_id"}
