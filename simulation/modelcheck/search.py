"""The search: breadth first, so that the first broken state found is as near to the start as any.

A state is the facts of a model and a team of actors in it. Facts and teams are numbered as they are first met, and a state is
the two numbers in one integer. The moves of an actor depend on the facts and on itself alone, so they are computed once for all
the states that share them. A team is kept sorted: actors in the same place are the same actor (they run the same program and
nothing distinguishes them), which is the only reduction made.
"""

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from simulation.modelcheck.violation import Violation

Facts = TypeVar("Facts")
Actor = TypeVar("Actor")


class Model(Protocol[Facts, Actor]):
    """A model to explore. Facts and actors are hashable; a label describes a move in words."""

    name: str

    def starts(self) -> Iterable[tuple[Facts, tuple[Actor, ...]]]:
        """Return the first states."""
        ...

    def moves(self, facts: Facts) -> Iterator[tuple[str, Facts]]:
        """Yield the moves without any actor: the network, the gateway, clients, consumers."""
        ...

    def actor_moves(self, facts: Facts, actor: Actor) -> Iterator[tuple[str, Facts, Actor]]:
        """Yield the moves of an actor."""
        ...

    def broken(self, facts: Facts) -> Violation | None:
        """Return the invariant that these facts break, in words, or None."""
        ...


@dataclass(frozen=True)
class CounterExample:
    """The shortest way to a broken state, one line a step, and the invariant that is broken there."""

    broken: Violation
    steps: tuple[str, ...]


@dataclass
class Exploration:
    """The result of a search. `facts` counts the states without the positions of the actors; `seconds` are of one core."""

    model: str
    states: int = 0
    facts: int = 0
    moves: int = 0
    depth: int = 0
    seconds: float = 0.0
    counter_example: CounterExample | None = None
    complete: bool = False


Progress = Callable[[Exploration], None]
TEAM_BITS = 24
TEAM_MASK = (1 << TEAM_BITS) - 1
ACTOR_BITS = 10


