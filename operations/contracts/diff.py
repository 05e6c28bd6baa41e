"""The changes between two versions of a schema file (draft-07), and the side that each breaks.

Two things can break. *The archive*: an event that was published yesterday is refused by today's schema, so a replay of it, or
a publisher that is not deployed yet, fails. *Consumers*: an event published tomorrow holds what yesterday's schema refused, so
a consumer that is not deployed yet fails on it. A new optional field breaks neither, if consumers are deployed first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Schema = Mapping[str, Any]
"""A JSON Schema (draft-07), as its file has it."""
ABOUT_NOTHING: Final = frozenset({"description", "title", "examples", "$id", "$schema", "$comment", "x-published-until"})
"""Keywords that refuse no event."""
LOWER_BOUNDS: Final = ("minimum", "minLength", "minItems")
UPPER_BOUNDS: Final = ("maximum", "maxLength", "maxItems")


class Breaks(StrEnum):
    """Whom a change breaks."""

    ARCHIVE = "archive"
    CONSUMERS = "consumers"


@dataclass(frozen=True)
class Change:
    """One change: the field (`data.lines[].sku`), the change in words, and the side that it breaks, empty if none."""

    field: str
    what: str
    breaks: frozenset[Breaks]


NOBODY: Final[frozenset[Breaks]] = frozenset()
ARCHIVE, CONSUMERS = frozenset({Breaks.ARCHIVE}), frozenset({Breaks.CONSUMERS})
BOTH: Final = ARCHIVE | CONSUMERS


def changes(old: Schema, new: Schema, field: str = "") -> list[Change]:
    """Return the changes from `old` to `new`, those of a field before those inside it."""
    return [*_own(old, new, field), *_inside(old, new, field)]


def _own(old: Schema, new: Schema, field: str) -> Iterator[Change]:
    handled = {"properties", "items", "required", "additionalProperties", "const", "enum", "pattern", *ABOUT_NOTHING}
    handled |= {*LOWER_BOUNDS, *UPPER_BOUNDS}
    for keyword in sorted((old.keys() | new.keys()) - handled):
        if old.get(keyword) != new.get(keyword):
            yield Change(field, f"{keyword} is {new.get(keyword, 'gone')}, was {old.get(keyword, 'missing')}", BOTH)
    yield from _values(old, new, field)
    yield from _bounds(old, new, field)
    if old.get("pattern") != new.get("pattern"):
        breaks = ARCHIVE if "pattern" not in old else CONSUMERS if "pattern" not in new else BOTH
        yield Change(field, f"pattern is {new.get('pattern', 'gone')}, was {old.get('pattern', 'missing')}", breaks)
    was_open, is_open = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if was_open != is_open:
        what = "unknown fields are allowed" if is_open else "unknown fields are refused"
        yield Change(field, what, CONSUMERS if is_open else ARCHIVE)


def _values(old: Schema, new: Schema, field: str) -> Iterator[Change]:
    before, after = _allowed(old), _allowed(new)
    if before == after:
        return
    if before is None or after is None:
        yield Change(
            field, f"the allowed values are {after or 'any'}, were {before or 'any'}", ARCHIVE if before is None else CONSUMERS
        )
        return
    if gone := [value for value in before if value not in after]:
        yield Change(field, f"{gone} is no longer an allowed value", ARCHIVE)
    if added := [value for value in after if value not in before]:
        yield Change(field, f"{added} is a new allowed value", CONSUMERS)


def _allowed(schema: Schema) -> list[object] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _bounds(old: Schema, new: Schema, field: str) -> Iterator[Change]:
    for keyword in (*LOWER_BOUNDS, *UPPER_BOUNDS):
        was, now = old.get(keyword), new.get(keyword)
        if was == now:
            continue
        sign = 1 if keyword in LOWER_BOUNDS else -1
        tighter = now is not None and (was is None or sign * now > sign * was)
        told = f"{keyword} is {'gone' if now is None else now}, was {'missing' if was is None else was}"
        yield Change(field, told, ARCHIVE if tighter else CONSUMERS)


def _inside(old: Schema, new: Schema, field: str) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    had, has = set(old.get("required", ())), set(new.get("required", ()))
    for name in [*before, *(name for name in after if name not in before)]:
        inner = f"{field}.{name}".removeprefix(".")
        if name not in after:
            yield Change(inner, "is gone", BOTH)
        elif name not in before:
            what = "is new and required" if name in has else "is new and optional: deploy its consumers before its publisher"
            yield Change(inner, what, BOTH if name in has else NOBODY)
        else:
            if (name in had) != (name in has):
                what = "is required" if name in has else "is no longer required"
                yield Change(inner, what, ARCHIVE if name in has else CONSUMERS)
            yield from changes(before[name], after[name], inner)
    if "items" in old and "items" in new:
        yield from changes(old["items"], new["items"], f"{field}[]")
    elif ("items" in old) != ("items" in new):
        yield Change(f"{field}[]", "its allowed content has changed", ARCHIVE if "items" in new else CONSUMERS)
