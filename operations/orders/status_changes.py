"""The change of a row's status that an event states, from the transition tables of the services."""

from collections.abc import Iterable
from importlib import import_module
from typing import Final, TypedDict

from kernel.naming import SERVICES
from kernel.transitions import ABSENT, Transition, TransitionTable

MODULE: Final = "services.{}.domain.states"


class StatusChange(TypedDict):
    """The statuses that a row can have had before an event, and after it: one each, unless the event leaves several open.

    `before` is empty if there was no row.
    """

    before: list[str]
    after: list[str]


def tables(service: str) -> list[TransitionTable]:
    """Return the transition tables of a service, in the order of its module."""
    return [value for value in vars(import_module(MODULE.format(service))).values() if isinstance(value, TransitionTable)]


def status_changes(events: Iterable[tuple[str, str]]) -> dict[str, StatusChange]:
    """Return the change that each event states, by event id. `events` are ids and types, in the order of their occurrence.

    An id ends with the version of the event's row. If the event before has the version before, its status is where this one
    began; else steps without an event came between. An event of no row, such as a channel's, states no change.
    """
    publishing = _publishing()
    found: dict[str, StatusChange] = {}
    for event_id, event in events:
        row, _, version = event_id.rpartition("#")
        steps = publishing.get((row.partition("#")[0], event))
        if steps and version.isdigit():
            earlier = found.get(f"{row}#{int(version) - 1}")
            known = frozenset(earlier["after"]) if earlier else frozenset[str]()
            possible = [step for step in steps if step.sources & known] or steps
            before = frozenset[str]().union(*(step.sources & known or step.sources for step in possible))
            found[event_id] = {"before": sorted(before - {ABSENT}), "after": sorted({step.target for step in possible})}
    return found


def _publishing() -> dict[tuple[str, str], list[Transition]]:
    """Return the steps that publish an event, by the prefix of the row's key and the event's type."""
    found: dict[tuple[str, str], list[Transition]] = {}
    for table in (table for service in SERVICES for table in tables(service)):
        for step in table.transitions:
            if step.publishes:
                found.setdefault((table.aggregate, step.publishes), []).append(step)
    return found