@dataclass
class Search(Generic[Facts, Actor]):
    """One breadth-first search of a model, to its end, its first broken state or its limit."""

    model: Model[Facts, Actor]
    limit: int = 25_000_000
    progress: Progress | None = None
    facts: list[Facts] = field(default_factory=list)
    number: dict[Facts, int] = field(default_factory=dict)
    broken: dict[int, Violation] = field(default_factory=dict)
    actors: list[Actor] = field(default_factory=list)
    actor_number: dict[Actor, int] = field(default_factory=dict)
    teams: list[tuple[int, ...]] = field(default_factory=list)
    team_number: dict[tuple[int, ...], int] = field(default_factory=dict)

    def run(self) -> Exploration:
        """Explore."""
        began = time.process_time()
        seen = Exploration(self.model.name)
        came_from: dict[int, int] = {}
        frontier: list[int] = []
        for facts, team in self.model.starts():
            state = self._facts_number(facts) << TEAM_BITS | self._team(tuple(sorted(map(self._actor, team))))
            came_from[state] = -1
            frontier.append(state)
        collecting = gc.isenabled()
        gc.disable()  # nothing here is garbage until the end; walking millions of states for cycles only costs time
        try:
            while frontier and not self.broken and len(came_from) < self.limit:
                frontier = self._next_level(frontier, came_from, seen)
                seen.depth += 1
                seen.states, seen.facts, seen.seconds = len(came_from), len(self.facts), time.process_time() - began
                if self.progress:
                    self.progress(seen)
        finally:
            if collecting:
                gc.enable()
        seen.complete = not frontier
        broken = next((state for state in (*frontier, *came_from) if state >> TEAM_BITS in self.broken), None)
        if broken is not None:
            seen.complete = False
            seen.counter_example = CounterExample(self.broken[broken >> TEAM_BITS], tuple(self._way_to(broken, came_from)))
        return seen

    def _next_level(self, frontier: list[int], came_from: dict[int, int], seen: Exploration) -> list[int]:
        following: list[int] = []
        append = following.append
        free, acted, swapped, members = self._free, self._acted, self._swapped, self._members
        moves = 0
        for state in frontier:
            facts, team = state >> TEAM_BITS, state & TEAM_MASK
            after_free = free.get(facts)
            if after_free is None:
                after_free = self._work_out_free(facts)
            moves += len(after_free)
            for base in after_free:
                reached = base | team
                if reached not in came_from:
                    came_from[reached] = state
                    append(reached)
            swaps = swapped[team]
            for actor in members[team]:
                after_act = acted.get(facts << ACTOR_BITS | actor)
                if after_act is None:
                    after_act = self._work_out_act(facts, actor)
                moves += len(after_act)
                for base, swap in after_act:
                    other = swaps.get(swap)
                    if other is None:
                        other = self._work_out_swap(team, swap)
                    reached = base | other
                    if reached not in came_from:
                        came_from[reached] = state
                        append(reached)
        seen.moves += moves
        return following

    def __post_init__(self) -> None:
        self._free: dict[int, tuple[int, ...]] = {}
        self._acted: dict[int, tuple[tuple[int, int], ...]] = {}
        self._swapped: list[dict[int, int]] = []
        self._members: list[tuple[int, ...]] = []

    def _work_out_free(self, facts: int) -> tuple[int, ...]:
        after = {self._facts_number(other) << TEAM_BITS: None for _, other in self.model.moves(self.facts[facts])}
        after.pop(facts << TEAM_BITS, None)
        found = self._free[facts] = tuple(after)
        return found

    def _work_out_act(self, facts: int, actor: int) -> tuple[tuple[int, int], ...]:
        after = {
            (self._facts_number(other) << TEAM_BITS, actor << ACTOR_BITS | self._actor(become)): None
            for _, other, become in self.model.actor_moves(self.facts[facts], self.actors[actor])
        }
        found = self._acted[facts << ACTOR_BITS | actor] = tuple(after)
        return found

    def _work_out_swap(self, team: int, swap: int) -> int:
        members = list(self.teams[team])
        members.remove(swap >> ACTOR_BITS)
        members.append(swap & ((1 << ACTOR_BITS) - 1))
        found = self._swapped[team][swap] = self._team(tuple(sorted(members)))
        return found

    def _facts_number(self, facts: Facts) -> int:
        number = self.number.get(facts)
        if number is None:
            number = self.number[facts] = len(self.facts)
            self.facts.append(facts)
            broken = self.model.broken(facts)
            if broken:
                self.broken[number] = broken
        return number

    def _actor(self, actor: Actor) -> int:
        number = self.actor_number.get(actor)
        if number is None:
            number = self.actor_number[actor] = len(self.actors)
            assert number < 1 << ACTOR_BITS
            self.actors.append(actor)
        return number

    def _team(self, team: tuple[int, ...]) -> int:
        number = self.team_number.get(team)
        if number is None:
            number = self.team_number[team] = len(self.teams)
            assert number <= TEAM_MASK
            self.teams.append(team)
            self._swapped.append({})
            self._members.append(tuple(dict.fromkeys(team)))
        return number

    def _way_to(self, state: int, came_from: dict[int, int]) -> list[str]:
        steps = []
        while came_from[state] >= 0:
            before = came_from[state]
            steps.append(self._label(before, state))
            state = before
        return steps[::-1]

    def _label(self, before: int, after: int) -> str:
        facts, team = self.facts[before >> TEAM_BITS], before & TEAM_MASK
        if team == after & TEAM_MASK:
            for label, other in self.model.moves(facts):
                if self.number[other] == after >> TEAM_BITS:
                    return label
        for actor in self._members[team]:
            for label, other, become in self.model.actor_moves(facts, self.actors[actor]):
                swap = actor << ACTOR_BITS | self.actor_number[become]
                if self.number[other] == after >> TEAM_BITS and self._swapped[team].get(swap) == after & TEAM_MASK:
                    return f"{self.actors[actor]}: {label}"
        raise AssertionError("a state was reached by no move")


def search(model: Model[Any, Any], progress: Progress | None = None) -> Exploration:
    """Search a model to its end, or to the first level on which something is broken."""
    return Search[Any, Any](model, progress=progress).run()
