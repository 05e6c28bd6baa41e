"""Whether a pattern takes an event; if not, the first field that is not as it must be."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from operations.event_pattern.compiler import Alternative, Leaf, compile_pattern, dotted, parse

SHOWN = 80
"""So many characters of a value are enough to recognise it."""
_ABSENT = object()


@dataclass(frozen=True)
class Mismatch:
    """A field that is not as the pattern wants it: where (`detail.data.reason`), what was expected, what was found."""

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
        """Whether a rule with this pattern takes the event, given as the bus delivers it (`source`, `detail-type` ...)."""
        return not self.mismatches(event)

    def mismatches(self, event: Mapping[str, object]) -> list[Mismatch]:
        """Why the pattern does not take the event: its first field that does not match. Empty if it does.

        Source and detail-type are asked first, whatever the pattern's order. With an `$or` there may be several, one for each
        branch that could have matched.
        """
        found = []
        event = _by_names(event)
        for alternative in self.alternatives:
            mismatch = _first(_outermost_first(alternative), event, ())
            if mismatch is None:
                return []
            found.append(mismatch)
        return list(dict.fromkeys(found))


def _by_names(value: object) -> Any:
    """Return the event with its names taken apart at their dots, as AWS takes those of the pattern.

    Names that then meet are one: their objects are joined, and of their values any may fit.
    """
    if isinstance(value, list):
        return [_by_names(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    joined: dict[str, Any] = {}
    for name, inner in value.items():
        *outer, last = str(name).split(".")
        part: Any = {last: _by_names(inner)}
        for step in reversed(outer):
            part = {step: part}
        joined = _joined(joined, part)
    return joined


def _joined(one: object, other: object) -> Any:
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
    """Of an array any one value must fit. Objects are no values, and an empty array has none."""
    values = [one for one in _flat(value) if not isinstance(one, Mapping)]
    return bool(values) in leaf.exists or any(test.takes(one) for one in values for test in leaf.tests)


def _flat(value: object) -> Iterator[Any]:
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
