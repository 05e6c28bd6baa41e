"""The model checker on small models: production's tables break no invariant, and each broken table breaks one.

`make explore` runs all of it; docs/explanation/model-checking.md describes the models.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from services.order.workflow.definition import definition
from simulation.modelcheck import campaign, mutation, shards
from simulation.modelcheck.__main__ import main
from simulation.modelcheck.ablation import ABLATIONS, PROTOCOL_RULES, Ablation
from simulation.modelcheck.fulfilment import Fulfilment
from simulation.modelcheck.mutation import JUSTIFIED, Mutant
from simulation.modelcheck.purchase import Purchase
from simulation.modelcheck.rules import STEPS, Rules
from simulation.modelcheck.saga import ASKS
from simulation.modelcheck.search import search
from simulation.modelcheck.shards import Shards
from tests.support import commit_share

DOCS = Path(__file__).parents[2] / "docs"
MUTANTS = {mutant.change: mutant for mutant in mutation.mutants()}


@dataclass(frozen=True)
class Noting(Rules):
    """Production's rules, keeping the transitions that were permitted at least once."""

    permitted: set[str] = field(default_factory=set, compare=False)

    def permits(self, step: str, status: str, asked: bool, evidence: bool = True) -> bool:
        """As Rules."""
        answer = super().permits(step, status, asked, evidence)
        if answer:
            self.permitted.add(step)
        return answer


def test_small_models_hold_and_take_every_transition() -> None:
    rules = Noting()
    small = campaign.models(executions=2, of_two=(1, 1))
    explored = campaign.explore(tuple(model if isinstance(model, Shards) else _with(model, rules) for model in small))
    assert explored.passed, explored.searches
    assert 1 <= explored.sweeps <= 3
    assert rules.permitted == set(STEPS)


def _with(model: Purchase | Fulfilment, rules: Noting) -> Purchase | Fulfilment:
    return replace(model, rules=replace(rules, without=model.rules.without, follows=model.rules.follows))


@pytest.mark.parametrize("one", ABLATIONS, ids=lambda one: f"{one.protocol_rule} {one.instead}")
def test_protocol_without_a_rule_breaks_an_invariant(one: Ablation) -> None:
    found = one.explore(executions=1).counter_example
    assert (found is not None) == one.breaks


@pytest.mark.parametrize("rule", shards.RULES)
def test_split_stock_without_a_rule_breaks_an_invariant(rule: str) -> None:
    found = (search(model).counter_example for model in shards.models(rule))
    assert any(found), rule


def test_ablations_cover_every_protocol_rule() -> None:
    assert {one.protocol_rule for one in ABLATIONS if one.breaks} == set(PROTOCOL_RULES)


CHANGED_GUARDS = [
    ("ORDER.confirm without its evidence", "M"),
    ("ORDER.decide_to_cancel also from CONFIRMED", "E2"),
    ("ORDER.close without its evidence", "M4"),
    ("PAY.intend_refund also from REFUNDED", "D2"),
    ("SHIP.cancel also from BOOKING", "D1"),
    ("PAY.intend_void no more from ∅", "M4"),
    ("PAY.refuse_capture without its evidence", "X1"),
    ("RES.reserve without its evidence", "S2"),
    ("RES.allocate no more from WAITING", "F1"),
    ("RES.withdraw no more from WAITING", "V1"),
    ("ORDER.expire without its evidence", "T1"),
    ("NOTE.claim also from CLAIMED", "E4"),
    ("NOTE.fail no more from UNSENT", "E5"),
    ("REPL.replenish also from REPLENISHED", "S2"),
]
"""Changes of a guard, and the code with which that of the broken invariant begins."""


@pytest.mark.parametrize(("change", "noticed_as"), commit_share.share().among(CHANGED_GUARDS))
def test_changed_guard_breaks_an_invariant(change: str, noticed_as: str) -> None:
    broken = mutation.judge(MUTANTS[change]).broken
    assert broken is not None
    assert broken.code.startswith(noticed_as)


def test_guard_backed_by_evidence_is_noticed_without_the_evidence() -> None:
    verdict = mutation.judge(MUTANTS["PAY.capture also from AUTHORIZING"])
    assert (verdict.broken, verdict.effective) == (None, False)
    assert verdict.second_line


def test_justified_survivors_are_mutants_that_the_docs_name() -> None:
    assert set(JUSTIFIED) <= set(MUTANTS)
    page = (DOCS / "explanation" / "model-checking.md").read_text()
    assert [change for change in JUSTIFIED if change not in page] == []


def test_counter_example_lists_its_steps_in_order() -> None:
    (no_tombstone,) = (one for one in ABLATIONS if "finds no hold" in one.instead)
    found = no_tombstone.explore(executions=1).counter_example
    assert found
    assert found.steps[0] == "client: the request creates the order"
    assert found.steps[-1] == "order: cancel"


def test_saga_program_sends_the_commands_of_the_workflow() -> None:
    asked = {command for commands in ASKS.values() for command in commands}
    in_the_workflow = {
        f"decide_to_{payload['decision'].lower()}" if payload["command"] == "decide" else payload["command"]
        for payload in _payloads(definition())
    }
    assert asked == in_the_workflow - {"load"}


def _payloads(part: Any) -> Iterator[dict[str, str]]:
    if isinstance(part, dict):
        if "command" in part:
            yield part
        for inner in part.values():
            yield from _payloads(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _payloads(inner)


def test_command_with_a_broken_invariant_fails(capsys: pytest.CaptureFixture[str]) -> None:
    broken = Rules().with_sources("RES.tombstone", frozenset())
    without = Purchase("no tombstone", (1,), rules=broken)
    assert main(["states", "--executions", "1"], lambda *_: (without,)) == 1
    assert "cancelled_order_keeps_no_stock (S1)" in capsys.readouterr().out


def test_search_that_stops_early_is_incomplete() -> None:
    assert not search(Purchase("broken", (1,), rules=Mutant(unguarded=frozenset({"ORDER.cancel"})))).complete
