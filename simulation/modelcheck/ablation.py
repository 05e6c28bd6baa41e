"""The nine rules of the protocol, each taken away in the ways that systems go without it."""

from collections.abc import Callable
from dataclasses import dataclass

from kernel.transitions import ABSENT
from simulation.modelcheck import scarcity
from simulation.modelcheck.cancellation import Cancellation
from simulation.modelcheck.fulfilment import Fulfilment
from simulation.modelcheck.invariants import REST, SAFETY
from simulation.modelcheck.purchase import Purchase
from simulation.modelcheck.rules import PRODUCTION, TABLES, Rules
from simulation.modelcheck.search import Exploration, search

PROTOCOL_RULES = {
    1: "the order's row first, with its idempotency and its first event",
    2: "one decision, by compare-and-set; losers help",
    3: "no money moves before the decision",
    4: "intent before call, one key, unknown is asked again",
    5: "tombstones and holds that never expire",
    6: "a sweeper that never gives up",
    7: "a transactional outbox",
    8: "an inbox by natural key",
    9: "honest answers to the client",
}


ALL_EVENTS = frozenset({"OrderPlaced", "OrderConfirmed", "OrderCancelled"})


Model = Purchase | Fulfilment | Cancellation


@dataclass(frozen=True)
class Ablation:
    """One way to go without a protocol rule."""

    protocol_rule: int
    instead: str
    rules: Rules
    shown_in: Callable[..., Model] = Purchase
    breaks: bool = True
    """False for what the other rules make up for."""

    def explore(self, executions: int = 2) -> Exploration:
        """Search until the nearest broken state, of the protocol's own invariants on every state if there is any."""
        for watches in ((SAFETY,), (SAFETY, REST)):
            seen = search(self._model(executions, watches))
            if seen.counter_example:
                break
        return seen

    def _model(self, executions: int, watches: tuple[str, ...]) -> Model:
        if self.shown_in is Purchase:
            return Purchase(self.instead, executions=(executions,), rules=self.rules, watches=watches)
        return self.shown_in(self.instead, rules=self.rules, watches=watches)


def _without(*parts: str) -> Rules:
    return Rules(without=frozenset(parts), follows=ALL_EVENTS)


def _open(step: str, *, forbid: str | None = None) -> Rules:
    """Remove the status guard of a transition, or one status of it."""
    sources = TABLES[step.partition(".")[0]].statuses if forbid is None else PRODUCTION.sources[step] - {forbid}
    return Rules(follows=ALL_EVENTS).with_sources(step, sources)


ABLATIONS = (
    Ablation(1, "the saga starts before the row is written", _without("row first")),
    Ablation(1, "the idempotency record is another row", _without("idempotency in the row")),
    Ablation(1, "OrderPlaced is put after the row is written", _without("first event in the row")),
    Ablation(2, "CONFIRMING is written without a condition", _open("ORDER.decide_to_confirm")),
    Ablation(2, "CANCELLING is written without a condition", _open("ORDER.decide_to_cancel")),
    Ablation(2, "a loser of the decision goes its own way", _without("losers help")),
    Ablation(3, "the money is captured, then it is decided", _without("decision before money")),
    Ablation(3, "all is captured of an order for a part", _without("capture of what is agreed"), scarcity.part),
    Ablation(4, "each attempt at the gateway has a key of its own", _without("gateway key")),
    Ablation(4, "an unknown outcome is taken for a no", Rules(follows=ALL_EVENTS, unguarded=frozenset({"PAY.decline"}))),
    Ablation(4, "each attempt at a refund has a key of its own", _without("gateway key"), Cancellation),
    Ablation(4, "an earlier attempt's refusal is taken for this one's", _without("answers of this attempt only"), Cancellation),
    Ablation(4, "the carrier is asked before its intent is written", _open("SHIP.cancel"), Cancellation),
    Ablation(4, "authorise is called before its intent is written", _without("intent before call"), breaks=False),
    Ablation(5, "a void that finds no payment leaves none", _open("PAY.intend_void", forbid=ABSENT)),
    Ablation(5, "a release that finds no hold leaves none", _open("RES.tombstone", forbid=ABSENT)),
    Ablation(5, "the gateway takes an authorise after its void", _without("gateway tombstone")),
    Ablation(5, "a hold expires", _without("holds that stay")),
    Ablation(6, "there is no sweeper", _without("sweeper")),
    Ablation(6, "a dead sweeper keeps its lease", _without("lease that ends")),
    Ablation(6, "past its deadline an order is cancelled untried", _without("try before the end")),
    Ablation(6, "a try from before the deadline counts as one after it", _without("try that the row names")),
    Ablation(6, "an order that waits asks only once", _without("asking again"), Cancellation),
    Ablation(6, "a service that has acted does not answer again", _without("answering again"), Cancellation),
    Ablation(7, "the event is put after the row is written", _without("outbox")),
    Ablation(7, "the event is put before the row is written", _without("event after state")),
    Ablation(7, "the relay clears what the bus did not accept", _without("failed entries kept")),
    Ablation(8, "every delivery makes a shipment", _without("inbox")),
    Ablation(8, "every delivery makes a mail", _without("inbox"), Fulfilment),
    Ablation(8, "dedupe forgets before the archive does", _without("dedupe for as long as the archive"), Fulfilment),
    Ablation(8, "an old refusal gives a claim back", _without("own claim only"), Fulfilment),
    Ablation(9, "a time-out is reported as a rejection", _without("honest answers")),
    Ablation(9, "the decision is reported as a confirmation", _without("confirmed once durable")),
)
