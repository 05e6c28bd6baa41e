"""Transition tables as data: what the stores write by, the model checker explores and the docs print."""

from collections.abc import Iterable
from dataclasses import dataclass

ABSENT = "∅"
"""The status of a row that is not there."""


@dataclass(frozen=True)
class Transition:
    """One permitted step: from any status in `sources` to `target`.

    `publishes` is the detail-type of the event that the same atomic write leaves pending, if any.
    `guard` says in words what must hold beyond the source status; the code that checks it names this transition.
    `repeatable`: the row keeps the event's text as `said`, so that it can be published again where the event, or the answer to
    it, was lost.
    """

    name: str
    sources: frozenset[str]
    target: str
    publishes: str | None = None
    guard: str = ""
    repeatable: bool = False


@dataclass(frozen=True)
class TransitionTable:
    """All the steps an aggregate can take. `aggregate` is the key prefix of its rows, `ORDER` for `ORDER#<id>`."""

    aggregate: str
    source: str
    transitions: tuple[Transition, ...]
    terminal: frozenset[str]

    def __getitem__(self, name: str) -> Transition:
        for transition in self.transitions:
            if transition.name == name:
                return transition
        raise KeyError(f"{self.aggregate} has no transition {name!r}")

    @property
    def statuses(self) -> frozenset[str]:
        """Every status a row can have, without ABSENT."""
        found = {transition.target for transition in self.transitions}
        for transition in self.transitions:
            found |= transition.sources
        return frozenset(found - {ABSENT})


def step(
    name: str,
    sources: str | Iterable[str],
    target: str,
    publishes: str | None = None,
    guard: str = "",
    *,
    repeatable: bool = False,
) -> Transition:
    """Return a `Transition`, written as a table's row."""
    froms = frozenset([sources] if isinstance(sources, str) else sources)
    return Transition(name, froms, target, publishes, guard, repeatable)
