"""The complexity of the wildcards of one field, which AWS limits.

Event Ruler counts how many prefixes that end in a wildcard one value can match at the same time: `*:*:*:event-bus/*` has
four, and a value such as `:::event-bus/` matches all of them. It keeps that many states while it reads a value, so AWS refuses
a rule that needs too many. "Wildcards and event pattern complexity" says so and gives no number
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html).
"""

from collections.abc import Iterable, Sequence
from typing import Final

MOST_AT_ONCE: Final = 4
"""Three patterns of the form `*:stack/NAME/*` were seen to be accepted (4 prefixes), four to be refused (5)."""
MOST_SETS: Final = 5_000
"""The most sets of prefixes that are examined; beyond it, a field counts as too complex."""

State = tuple[str, ...]
"""The part of a pattern that was read: characters, and ANY for each asterisk. Patterns that begin alike share states."""
ANY: Final = "any"
OTHER: Final = ""
"""object character that no pattern names."""


def is_too_complex(patterns: Iterable[Sequence[str]]) -> bool:
    """Return whether AWS would refuse these wildcard patterns of one field, each given by the texts between its asterisks."""
    ways = [_way(pieces) for pieces in patterns]
    following: dict[State, set[State]] = {}
    for way in ways:
        for position in range(len(way)):
            following.setdefault(way[:position], set()).add(way[: position + 1])
    alphabet = {character for way in ways for character in way if character != ANY} | {OTHER}
    start = _closed({()}, following)
    seen, waiting = {start}, [start]
    while waiting:
        states = waiting.pop()
        if sum(bool(state) and state[-1] == ANY for state in states) > MOST_AT_ONCE or len(seen) > MOST_SETS:
            return True
        for character in alphabet:
            after = _closed(_read(states, character, following), following)
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return False


def _way(pieces: Sequence[str]) -> State:
    found: list[str] = list(pieces[0])
    for piece in pieces[1:]:
        found += [ANY, *piece]
    return tuple(found)


def _read(states: Iterable[State], character: str, following: dict[State, set[State]]) -> set[State]:
    """Return the states after one more character: an asterisk takes any, and stays."""
    stay = {state for state in states if state and state[-1] == ANY}
    return stay | {after for state in states for after in following.get(state, ()) if after[-1] == character}


def _closed(states: set[State], following: dict[State, set[State]]) -> frozenset[State]:
    """Return the states with those that an asterisk reaches by taking nothing."""
    found, waiting = set(states), list(states)
    while waiting:
        reached = {after for after in following.get(waiting.pop(), ()) if after[-1] == ANY} - found
        found |= reached
        waiting += reached
    return frozenset(found)
