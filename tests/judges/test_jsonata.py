"""The simulation's evaluation of the saga's expressions against JSONata's reference implementation."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.order.workflow.definition import definition
from simulation.engine import jsonata_text
from tests.judges.random_bindings import binding, expressions

REPOSITORY = Path(__file__).parents[2]
NODE = REPOSITORY / ".venv" / "lib" / "node" / "bin" / "node"
REFERENCE = REPOSITORY / "node_modules" / "jsonata" / "package.json"
NAMED_BY_AWS = "2.0.6"
"""https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html"""
EXPRESSIONS = tuple(dict.fromkeys(expressions(definition())))
BINDINGS_EACH = 250
Evaluate = Callable[[str, Mapping[str, Any]], Any]

pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason="npm's jsonata is not installed: make setup")


@dataclass(frozen=True)
class Evaluation:
    """One expression, the variables bound for it, and the reference's answer."""

    expression: str
    variables: dict[str, Any]
    reference: dict[str, Any]


@pytest.fixture(scope="module")
def evaluations() -> list[Evaluation]:
    """Random evaluations of every expression, answered by the reference implementation in one process."""
    random = Random(20_261_128)
    asked = [(text, binding(text, random)) for text in EXPRESSIONS for _ in range(BINDINGS_EACH)]
    lines = "".join(json.dumps({"expression": text, "variables": variables}) + "\n" for text, variables in asked)
    script = Path(__file__).parent / "jsonata_answers.js"
    done = subprocess.run([NODE, script], input=lines, capture_output=True, text=True, check=True, timeout=60)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [Evaluation(text, variables, answer) for (text, variables), answer in zip(asked, answers, strict=True)]


def answer(evaluate: Evaluate, expression: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return our answer in the form of the reference's."""
    try:
        return {"value": evaluate(expression, variables)}
    except jsonata_text.UndefinedError:
        return {"undefined": True}
    except jsonata_text.JException as error:
        return {"error": error.error}


def differences(evaluate: Evaluate, evaluations: list[Evaluation]) -> list[tuple[Evaluation, dict[str, Any]]]:
    """Return the evaluations that differ, each with our answer."""
    found = [(one, answer(evaluate, one.expression, one.variables)) for one in evaluations]
    return [(one, ours) for one, ours in found if not same(ours, one.reference)]


def same(left: Any, right: Any) -> bool:
    """Return whether two JSON values are equal. Python's `True` equals `1`, JSON's does not."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def test_the_reference_is_the_version_that_aws_names() -> None:
    assert json.loads(REFERENCE.read_text())["version"] == NAMED_BY_AWS


def test_every_expression_of_the_saga_evaluates_as_in_the_reference(
    evaluations: list[Evaluation], record_property: Callable[[str, object], None]
) -> None:
    found = differences(jsonata_text.evaluate, evaluations)
    record_property("expressions", len(EXPRESSIONS))
    record_property("evaluations", len(evaluations))
    record_property("differences", len(found))
    assert len(evaluations) >= 2_000
    assert not found, f"{len(found)} differences; the first: {found[0]}"


def test_each_outcome_of_each_expression_occurs(evaluations: list[Evaluation]) -> None:
    """A comparison of nothing but absent values would agree about everything."""
    outcomes = {text: Counter[str]() for text in EXPRESSIONS}
    for one in evaluations:
        outcomes[one.expression][json.dumps(one.reference.get("value", one.reference))] += 1
    for text, seen in outcomes.items():
        decides = " in [" in text or " = " in text.partition("?")[0]
        assert min(seen["true"], seen["false"]) >= 5 if decides else len(seen) >= 10, (text, seen)


def test_an_evaluation_that_takes_null_for_absent_is_found(evaluations: list[Evaluation]) -> None:
    def without_null(expression: str, variables: Mapping[str, Any]) -> Any:
        value = jsonata_text.evaluate(expression, variables)
        if value is None:
            raise jsonata_text.UndefinedError(expression)
        return value

    assert len(differences(without_null, evaluations)) > 50
