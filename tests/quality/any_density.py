"""How often the code of each room says `Any`, per 1,000 lines; code that is made from schemas is left out.

A use of an alias of `Any`, such as `Json = dict[str, Any]`, counts as `Any`: it hides the same faults.
"""

import ast
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from tests.quality.prose.sources import GENERATED, PACKAGES, REPOSITORY, tracked

GOALS: Final = {"services": 5.0}
GOAL_ELSEWHERE: Final = 10.0
ROOMS: Final = (*(name for name in PACKAGES if name != "tests/"), "tests/support/")
ANY: Final = frozenset({"typing.Any"})
NOT_COUNTED: Final[Mapping[str, str]] = {
    "kernel.clients.AwsClient": "boto3 makes the methods of its clients at run time",
    "services.payment.gateways.stripe_api.StripeObject": "Stripe states the form of its objects, and may add to it",
    "kernel.schemas.Schema": "JSON Schema states the form",
    "operations.contracts.diff.Schema": "JSON Schema states the form",
    "tests.support.documented_api.Document": "OpenAPI states the form",
    "laptop.emulator.extensions": "the engine of the laptop's AWS has no types",
    "simulation.engine.api": "AWS states the forms of the requests, and a function reads its own",
}
"""Aliases of `Any`, or the modules that define them, that do not count, each with the reason: the data is not ours."""


def goal(room: str) -> float:
    """Return the most uses per 1,000 lines that a room may have."""
    return GOALS.get(room, GOAL_ELSEWHERE)


def densities() -> dict[str, float]:
    """Return the uses of `Any` and its aliases per 1,000 lines of each room that exists, imports not counted."""
    sources = {name: (REPOSITORY / name).read_text() for name in tracked((".py",)) if _room(name) and not GENERATED.match(name)}
    uses, lines = Counter[str](), Counter[str]()
    for name, count in uses_by_file(sources).items():
        uses[_room(name)] += count
        lines[_room(name)] += len(sources[name].splitlines())
    return {room: 1000 * uses[room] / lines[room] for room in sorted(lines) if lines[room]}


def uses_by_file(sources: Mapping[str, str]) -> dict[str, int]:
    """Return how often each of these files says `Any` or an alias of it. `sources` are the files' texts by path."""
    trees = {name: ast.parse(source) for name, source in sources.items()}
    meanings = {name: _imported(tree) | _defined(_module(name), tree) for name, tree in trees.items()}
    counted = ANY
    while found := {alias for name, tree in trees.items() for alias in _aliases(_module(name), tree, meanings[name], counted)}:
        counted |= found
    return {name: sum(1 for _ in _uses(tree, meanings[name], counted)) for name, tree in trees.items()}


def _room(name: str) -> str:
    return next((room.rstrip("/") for room in ROOMS if name.startswith(room)), "")


def _module(name: str) -> str:
    path = PurePosixPath(name).with_suffix("")
    return ".".join((path.parent if path.name == "__init__" else path).parts)


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return the full name of each imported name of a file."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _defined(module: str, tree: ast.Module) -> dict[str, str]:
    """Return the full name of each name that the file assigns at its top."""
    return {name: f"{module}.{name}" for name, _ in _assignments(tree)}


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def _aliases(module: str, tree: ast.Module, meanings: Mapping[str, str], counted: Collection[str]) -> Iterator[str]:
    """Yield the full names of the file's aliases of a counted type that are not counted yet."""
    for name, value in _assignments(tree):
        alias = f"{module}.{name}"
        if alias not in counted and not _is_of_others(alias) and _is_data(value) and any(_uses(value, meanings, counted)):
            yield alias


def _is_of_others(alias: str) -> bool:
    return any(f"{alias}.".startswith(f"{name}.") for name in NOT_COUNTED)


def _is_data(value: ast.expr) -> bool:
    """Return True for a type of data. A `Callable` is none: the function itself says what it takes and returns."""
    if isinstance(value, ast.Subscript):
        return not ast.unparse(value.value).endswith("Callable")
    return isinstance(value, ast.Name | ast.Attribute | ast.BinOp)


def _uses(tree: ast.AST, meanings: Mapping[str, str], counted: Collection[str]) -> Iterator[ast.AST]:
    """Yield the nodes that name a counted type. The name that an assignment defines is no use."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Name | ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and _full_name(node, meanings) in counted
        ):
            yield node


def _full_name(node: ast.Name | ast.Attribute, meanings: Mapping[str, str]) -> str | None:
    """Return the full name of a type that is written as `Name` or `module.Name`; None if it is neither."""
    if isinstance(node, ast.Name):
        return meanings.get(node.id)
    return f"{meanings.get(ast.unparse(node.value))}.{node.attr}"
