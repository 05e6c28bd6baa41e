"""The protocol's Promela model: two judges, Spin and the model checker, give the same verdict on the whole and on each part.

Each commit takes a share of the parts away. `make verify-protocol` takes away each.
"""

import pytest

from simulation.modelcheck.ablation import ABLATIONS
from simulation.modelcheck.purchase import Purchase
from tests.judges import promela
from tests.support import commit_share

OF_THE_EXPLORER = {ablation.instead: ablation.breaks for ablation in ABLATIONS if ablation.shown_in is Purchase}
"""The changes that break an invariant by the model checker, in the model of one order (its own test checks that)."""

needs_spin = pytest.mark.skipif(
    bool(promela.missing()), reason=f"not installed: {', '.join(promela.missing())} (apt-get install)"
)


def test_promela_model_omits_the_same_rules_as_the_model_checker() -> None:
    assert promela.PARTS.keys() == OF_THE_EXPLORER.keys()
    assert {instead: part.breaks is not None for instead, part in promela.PARTS.items()} == OF_THE_EXPLORER


def test_each_part_is_a_macro_of_the_model() -> None:
    text = promela.MODEL.read_text()
    assert [part.macro for part in promela.PARTS.values() if f"WITHOUT_{part.macro}" not in text] == []


@needs_spin
@pytest.mark.timeout(600)
def test_the_whole_holds_and_every_order_ends() -> None:
    verdicts = list(promela.verify((promela.ALL_SAFE, "V1"), *promela.SMALL))
    assert [verdict.name for verdict in verdicts if not verdict.holds] == []
    assert min(verdict.states for verdict in verdicts) > 100_000


@needs_spin
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "instead", commit_share.share().among([instead for instead, part in promela.PARTS.items() if part.breaks])
)
def test_without_a_part_its_property_breaks(instead: str) -> None:
    (verdict,) = promela.without(promela.PARTS[instead])
    assert not verdict.holds


@needs_spin
@pytest.mark.timeout(600)
@pytest.mark.parametrize("instead", [instead for instead, part in promela.PARTS.items() if not part.breaks])
def test_without_a_part_that_others_make_up_for_nothing_breaks(instead: str) -> None:
    assert [verdict.name for verdict in promela.without(promela.PARTS[instead]) if not verdict.holds] == []
