"""The saga's program: what one execution asks, which answers it gets, where it goes next.

It is the workflow in services/order/workflow/order_saga.asl.yaml: one program for the live run and for every later try. An
execution is the state it stands in and the answers it holds. To ask is to put the command on the network, for ever; to be
answered is to see what the row says once the command has nothing left to do. A crash is never to take a step again.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kernel.transitions import ABSENT
from services.inventory.domain import states as stock
from services.order.domain import states as order
from services.payment.domain import states as payment
from simulation.modelcheck.facts import OrderFacts
from simulation.modelcheck.rules import Rules


class Execution(NamedTuple):
    """One run of the workflow on the order at `order`; `payment` and `stock` are the answers in its hands.

    `late`: the sweeper began it after the order's deadline, and no decision is taken yet.
    """

    order: int
    state: str = "not started"
    payment: str = ""
    stock: str = ""
    late: bool = False

    def __str__(self) -> str:
        words = (self.state if self.state != "not started" else "", self.payment, self.stock, "late" if self.late else "")
        return ", ".join(filter(None, ("an execution", *words)))


Moves = Iterator[tuple[str, OrderFacts, Execution]]

LET_GO = "LET GO"
ANSWERS: dict[str, dict[str, str]] = {
    "authorize": {
        **dict.fromkeys((payment.AUTHORIZED, payment.CAPTURING, payment.CAPTURED, payment.CAPTURE_REFUSED), payment.AUTHORIZED),
        payment.DECLINED: payment.DECLINED,
        **dict.fromkeys((payment.VOIDING, payment.VOIDED), payment.VOIDED),
    },
    "capture": {
        payment.CAPTURED: payment.CAPTURED,
        payment.CAPTURE_REFUSED: payment.CAPTURE_REFUSED,
        **dict.fromkeys((payment.VOIDING, payment.VOIDED), payment.VOIDED),
    },
    "void": {**dict.fromkeys((payment.VOIDED, payment.DECLINED), LET_GO), payment.CAPTURED: payment.CAPTURED},
    "reserve": {status: status for status in (stock.WAITING, stock.HELD, stock.COMMITTED, stock.RELEASED, stock.RESTOCKED)},
    "commit": {status: status for status in (stock.COMMITTED, stock.RELEASED, stock.RESTOCKED)},
    "release": dict.fromkeys((stock.RELEASED, stock.RESTOCKED), LET_GO),
}
"""The answer of a payment or inventory command, by the status of its row; none without a row."""
TOMBSTONES = {"void": "PAY.intend_void", "release": "RES.tombstone"}


def answer(rules: Rules, facts: OrderFacts, command: str) -> str | None:
    """Return the response to `command` in these facts, or None.

    Where the rules have no tombstone, a missing row counts as released.
    """
    status = facts.payment if command in ("authorize", "capture", "void") else facts.reservation
    if status == ABSENT and command in TOMBSTONES and ABSENT not in rules.sources[TOMBSTONES[command]]:
        return LET_GO
    return ANSWERS[command].get(status)


def starts(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    """How an execution begins: live, by the API or by OrderPlaced; or to recover, by a sweeper or a customer's cancel."""
    if facts.order != ABSENT or not rules.has("row first"):
        yield "starts live", *_enter(facts, run, "authorize")
    if facts.order == order.CANCELLING:
        yield "starts to resume, for the customer who cancelled", *recovered(rules, facts, run)
    if sweepable(rules, facts):
        for late in (False, True):
            if not rules.has("deadline") or late == (facts.overdue and facts.order in order.UNDECIDED):
                when = ", after the deadline" if late else ""
                yield f"starts to resume, for the sweeper{when}", *recovered(rules, leased(rules, facts), run, late)


def sweepable(rules: Rules, facts: OrderFacts) -> bool:
    """Whether a sweeper finds the order and may take it, as rule 6 of the protocol says."""
    return rules.has("sweeper") and not facts.leased and facts.order not in (ABSENT, *order.TRANSITIONS.terminal)


