"""The model checker's command: `python -m simulation.modelcheck --help`."""

import argparse
import json
import sys
import time
from collections.abc import Callable

from rich.console import Console

from simulation.modelcheck import campaign, report
from simulation.modelcheck.ablation import Ablation
from simulation.modelcheck.mutation import Mutant
from simulation.modelcheck.search import Exploration

EXAMPLES = """
examples:
  python -m simulation.modelcheck                    all three, as `make explore` does
  python -m simulation.modelcheck states             every state of the bounded system, against every invariant
  python -m simulation.modelcheck states --executions 3
  python -m simulation.modelcheck ablation               without each protocol rule: what breaks, by the shortest way
  python -m simulation.modelcheck mutation -o json   every guard of the tables changed: who notices?

Exit code 0 when every bar is met, 1 when an invariant breaks, an order sticks or a bar is missed.
"""
Models = Callable[[int, tuple[int, int]], tuple[campaign.Model, ...]]
CAMPAIGNS = ("states", "ablation", "mutation")


class Progress:
    """A line on standard error at most once a second."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.began = self.shown = time.monotonic()
        self.done = 0

    def searched(self, seen: Exploration) -> None:
        """Report that a level of a search is done."""
        self._say(f"{seen.model}: {seen.states:,} states, {seen.depth} steps deep")

    def ablated(self, ablation: Ablation) -> None:
        """Report that the next ablation begins."""
        self._begin(ablation.instead)

    def mutated(self, mutant: Mutant) -> None:
        """Report that the next mutant begins."""
        self._begin(mutant.change)

    def _begin(self, change: str) -> None:
        self.done += 1
        self._say(f"{self.done}. {change}")

    def _say(self, what: str) -> None:
        now = time.monotonic()
        if now - self.shown >= 1:
            self.shown = now
            self.console.print(f"[dim]{now - self.began:5.0f} s  {what}[/dim]")


def main(arguments: list[str] | None = None, models: Models = campaign.models) -> int:
    """Run the campaigns asked for. `models` are those of the first: by default the protocol's."""
    parser = argparse.ArgumentParser(
        "python -m simulation.modelcheck",
        description="Explores every interleaving of a bounded order system that runs by the production transition tables.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("campaign", nargs="?", choices=CAMPAIGNS, help="only this one")
    parser.add_argument("--executions", type=int, default=5, choices=range(1, 7), help="at most so many of the one order (5)")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    chosen = parser.parse_args(arguments)
    asked = (chosen.campaign,) if chosen.campaign else CAMPAIGNS
    console = Console(highlight=False, quiet=chosen.output == "json")
    progress = Progress()
    explored = ablated = mutated = None
    verdicts = []
    if "states" in asked:
        explored = campaign.explore(models(chosen.executions, (min(chosen.executions, 2), 1)), progress.searched)
        verdicts.append(explored.within_bars if chosen.executions >= 5 else explored.passed)
        report.print_explored(console, explored)
    if "ablation" in asked:
        ablated = list(campaign.ablate(progress.ablated))
        verdicts.append(campaign.ablation_passed(ablated))
        report.print_ablated(console, ablated)
    if "mutation" in asked:
        mutated = campaign.mutate(progress.mutated)
        verdicts.append(mutated.passed)
        report.print_mutated(console, mutated)
    if chosen.output == "json":
        json.dump(report.as_json(explored, ablated, mutated), sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
