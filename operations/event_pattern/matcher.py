"""The match of a pattern and an event; without a match, the first field that differs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from operations.event_pattern.compiler import Alternative, Leaf, compile_pattern, dotted, parse

SHOWN = 80
"""The number of characters of a value that a mismatch shows."""
_ABSENT = object()


@dataclass(frozen=True)
class Mismatch:
    """A field that does not match: its path (`detail.data.reason`), and the expected and the found value, in words."""

    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, found {self.found}"


class Pattern:
    """An event pattern, as its JSON text or parsed. Raises InvalidPatternError for one that AWS would refuse."""

    def __init__(self, pattern: str | Mapping[str, object]) -> None:
        self.alternatives = compile_pattern(parse(pattern) if isinstance(pattern, str) else pattern)

    def matches(self, event: Mapping[str, object]) -> bool:
        """Return whether a rule with this pattern takes the event, in the form of the bus (`source`, `detail-type` ...)."""
        return not self.mismatches(event)

    def mismatches(self, event: Mapping[str, object]) -> list[Mismatch]:
        """Return the first field that does not match, or an empty list if the pattern takes the event.

        Source and detail-type are compared first, in any order of the pattern. An `$or` gives one mismatch for each branch.
        """
        found = []
        for alternative in self.alternatives:
            mismatch = _first(_outermost_first(alternative), _by_names(event), ())
            if mismatch is None:
                return []
            found.append(mismatch)
        return list(dict.fromkeys(found))


def _by_names(value: object) -> object:
    """Return the event with each dotted name split into a path, as AWS splits those of the pattern.

    Names that then coincide are joined: their objects are merged, and any of their values may match.
    """
    if isinstance(value, list):
        return [_by_names(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    joined: object = {}
    for name, inner in value.items():
        *outer, last = str(name).split(".")
        part: object = {last: _by_names(inner)}
        for step in reversed(outer):
            part = {step: part}
        joined = _joined(joined, part)
    return joined


def _joined(one: object, other: object) -> object:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = [*one, *(name for name in other if name not in one)]
        return {
            name: _joined(one[name], other[name]) if name in one and name in other else {**one, **other}[name] for name in names
        }
    return [*(one if isinstance(one, list) else [one]), *(other if isinstance(other, list) else [other])]


def _outermost_first(alternative: Alternative) -> Alternative:
    ranks = {"source": 0, "detail-type": 1, "detail": 3}
    return dict(sorted(alternative.items(), key=lambda item: ranks.get(item[0][0], 2)))


def _first(wanted: Alternative, found: object, at: tuple[str, ...]) -> Mismatch | None:
    """Return the first field below `at` that does not match. `found` is the event's value there."""
    for name in dict.fromkeys(path[0] for path in wanted):
        value = found.get(name, _ABSENT) if isinstance(found, Mapping) else _ABSENT
        inside = {path[1:]: leaf for path, leaf in wanted.items() if path[0] == name}
        leaf = inside.pop((), None)
        if leaf is not None and not _fits(leaf, value):
            return Mismatch(dotted((*at, name)), str(leaf), _shown(value))
        if inside:
            # In an array of objects, one of them must match as a whole.
            mismatches = [_first(inside, one, (*at, name)) for one in _flat(value) if isinstance(one, Mapping)]
            mismatches = mismatches or [_first(inside, {}, (*at, name))]
            if None not in mismatches:
                return mismatches[0]
    return None


def _fits(leaf: Leaf, value: object) -> bool:
    """Return whether any value of an array matches. Objects are not values, and an empty array has none."""
    values = [one for one in _flat(value) if not isinstance(one, Mapping)]
    return bool(values) in leaf.exists or any(test.takes(one) for one in values for test in leaf.tests)


def _flat(value: object) -> Iterator[object]:
    """Yield the values in nested arrays. A single value yields itself."""
    if isinstance(value, list):
        for one in value:
            yield from _flat(one)
    elif value is not _ABSENT:
        yield value


def _shown(value: object) -> str:
    if value is _ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 4]} ..."
