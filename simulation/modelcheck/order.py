"""The moves of an order's row."""

from collections.abc import Iterator

from kernel.transitions import ABSENT
from services.order.domain.states import BACKORDERED, UNDECIDED
from services.order.domain.states import TRANSITIONS as ORDER
from simulation.modelcheck.facts import OrderFacts, take
from simulation.modelcheck.rules import Rules
from simulation.modelcheck.violation import Violation

LAST_TRIES = ("last wait", "last unavailable")
"""Commands of a run that the sweeper began after the order's deadline, beside what they ask of any order."""
COMMANDS = ("wait", "decide_to_confirm", "decide_to_cancel", "refuse", "confirm", "cancel", "mark_dispatched", "mark_delivered")
"""Asked for by a saga, which has the guard's evidence in hand when it asks; no actor of this model sets the marks."""


def client_moves(rules: Rules, facts: OrderFacts) -> Iterator[tuple[str, OrderFacts]]:
    """Yield the moves of clients, at any instant and as often as they like: place the order, cancel it."""
    if rules.permits("ORDER.create", facts.order, asked=True):
        yield "client: the request creates the order", take(rules, facts, "ORDER.create")
    if facts.order == ABSENT:
        return
    yield "client: asks to cancel", facts.ask("decide_to_cancel")
    if not rules.has("idempotency in the row"):
        yield "client: the request, sent again, creates a second order", facts.answer("second order")
    if "ORDER.create" in rules.unguarded:
        yield "client: another request under the same key is answered with this order", facts.answer("misled")


def moves(rules: Rules, facts: OrderFacts) -> Iterator[tuple[str, OrderFacts]]:
    """Yield the effects of commands on the network on the row."""
    for command in COMMANDS:
        needs_none = command == "decide_to_cancel"
        asked = command in facts.requests and not (command == "wait" and "ORDER.wait" in facts.taken)
        if rules.permits(f"ORDER.{command}", facts.order, asked or not needs_none, evidence=asked):
            after = take(rules, facts, f"ORDER.{command}")
            if command == "decide_to_confirm":
                after = after._replace(agreed=facts.got)
            if command == "wait" or after.order not in UNDECIDED:
                after = _tried(after)
            yield f"order: {command}", after._replace(leased=False, overdue=False) if after.order in ORDER.terminal else after
    if rules.permits("ORDER.expire", facts.order, facts.order != ABSENT, evidence=_is_last_try(rules, facts)):
        after = _tried(take(rules, facts, "ORDER.expire"))
        yield "order: expire", after if facts.in_vain else after.answer("cancelled untried")


def _is_last_try(rules: Rules, facts: OrderFacts) -> bool:
    """Return True if the command of a run after the deadline reports no result, and the row names that run."""
    if not rules.has("try before the end"):
        return facts.overdue
    if not rules.has("try that the row names"):
        return facts.overdue and "unavailable" in facts.requests
    return facts.trying and (
        "last unavailable" in facts.requests or (facts.order == BACKORDERED and "last wait" in facts.requests)
    )


def _tried(facts: OrderFacts) -> OrderFacts:
    """Return the row without its try: it was decided, or its deadline has changed."""
    return facts._replace(trying=False, in_vain=False, requests=facts.requests.difference(LAST_TRIES))


def deliveries(rules: Rules, facts: OrderFacts) -> Iterator[tuple[str, OrderFacts]]:
    """Deliver StockAllocated at any instant once it was published."""
    if rules.permits("ORDER.resume", facts.order, asked=True, evidence="RES.allocate" in facts.taken):
        yield "order: resume", _tried(take(rules, facts, "ORDER.resume"))._replace(leased=False, overdue=False)


def timer_moves(rules: Rules, facts: OrderFacts) -> Iterator[tuple[str, OrderFacts]]:
    """Time passes: a lease may end at any instant, and the deadline of an undecided order may be past."""
    if facts.leased and rules.has("lease that ends"):
        yield "time: the lease ends", facts._replace(leased=False)
    if facts.order in UNDECIDED and not facts.overdue and rules.has("deadline"):
        yield "time: the deadline is past", facts._replace(overdue=True)


def impossible(rules: Rules, facts: OrderFacts) -> Violation | None:
    """Return the violation if an order that does not exist cannot be placed."""
    placeable = facts.order != ABSENT or any(client_moves(rules, facts))
    return None if placeable else Violation("every_order_ends", "stuck: no request creates the order")
