"""Every guard of the production tables, widened, narrowed or dropped, one at a time: does an invariant notice?"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from kernel.transitions import ABSENT
from simulation.modelcheck import scarcity
from simulation.modelcheck.cancellation import Cancellation
from simulation.modelcheck.fulfilment import Fulfilment
from simulation.modelcheck.purchase import Purchase
from simulation.modelcheck.rules import PRODUCTION, TABLES, Rules
from simulation.modelcheck.search import CounterExample, search
from simulation.modelcheck.violation import Violation

JUSTIFIED = {
    "ORDER.resume no more from BACKORDERED": "the sweeper still asks for the stock",
    "ORDER.decide_to_confirm no more from BACKORDERED": "StockAllocated makes it PENDING first",
    "ORDER.decide_to_cancel no more from BACKORDERED": "a customer who waits cannot cancel: the goods or the deadline end it",
    "ORDER.expire no more from PENDING": "the order stays PENDING, and ends when payment and inventory answer",
    "ORDER.decide_to_cancel without its evidence": "a sale is lost and nothing else: the order is cancelled as by its customer",
    "ORDER.refuse also from BACKORDERED": "decide_to_cancel by another name",
    "RES.withdraw also from ∅": "a tombstone by another name",
    "PAY.decline also from VOIDING": "nothing was ever set aside: DECLINED and VOIDED both let the order go",
    "RES.reject without its evidence": "a sale is lost and nothing else: the order is cancelled as after any rejection",
    "SHIP.fail without its evidence": "a parcel stays here: the shipment is FAILED, which an operator sees",
    "ORDER.mark_delivered no more from CANCEL_REQUESTED": "ShipmentDispatched brings it back, and the delivery comes again",
    "PAY.refuse_refund also from REFUND_REFUSED": "a refused refund stays as it is",
    "SHIP.book without its evidence": "without an address no carrier is asked, and the shipment fails a step later",
    "SHIP.cancel no more from CREATED": "the parcel goes: the request came too late",
    "SHIP.cancel no more from ∅": "the request waits until there is a shipment",
    "NOTE.fail without its evidence": "a mail is not sent: FAILED says so, and the promise is one mail at most",
    "ORDER.refuse also from PENDING": "decide_to_cancel by another name",
    "NOTE.unclaim also from UNSENT": "an UNSENT note stays as it is",
    "NOTE.unclaim also from ∅": "an UNSENT note is as open as none",
}
"""Why no invariant notices these, and need not: money, stock and the answers to customers stay right."""

FOLLOWS = frozenset({"OrderConfirmed"})
ANY_INSTANT = frozenset({"lease", "deadline"})
"""Without leases and deadlines a sweeper may start any execution at any instant, which is the worst they can do."""


@dataclass(frozen=True)
class Mutant(Rules):
    """The production rules with the guard of the transition `step` changed, as `change` says.

    `reckless`: from these statuses the step is taken without its evidence, and unasked. `effective` fills with the
    statuses in which the change made a difference.
    """

    step: str = ""
    change: str = ""
    reckless: frozenset[str] = frozenset()
    effective: set[str] = field(default_factory=set, compare=False)

    def permits(self, step: str, status: str, asked: bool, evidence: bool = True) -> bool:
        """As Rules, noticing where production would have said otherwise."""
        if step != self.step:
            return super().permits(step, status, asked, evidence)
        permitted = status in self.reckless or super().permits(step, status, asked, evidence)
        if permitted != PRODUCTION.permits(step, status, asked, evidence):
            self.effective.add(status)
        return permitted


@dataclass(frozen=True)
class Verdict:
    """The verdict on a mutant.

    `broken` is the invariant that noticed it. If none did, `effective` shows if the change made a difference to any reachable
    state; if it made none, `second_line` is the invariant that notices it once the step's evidence is dropped as well.
    """

    change: str
    broken: Violation | None
    effective: bool = True
    second_line: Violation | None = None
    steps: tuple[str, ...] = ()


def mutants() -> Iterator[Mutant]:
    """Every single change of a guard in the production tables."""
    for aggregate, table in TABLES.items():
        for row in table.transitions:
            name = f"{aggregate}.{row.name}"
            for status in sorted((table.statuses | {ABSENT}) - row.sources):
                yield _mutant(name, f"also from {status}", row.sources | {status})
            for status in sorted(row.sources):
                yield _mutant(name, f"no more from {status}", row.sources - {status})
            if row.guard:
                yield replace(_mutant(name, "without its evidence", row.sources), unguarded=frozenset({name}))


def _mutant(name: str, change: str, sources: frozenset[str]) -> Mutant:
    return Mutant({**PRODUCTION.sources, name: sources}, follows=FOLLOWS, step=name, change=f"{name} {change}")


def judge(mutant: Mutant) -> Verdict:
    """Explore the models that the transition is part of, until an invariant notices the change."""
    found = _noticed(mutant)
    if found:
        return Verdict(mutant.change, found.broken, steps=found.steps)
    if mutant.effective:
        return Verdict(mutant.change, None)
    opened = mutant.sources[mutant.step] if mutant.unguarded else mutant.sources[mutant.step] - PRODUCTION.sources[mutant.step]
    worse = _noticed(replace(mutant, reckless=opened, effective=set()))
    return Verdict(mutant.change, None, effective=False, second_line=worse.broken if worse else None)


def _noticed(mutant: Mutant) -> CounterExample | None:
    return next(filter(None, (search(model).counter_example for model in _models(mutant))), None)


def _models(mutant: Mutant) -> Iterator[Purchase | Fulfilment | Cancellation]:
    if not mutant.step.startswith(("NOTE.", "REPL.")):
        yield Cancellation(mutant.change, rules=mutant)
    if mutant.step.startswith(("SHIP.", "NOTE.", "ORDER.mark_")):
        yield Fulfilment(mutant.change, rules=mutant)
    if not mutant.step.startswith(("NOTE.", "REPL.")):
        yield Purchase(mutant.change, executions=(2,), rules=mutant)
    if mutant.step.startswith("REPL."):
        yield Purchase(mutant.change, executions=(1,), rules=mutant, replenishes=True)
    if mutant.step.startswith("RES."):
        yield Purchase(mutant.change, executions=(2,), units=(2,), rules=mutant)
        rules = replace(mutant, without=ANY_INSTANT, follows=frozenset())
        yield Purchase(mutant.change, executions=(1, 1), units=(1,), rules=rules)
    if mutant.step.startswith(("ORDER.", "RES.", "PAY.intend_")):
        rules = replace(mutant, follows=frozenset())
        for of_one in (scarcity.part, scarcity.back_order):
            yield of_one(mutant.change, executions=(1,), rules=rules)
        if mutant.unguarded and mutant.step.startswith("RES."):
            rules = replace(mutant, without=ANY_INSTANT, follows=frozenset())
            for of_two in (scarcity.two_back_orders, scarcity.latecomer):
                yield of_two(mutant.change, rules=rules)
