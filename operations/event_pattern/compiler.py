"""The compiler of patterns: from JSON to a test of each field. It refuses all that AWS refuses, and names the place."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kernel import outside_json
from kernel.outside_json import OutsideJsonError
from operations.event_pattern.complexity import is_too_complex
from operations.event_pattern.operators import OPERATORS, Comparison, equal_to, wildcards
from operations.event_pattern.refusal import InvalidPatternError
from operations.plural import counted

MAX_LENGTH = 4096
"""Characters of a pattern's text (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html)."""
MAX_COMBINATIONS = 1000
"""Combinations of the branches of a pattern's `$or`s."""
RESERVED_IN_OR = frozenset(OPERATORS) | {
    "exists",
    *("=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case", "date-after", "date-on-or-after"),
    *("date-before", "date-on-or-before", "in-date-range", "ip-address-in-range", "ip-address-not-in-range"),
}
"""Names that no field in a branch of an `$or` may have."""

Path = tuple[str, ...]


@dataclass(frozen=True)
class Leaf:
    """The condition on one field: it passes one of `tests`, or it exists (or does not), as `exists` says."""

    tests: tuple[Comparison, ...]
    exists: frozenset[bool] = frozenset()

    def __str__(self) -> str:
        said = [*map(str, self.tests), *("to be there" if wanted else "not to be there" for wanted in sorted(self.exists))]
        return " or ".join(said)


Alternative = dict[Path, Leaf]
"""Fields that must all match. A pattern is one alternative, or several if it has an `$or`."""


def parse(text: str) -> dict[str, object]:
    """Parse a pattern's text to a JSON object. Raises InvalidPatternError."""
    if len(text) > MAX_LENGTH:
        raise InvalidPatternError("", f"is {counted(len(text), 'character')} long; a pattern has at most {MAX_LENGTH}")
    try:
        found = outside_json.read(text)
    except OutsideJsonError as error:
        raise InvalidPatternError("", str(error)) from None
    if not isinstance(found, dict):
        raise InvalidPatternError("", "must be a JSON object")
    return found


def compile_pattern(pattern: Mapping[str, object]) -> list[Alternative]:
    """Return the alternatives of a pattern. Raises InvalidPatternError.

    As in Event Ruler, if a pattern is invalid with `$or` as an operator, `$or` is read as the name of a field.
    """
    if _combinations(pattern) > MAX_COMBINATIONS:
        raise InvalidPatternError("$or", f"makes more than {MAX_COMBINATIONS} combinations")
    try:
        return _object([{}], (), pattern, with_or=True)
    except InvalidPatternError as refusal:
        try:
            return _object([{}], (), pattern, with_or=False)
        except InvalidPatternError:
            raise refusal from None


def _object(so_far: list[Alternative], path: Path, value: object, *, with_or: bool) -> list[Alternative]:
    """Return the alternatives so far, each with the fields of one more object of the pattern.

    If a field is named twice (inside an `$or` and outside), the last condition counts, as in Event Ruler.
    """
    if not isinstance(value, Mapping):
        raise InvalidPatternError(dotted(path), "must be an object")
    if not value:
        raise InvalidPatternError(dotted(path), "is an empty object, which AWS refuses")
    for name, inner in value.items():
        at = (*path, *str(name).split("."))
        if name == "$or" and with_or:
            so_far = _branches(so_far, path, inner)
        elif isinstance(inner, Mapping):
            so_far = _object(so_far, at, inner, with_or=with_or)
        elif isinstance(inner, list):
            leaf = _leaf(dotted(at), inner)
            so_far = [{**one, at: leaf} for one in so_far]
        else:
            raise InvalidPatternError(
                dotted(at), f"must be an array of the wanted values, such as [{json.dumps(inner)}], or an object"
            )
    return so_far


def _branches(so_far: list[Alternative], path: Path, members: object) -> list[Alternative]:
    at = dotted((*path, "$or"))
    if not isinstance(members, list) or len(members) < 2 or not all(isinstance(member, Mapping) for member in members):
        raise InvalidPatternError(at, "needs an array of at least two objects")
    for reserved in (name for member in members for name in _names(member) if name in RESERVED_IN_OR):
        raise InvalidPatternError(at, f"cannot have a field named {reserved!r}")
    return [branch for member in members for branch in _object(so_far, path, member, with_or=True)]


def _names(member: Mapping[str, object]) -> Iterator[str]:
    """Yield the names of fields in a branch, at any depth."""
    for name, inner in member.items():
        yield name
        if isinstance(inner, Mapping):
            yield from _names(inner)


def _combinations(value: object) -> int:
    """Return the product of the lengths of all `$or`s, by which AWS counts."""
    if not isinstance(value, Mapping):
        return 1
    found = 1
    for name, inner in value.items():
        if name == "$or" and isinstance(inner, list):
            found *= max(len(inner), 1) * math.prod(map(_combinations, inner))
        else:
            found *= _combinations(inner)
    return found


def _leaf(field: str, wanted: list[object]) -> Leaf:
    if not wanted:
        raise InvalidPatternError(field, "is an empty array, which AWS refuses")
    tests, exists = [], set()
    if is_too_complex(wildcards(field, wanted)):
        raise InvalidPatternError(field, "has wildcards that are too complex for AWS: use fewer, or longer texts between them")
    for position, one in enumerate(wanted):
        at = f"{field}[{position}]"
        if isinstance(one, list):
            raise InvalidPatternError(at, "must be a string, a number, true, false, null, or an object with an operator")
        if not isinstance(one, Mapping):
            tests.append(equal_to(one))
            continue
        name, operand = _only(at, one)
        if name == "exists":
            if not isinstance(operand, bool):
                raise InvalidPatternError(f"{at}.exists", "must be true or false")
            exists.add(operand)
        else:
            tests.append(_operator(at, name)(f"{at}.{name}", operand))
    return Leaf(tuple(tests), frozenset(exists))


def _operator(at: str, name: str) -> Callable[[str, object], Comparison]:
    make = OPERATORS.get(name)
    if make is None:
        raise InvalidPatternError(at, f"{name!r} is not an operator; there are {', '.join(sorted({*OPERATORS, 'exists'}))}")
    return make


def _only(at: str, expression: Mapping[str, object]) -> tuple[str, object]:
    if len(expression) != 1:
        raise InvalidPatternError(at, f"must have exactly one operator; it has {len(expression)}")
    return next(iter(expression.items()))


def dotted(path: Path) -> str:
    """Return a path as text, such as `detail.data.total`."""
    return ".".join(path)
