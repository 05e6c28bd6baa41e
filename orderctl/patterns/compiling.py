"""From a pattern's JSON to what each of its fields must be. What AWS would refuse is refused, with where and what is wrong."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orderctl.patterns.operators import OPERATORS, Test, equal_to
from orderctl.patterns.refusal import InvalidPattern

MAX_LENGTH = 4096
"""Of a pattern's text (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html)."""
MAX_COMBINATIONS = 1000
"""Of the branches of a pattern's `$or`s."""
RESERVED_IN_OR = frozenset(OPERATORS) | {
    *("=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case", "date-after", "date-on-or-after"),
    *("date-before", "date-on-or-before", "in-date-range", "ip-address-in-range", "ip-address-not-in-range"),
}
"""An `$or` with such a name in a branch is not the operator but a field of that name."""

Path = tuple[str, ...]


@dataclass(frozen=True)
class Leaf:
    """What one field of the event must be: it passes one of `tests`, or it is there (or not there), as `exists` says."""

    tests: tuple[Test, ...]
    exists: frozenset[bool] = frozenset()

    def __str__(self) -> str:
        said = [*map(str, self.tests), *("to be there" if wanted else "not to be there" for wanted in sorted(self.exists))]
        return " or ".join(said)


Alternative = dict[Path, Leaf]
"""All of its fields must match. A pattern is one, or several where it has an `$or`."""


def parse(text: str) -> dict[str, Any]:
    """The JSON object that a pattern's text is. Raises InvalidPattern."""
    if len(text) > MAX_LENGTH:
        raise InvalidPattern("", f"is {len(text)} characters long; a pattern has at most {MAX_LENGTH}")
    try:
        found = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        raise InvalidPattern("", f"is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidPattern("", "must be a JSON object")
    return found


def compile_pattern(pattern: Mapping[str, Any]) -> list[Alternative]:
    """The alternatives of a pattern. Raises InvalidPattern."""
    if _combinations(pattern) > MAX_COMBINATIONS:
        raise InvalidPattern("$or", f"makes more than {MAX_COMBINATIONS} combinations")
    return _object([{}], (), pattern)


def _object(so_far: list[Alternative], path: Path, value: Any) -> list[Alternative]:
    """The alternatives so far, each with the fields of one more object of the pattern.

    A field named again (inside an `$or` and outside) is what it was said to be last, as in Event Ruler.
    """
    if not isinstance(value, Mapping):
        raise InvalidPattern(dotted(path), "must be an object")
    if not value:
        raise InvalidPattern(dotted(path), "is an empty object, which AWS refuses")
    for name, inner in value.items():
        at = (*path, *str(name).split("."))
        if name == "$or" and _is_or(at, inner):
            so_far = [branch for member in inner for branch in _object([dict(one) for one in so_far], path, member)]
        elif isinstance(inner, Mapping):
            so_far = _object(so_far, at, inner)
        elif isinstance(inner, list):
            leaf = _leaf(dotted(at), inner)
            so_far = [{**one, at: leaf} for one in so_far]
        else:
            raise InvalidPattern(dotted(at), f"must be an array of what is wanted, such as [{json.dumps(inner)}], or an object")
    return so_far


def _is_or(at: Path, members: Any) -> bool:
    """Whether this `$or` is the operator, and not a field of the event that happens to be named so."""
    if not isinstance(members, list) or not all(isinstance(member, Mapping) for member in members):
        return False
    if any(_reserved(member) for member in members):
        return False
    if len(members) < 2:
        raise InvalidPattern(dotted(at), "needs at least two objects")
    return True


def _reserved(member: Mapping[str, Any]) -> bool:
    inner = [value for value in member.values() if isinstance(value, Mapping)]
    return bool(RESERVED_IN_OR & member.keys()) or any(map(_reserved, inner))


def _combinations(value: Any) -> int:
    """The product of the lengths of all `$or`s, by which AWS counts."""
    if not isinstance(value, Mapping):
        return 1
    parts = [(name, inner) for name, inner in value.items() if isinstance(inner, (Mapping, list))]
    return math.prod(
        len(inner) * math.prod(map(_combinations, inner)) if name == "$or" and isinstance(inner, list) else _combinations(inner)
        for name, inner in parts
        if inner
    )


def _leaf(field: str, wanted: list[Any]) -> Leaf:
    if not wanted:
        raise InvalidPattern(field, "is an empty array, which AWS refuses")
    tests, exists = [], set()
    for position, one in enumerate(wanted):
        at = f"{field}[{position}]"
        if isinstance(one, list):
            raise InvalidPattern(at, "must be a string, a number, true, false, null, or an object with an operator")
        if not isinstance(one, Mapping):
            tests.append(equal_to(one))
            continue
        name, operand = _only(at, one)
        if name == "exists":
            if not isinstance(operand, bool):
                raise InvalidPattern(f"{at}.exists", "must be true or false")
            exists.add(operand)
        else:
            tests.append(_operator(at, name)(f"{at}.{name}", operand))
    return Leaf(tuple(tests), frozenset(exists))


def _operator(at: str, name: str) -> Callable[[str, Any], Test]:
    make = OPERATORS.get(name)
    if make is None:
        raise InvalidPattern(at, f"{name!r} is not an operator; there are {', '.join(sorted({*OPERATORS, 'exists'}))}")
    return make


def _only(at: str, expression: Mapping[str, Any]) -> tuple[str, Any]:
    if len(expression) != 1:
        raise InvalidPattern(at, f"must have exactly one operator; it has {len(expression)}")
    return next(iter(expression.items()))


def dotted(path: Path) -> str:
    """`detail.data.total` for a path."""
    return ".".join(path)


def _no_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
