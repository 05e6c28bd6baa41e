"""The findings of the campaigns, as tables for a person and as one JSON document for a program."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from audit.catalogue import label
from simulation.modelcheck.ablation import PROTOCOL_RULES, Ablation
from simulation.modelcheck.campaign import (
    MAX_SECONDS,
    MIN_NOTICED,
    MIN_STATES,
    Explored,
    Mutated,
    ablation_passed,
    needed_rules,
)
from simulation.modelcheck.mutation import JUSTIFIED, Verdict
from simulation.modelcheck.search import CounterExample, Exploration

Ablated = list[tuple[Ablation, Exploration]]


def print_explored(console: Console, explored: Explored) -> None:
    """Print the models, and the counter-example if there is one."""
    table = _table("model", "states", "moves", "deepest", "seconds", "broken")
    for search in explored.searches:
        unbroken = "nothing" if search.complete else "not finished"
        broken = str(search.counter_example.broken) if search.counter_example else unbroken
        numbers = (f"{search.states:,}", f"{search.moves:,}", str(search.depth), f"{search.seconds:.1f}")
        table.add_row(escape(search.model), *numbers, escape(broken))
    console.print(table)
    violations = sum(search.counter_example is not None for search in explored.searches)
    console.print(
        f"{explored.states:,} states in {explored.seconds:.1f} s of one core, {violations} violations; left in any of them,\n"
        f"an order is finished by {explored.sweeps} sweep alone (bars: {MIN_STATES:,} states, {MAX_SECONDS} s, 0, 3)"
    )
    for search in explored.searches:
        if search.counter_example:
            print_way(console, search.counter_example)


def print_ablated(console: Console, ablated: Ablated) -> None:
    """Print the violation without each protocol rule, and the shortest path to it."""
    table = _table("", "without it", "what breaks first", "steps")
    for one, seen in ablated:
        found = seen.counter_example
        broken, steps = (str(found.broken), str(len(found.steps))) if found else ("nothing: the others make up for it", "-")
        table.add_row(str(one.protocol_rule), escape(one.instead), escape(broken), steps)
    console.print(table)
    for one, seen in ablated:
        if seen.counter_example:
            console.print(f"\n[bold]{one.protocol_rule}. {PROTOCOL_RULES[one.protocol_rule]}[/bold]: {escape(one.instead)}")
            print_way(console, seen.counter_example)
    console.print(f"\n{len(needed_rules(ablated))} of {len(PROTOCOL_RULES)} protocol rules are needed")


def print_way(console: Console, found: CounterExample) -> None:
    """Print a counter-example, step by step."""
    for number, step in enumerate(found.steps, 1):
        console.print(f"  {number:2} {escape(step)}")
    console.print(f"     [red]{escape(str(found.broken))}[/red]")


def print_mutated(console: Console, mutated: Mutated) -> None:
    """Print the count, and the survivors with their justification."""
    as_they_are = f"{len(mutated.noticed)} of those are noticed, {mutated.share_of_effective:.1%}"
    either = f"{len(mutated.second_line)} of the others are noticed, so in one form or the other {mutated.share:.1%}"
    console.print(
        f"{len(mutated.verdicts)} mutants. As they are, {mutated.effective} have an effect: {as_they_are}\n"
        f"({mutated.noticed_by_own} first by the model checker's own invariants: the starred ones and {label('X1')}).\n"
        f"With the step's evidence dropped as well, {either}.\n"
        f"{len(mutated.survivors)} survive (bar for both shares: {MIN_NOTICED:.0%})"
    )
    table = _table("survivor", "why it may")
    for verdict in mutated.survivors:
        table.add_row(escape(verdict.change), escape(JUSTIFIED.get(verdict.change, "NOT JUSTIFIED")))
    console.print(table)


def as_json(explored: Explored | None, ablated: Ablated | None, mutated: Mutated | None) -> dict[str, object]:
    """Return everything that was asked for, for a program."""
    document: dict[str, object] = {}
    if explored:
        document["explored"] = {
            "passed": explored.within_bars,
            "states": explored.states,
            "seconds": round(explored.seconds, 1),
            "sweeps": explored.sweeps,
            "models": [_search(search) for search in explored.searches],
        }
    if ablated:
        document["ablated"] = {
            "passed": ablation_passed(ablated),
            "needed": sorted(needed_rules(ablated)),
            "ways": [{"rule": one.protocol_rule, "instead": one.instead, **_search(seen)} for one, seen in ablated],
        }
    if mutated:
        document["mutated"] = {
            "passed": mutated.passed,
            "mutants": len(mutated.verdicts),
            "effective": mutated.effective,
            "noticed": len(mutated.noticed),
            "noticed_by_own": mutated.noticed_by_own,
            "second_line": len(mutated.second_line),
            "survivors": {verdict.change: JUSTIFIED.get(verdict.change) for verdict in mutated.survivors},
            "share": round(mutated.share, 4),
            "share_of_effective": round(mutated.share_of_effective, 4),
            "verdicts": [_verdict(verdict) for verdict in mutated.verdicts],
        }
    return document


def _verdict(verdict: Verdict) -> dict[str, object]:
    found = {"broken": verdict.broken, "second_line": verdict.second_line}
    return vars(verdict) | {name: violation and str(violation) for name, violation in found.items()}


def _search(search: Exploration) -> dict[str, object]:
    found = search.counter_example
    return {
        "model": search.model,
        "states": search.states,
        "moves": search.moves,
        "depth": search.depth,
        "seconds": round(search.seconds, 2),
        "complete": search.complete,
        "broken": str(found.broken) if found else None,
        "steps": list(found.steps) if found else [],
    }


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    numbers: Iterable[str] = ("states", "moves", "deepest", "seconds", "steps")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table