def leased(rules: Rules, facts: OrderFacts) -> OrderFacts:
    """Return the order with a sweeper's lease on it."""
    return facts._replace(leased=True) if rules.has("lease") else facts


def recovered(rules: Rules, facts: OrderFacts, run: Execution, late: bool = False) -> tuple[OrderFacts, Execution]:
    """Return a recovering execution after its first state, which reads the row; the sweeper wrote its try there.

    Where the rules have no deadline, any try may be an order's last, at any instant: that is the worst case.
    """
    if facts.order in order.UNDECIDED and late and not rules.has("deadline"):
        return _enter(facts, run, "decide_to_cancel")
    if facts.order in order.UNDECIDED:
        return _enter(facts._replace(trying=late or facts.trying), run._replace(late=late), "authorize")
    return _decided(facts, run)


def faults(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    """Yield the moves of an execution without retries left.

    Before the decision it records that; after the decision it ends, as by a crash.
    """
    if run.state in ("authorize", "reserve"):
        tried = facts._replace(in_vain=facts.in_vain or (run.late and facts.trying))
        then = "unavailable" if rules.has("deadline") else "decide_to_cancel"
        yield f"gets no answer to {run.state}", *_enter(tried, run, then)
    if not rules.has("honest answers") and run.state not in ("not started", "ended"):
        yield "runs out of time, and the client gets the answer rejected", facts.answer("rejected"), _ended(run)


def steps(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    """Yield the moves of an execution that gets a response."""
    yield from STATES[run.state](rules, facts, run)


def _authorize(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    got = answer(rules, facts, "authorize")
    if got:
        yield f"is answered {got}", *_enter(facts, run, "reserve" if got == payment.AUTHORIZED else "decide_to_cancel")


def _reserve(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    got = answer(rules, facts, "reserve")
    forward = "decide_to_confirm" if rules.has("decision before money") else "settle"
    then = {stock.HELD: forward, stock.COMMITTED: forward, stock.WAITING: "wait"}
    if got:
        still = got == stock.WAITING and facts.order == order.BACKORDERED
        tried = facts._replace(in_vain=facts.in_vain or (still and run.late and facts.trying))
        yield f"is answered {got}", *_enter(tried, run, then.get(got, "decide_to_cancel"))


def _wait(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    ends = run.late and facts.trying and facts.order == order.BACKORDERED
    if (facts.order not in (ABSENT, order.PENDING) or "ORDER.wait" in facts.taken) and not ends:
        yield f"is answered {facts.order}", *_decided(facts, run)


def _unavailable(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    """Leave the order as it is until its next try, unless this was its last."""
    if facts.order != ABSENT and not (run.late and facts.trying and facts.order in order.UNDECIDED):
        yield f"is answered {facts.order}", *_decided(facts, run)


def _decide(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    if facts.order not in (ABSENT, *order.UNDECIDED):
        if not rules.has("confirmed once durable") and facts.order == order.CONFIRMING:
            yield "is answered CONFIRMING, and the client gets the answer confirmed", *_decided(facts.answer("confirmed"), run)
        elif rules.has("losers help"):
            yield f"is answered {facts.order}", *_decided(facts, run)
        else:
            own = "settle" if run.state == "decide_to_confirm" else "compensate"
            yield f"is answered {facts.order}, and goes its own way", *_enter(facts, run, own)


def _settle(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    if not run.payment:
        got = answer(rules, facts, "capture")
        if got:
            yield f"is answered {got}", *_settled(rules, facts, run._replace(payment=got))
    if not run.stock:
        got = answer(rules, facts, "commit")
        if got:
            yield f"is answered {got}", *_settled(rules, facts, run._replace(stock=got))


def _settled(rules: Rules, facts: OrderFacts, run: Execution) -> tuple[OrderFacts, Execution]:
    if run.payment == payment.VOIDED:
        return facts, _ended(run)  # whatever the stock answers: unresolved
    if not (run.payment and run.stock):
        return facts, run
    if run.payment == payment.CAPTURE_REFUSED:
        return _enter(facts, run, "refuse")
    if run.stock != stock.COMMITTED:
        return facts, _ended(run)
    if not rules.has("decision before money") and facts.order == order.PENDING:
        return _enter(facts, run, "decide_to_confirm")
    return _enter(facts, run, "confirm")


def _finish(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    """Confirm and cancel: the order's status after the command is the run's answer."""
    waiting = order.CONFIRMING if run.state == "confirm" else order.CANCELLING
    if facts.order != waiting:
        yield f"is answered {facts.order}", *_answered(facts, run)


def _refuse(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    if facts.order == order.CANCELLING:
        yield "is answered CANCELLING", *_enter(facts, run, "compensate")
    elif facts.order != order.CONFIRMING:
        yield f"is answered {facts.order}", *_answered(facts, run)


def _compensate(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    if not run.payment:
        got = answer(rules, facts, "void")
        if got:
            yield f"is answered {got}", *_compensated(facts, run._replace(payment=got))
    if not run.stock:
        got = answer(rules, facts, "release")
        if got:
            yield f"is answered {got}", *_compensated(facts, run._replace(stock=got))


def _compensated(facts: OrderFacts, run: Execution) -> tuple[OrderFacts, Execution]:
    if run.payment == payment.CAPTURED:
        return facts, _ended(run)  # COMPENSATION_FAILED
    return _enter(facts, run, "cancel") if run.payment and run.stock else (facts, run)


def _decided(facts: OrderFacts, run: Execution) -> tuple[OrderFacts, Execution]:
    """Losers help the winner."""
    if facts.order == order.CONFIRMING:
        return _enter(facts, run, "settle")
    if facts.order == order.CANCELLING:
        return _enter(facts, run, "compensate")
    return _answered(facts, run)


def _answered(facts: OrderFacts, run: Execution) -> tuple[OrderFacts, Execution]:
    answers = {order.CONFIRMED: ("confirmed",), order.CANCELLED: ("rejected",)}.get(facts.order, ())
    return facts.answer(*answers), _ended(run)


def _ended(run: Execution) -> Execution:
    return Execution(run.order, "ended")


ASKS = {
    "authorize": ("authorize",),
    "reserve": ("reserve",),
    "wait": ("wait",),
    "unavailable": ("unavailable",),
    "decide_to_confirm": ("decide_to_confirm",),
    "decide_to_cancel": ("decide_to_cancel",),
    "settle": ("capture", "commit"),
    "confirm": ("confirm",),
    "refuse": ("refuse",),
    "compensate": ("void", "release"),
    "cancel": ("cancel",),
}
"""The commands that an execution sends on entering a state."""


TRIES = ("authorize", "reserve", "wait", "unavailable")
"""The states of a run before the decision."""


def _enter(facts: OrderFacts, run: Execution, state: str) -> tuple[OrderFacts, Execution]:
    asked = [f"last {state}"] if run.late and state in ("wait", "unavailable") and facts.order in order.UNDECIDED else []
    return facts.ask(*ASKS[state], *asked), Execution(run.order, state, late=run.late and state in TRIES)


def _nothing(rules: Rules, facts: OrderFacts, run: Execution) -> Moves:
    yield from ()


STATES: dict[str, Callable[[Rules, OrderFacts, Execution], Moves]] = {
    "not started": starts,
    "authorize": _authorize,
    "reserve": _reserve,
    "wait": _wait,
    "unavailable": _unavailable,
    "decide_to_confirm": _decide,
    "decide_to_cancel": _decide,
    "settle": _settle,
    "confirm": _finish,
    "refuse": _refuse,
    "compensate": _compensate,
    "cancel": _finish,
    "ended": _nothing,
}
