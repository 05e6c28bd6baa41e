"""The attributes that decisions remove are attributes of their rows: no type can state it, and DynamoDB removes any name."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import get_type_hints

import pytest

from kernel.aggregate_store import AggregateRow
from kernel.naming import SERVICES


def removed(decisions: ModuleType, source: str) -> set[str]:
    """Return the names in each `remove=` of the module, also behind its constants and local variables."""
    tree = ast.parse(source)
    given = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "remove"]
    return {name for value in given for name in _texts(value, tree, decisions)}


def _texts(value: ast.expr, tree: ast.Module, decisions: ModuleType) -> Iterator[str]:
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if isinstance(node, ast.Name) and isinstance(constant := getattr(decisions, node.id, None), tuple):
            yield from constant
        elif isinstance(node, ast.Name):
            for assigned in ast.walk(tree):
                if isinstance(assigned, ast.Assign) and [ast.unparse(target) for target in assigned.targets] == [node.id]:
                    yield from _texts(assigned.value, tree, decisions)


@pytest.mark.parametrize("service", SERVICES)
def test_removed_attribute_is_one_of_a_row(service: str) -> None:
    decisions, model = (import_module(f"services.{service}.domain.{name}") for name in ("decisions", "model"))
    rows = [value for name, value in vars(model).items() if name.endswith("Row")]
    known = {name for row in (*rows, AggregateRow) for name in get_type_hints(row)}
    names = removed(decisions, inspect.getsource(decisions))
    assert names
    assert names - known == set()


def test_names_are_found_behind_constants_and_variables() -> None:
    decisions = ModuleType("decisions")
    vars(decisions)["LEASE"] = ("lease_owner",)
    source = """
def wait():
    asked = ("reason", *LEASE) if late else ()
    return Decision(step, remove=asked) or Decision(step, remove=("places",))
"""
    assert removed(decisions, source) == {"reason", "lease_owner", "places"}
