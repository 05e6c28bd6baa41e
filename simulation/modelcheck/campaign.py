"""The three campaigns, and the bars they are held to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from simulation.modelcheck import ablation, cancellation, fulfilment, mutation, scarcity, shards
from simulation.modelcheck.ablation import ABLATIONS, PROTOCOL_RULES, Ablation
from simulation.modelcheck.cancellation import Cancellation
from simulation.modelcheck.fulfilment import Fulfilment
from simulation.modelcheck.invariants import OWN, OWN_INVARIANTS
from simulation.modelcheck.mutation import JUSTIFIED, Mutant, Verdict
from simulation.modelcheck.purchase import Purchase
from simulation.modelcheck.rules import Rules
from simulation.modelcheck.search import Exploration, Progress, search
from simulation.modelcheck.shards import Shards

Model = Purchase | Fulfilment | Cancellation | Shards
MIN_STATES = 300_000
MAX_SECONDS = 60
MIN_NOTICED = 0.95


@dataclass(frozen=True)
class Explored:
    """The main exploration: one search for each model, and the most sweeps any state needed."""

    searches: tuple[Exploration, ...]
    sweeps: int

    @property
    def states(self) -> int:
        """In all models together."""
        return sum(search.states for search in self.searches)

    @property
    def seconds(self) -> float:
        """Of one core, in all models together."""
        return sum(search.seconds for search in self.searches)

    @property
    def passed(self) -> bool:
        """Every model explored to its end with nothing broken and nothing stuck."""
        return all(search.complete and search.counter_example is None for search in self.searches)

    @property
    def within_bars(self) -> bool:
        """As many states, in as little time, as is promised."""
        return self.passed and self.states >= MIN_STATES and self.seconds < MAX_SECONDS


def models(executions: int = 5, of_two: tuple[int, int] = (2, 1)) -> tuple[Model, ...]:
    """Return the models of the main exploration.

    Two orders meet in the stock only, so their model omits the events and lets a sweeper start at any instant.
    """
    runs = f"{executions} execution{'s' if executions > 1 else ''}"
    anything = Rules(without=mutation.ANY_INSTANT)
    return (
        Purchase(f"one order, {runs}", (executions,), rules=Rules(follows=ablation.ALL_EVENTS)),
        Purchase(f"two orders, one unit, {of_two[0]} and {of_two[1]} executions", of_two, (1,), anything),
        Purchase("one order, one replenishment, 2 executions", (2,), (0,), replenishes=True),
        *scarcity.models(anything, min(executions, 2)),
        Fulfilment("after the last word: relay, shipping, marks, mails"),
        Cancellation("after the yes: cancellation, refund, restock"),
        *shards.models(),
    )


def explore(searched: tuple[Model, ...], progress: Progress | None = None) -> Explored:
    """Search each model to its end."""
    searches = tuple(search(model, progress) for model in searched)
    return Explored(searches, max(model.sweeps for model in searched if isinstance(model, Purchase)))


def ablate(progress: Callable[[Ablation], None] | None = None) -> Iterator[tuple[Ablation, Exploration]]:
    """Explore the model without each protocol rule, taken away in each way."""
    for one in ABLATIONS:
        if progress:
            progress(one)
        yield one, one.explore()


def needed_rules(ablated: list[tuple[Ablation, Exploration]]) -> set[int]:
    """Return the protocol rules without which an invariant breaks or an order is stuck."""
    return {one.protocol_rule for one, seen in ablated if seen.counter_example}


def ablation_passed(ablated: list[tuple[Ablation, Exploration]]) -> bool:
    """Every way breaks that should, and so every protocol rule is needed."""
    as_said = all((seen.counter_example is not None) == one.breaks for one, seen in ablated)
    return as_said and needed_rules(ablated) == set(PROTOCOL_RULES)


@dataclass(frozen=True)
class Mutated:
    """The verdicts on the mutants."""

    verdicts: tuple[Verdict, ...]

    @property
    def noticed(self) -> list[Verdict]:
        """Noticed as they are."""
        return [verdict for verdict in self.verdicts if verdict.broken]

    @property
    def noticed_by_own(self) -> int:
        """How many of those an invariant of the model checker's own noticed first."""
        of_orders, of_parcels, of_returns = OWN_INVARIANTS, fulfilment.INVARIANTS[OWN], cancellation.INVARIANTS[OWN]
        own = {check.violation.code for checks in (of_orders, of_parcels, of_returns) for check in checks}
        return sum(verdict.broken is not None and verdict.broken.code in own for verdict in self.verdicts)

    @property
    def effective(self) -> int:
        """How many make a difference to any reachable state."""
        return sum(verdict.effective for verdict in self.verdicts)

    @property
    def second_line(self) -> list[Verdict]:
        """Of no effect while the step's evidence is asked for; noticed once that is dropped as well."""
        return [verdict for verdict in self.verdicts if verdict.second_line]

    @property
    def survivors(self) -> list[Verdict]:
        """Noticed in neither form."""
        return [verdict for verdict in self.verdicts if not verdict.broken and not verdict.second_line]

    @property
    def share(self) -> float:
        """Of all mutants, how many an invariant notices."""
        return 1 - len(self.survivors) / len(self.verdicts)

    @property
    def share_of_effective(self) -> float:
        """Of the mutants that make a difference to any reachable state, how many an invariant notices as they are."""
        return len(self.noticed) / self.effective

    @property
    def unjustified(self) -> list[str]:
        """The survivors without a justification."""
        return [verdict.change for verdict in self.survivors if verdict.change not in JUSTIFIED]

    @property
    def passed(self) -> bool:
        """Enough are noticed, in both counts, and every survivor is justified."""
        return min(self.share, self.share_of_effective) >= MIN_NOTICED and not self.unjustified


def mutate(progress: Callable[[Mutant], None] | None = None) -> Mutated:
    """Judge every mutant of the production tables."""
    verdicts = []
    for mutant in mutation.mutants():
        if progress:
            progress(mutant)
        verdicts.append(mutation.judge(mutant))
    return Mutated(tuple(verdicts))
