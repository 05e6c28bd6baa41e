"""The protocol's invariants on orders and stock, by the names they have in the design, and what each would say if broken.

SAFETY is checked on every state; REST (V1, M5, E3, E5, R1) once everyone else is dead and the sweeper has run alone. OWN are
the model checker's: wider than the design's, marked by a star where they extend one of its.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TypeVar

from kernel.transitions import ABSENT
from services.inventory.domain import states as stock
from services.inventory.domain.decisions import ALLOW_PARTIAL, BACK_ORDER
from services.order.domain import states as order
from services.payment.domain import states as payment
from simulation.modelcheck.facts import Facts, OrderFacts

F = TypeVar("F")
SAFETY, REST, OWN = "safety", "rest", "own"
EVERYTHING = (SAFETY, OWN, REST)
"""The kinds of invariant, in the order they are looked at."""

Check = Callable[[OrderFacts], bool]

ORDER_INVARIANTS: Mapping[str, Check] = {
    "M1 money is captured of an order that is not CONFIRMING or CONFIRMED": lambda one: (
        one.gateway.captures == 0 or one.order in (order.CONFIRMING, order.CONFIRMED)
    ),
    "M2 money is captured twice, or more than the total": lambda one: (
        one.gateway.captures <= 1 and one.gateway.taken <= one.agreed <= one.wants
    ),
    "M3 CONFIRMED without its money captured and its stock committed": lambda one: (
        one.order != order.CONFIRMED
        or (
            (one.gateway.captures, one.payment, one.reservation) == (1, payment.CAPTURED, stock.COMMITTED)
            and one.gateway.taken == one.agreed == one.got
        )
    ),
    "M4 CANCELLED with money captured or held": lambda one: (
        one.order != order.CANCELLED or one.gateway.captures == one.gateway.holds == 0
    ),
    "S1 CANCELLED with its stock not released": lambda one: (
        one.order != order.CANCELLED or one.reservation in (stock.RELEASED, stock.RESTOCKED)
    ),
    "D1 the order was both confirmed and decided to be cancelled": lambda one: (
        not {"ORDER.confirm", "ORDER.decide_to_cancel"} <= one.taken
    ),
    "E1 an order has two shipments": lambda one: "SHIP.create!" not in one.taken,
    "E2 a shipment of an order that is not CONFIRMED": lambda one: one.shipment == ABSENT or one.order == order.CONFIRMED,
    "I1 a second order, or another order's answer, under one idempotency key": lambda one: (
        not one.told & {"second order", "misled"}
    ),
    "T1 an order expired that was not tried since its deadline": lambda one: "cancelled untried" not in one.told,
    "C1 a client was told what is not so": lambda one: (
        ("confirmed" not in one.told or one.order == order.CONFIRMED)
        and ("rejected" not in one.told or one.order == order.CANCELLED)
    ),
}


def waiting(facts: Facts) -> set[int]:
    """Return the positions of the orders whose reservations wait."""
    return {position for position, one in enumerate(facts.orders) if one.reservation == stock.WAITING}


STOCK_INVARIANTS: Mapping[str, Callable[[Facts], bool]] = {
    "S2 units appear, vanish or go below zero": lambda facts: (
        facts.available + facts.held + facts.sold == facts.units + (facts.replenishment == stock.REPLENISHED)
        and min(facts.available, facts.held, facts.sold) >= 0
    ),
    "S3 the SKU's counts are not the sums of its reservations": lambda facts: (
        facts.held == sum(one.got for one in facts.orders if one.reservation == stock.HELD)
        and facts.sold == sum(one.got for one in facts.orders if one.reservation == stock.COMMITTED)
        and {place for place, _ in facts.queue if place >= 0} == waiting(facts)
    ),
    "F1 somebody gets what an earlier one waits for": lambda facts: not facts.overtaken,
}

TWO_ENDINGS = tuple(
    frozenset(pair)
    for pair in (
        ("PAY.authorize", "PAY.decline"),
        ("PAY.capture", "PAY.refuse_capture"),
        ("PAY.decline", "PAY.void"),
        ("PAY.capture", "PAY.void"),
        ("RES.reserve", "RES.reject"),
        ("RES.reserve", "RES.tombstone"),
        ("RES.reserve", "RES.wait"),
        ("RES.reject", "RES.wait"),
        ("RES.tombstone", "RES.wait"),
        ("RES.allocate", "RES.withdraw"),
        ("RES.commit", "RES.release"),
        ("ORDER.revoke", "ORDER.mark_dispatched"),
        ("ORDER.revoke", "ORDER.mark_delivered"),
        ("SHIP.cancel", "SHIP.book"),
        ("SHIP.cancel", "SHIP.fail"),
        ("SHIP.dispatch", "SHIP.fail"),
        ("SHIP.deliver", "SHIP.fail"),
        ("NOTE.send", "NOTE.fail"),
    )
)
"""Pairs of transitions that no row's history holds together."""


def first_broken(invariants: Mapping[str, Mapping[str, Callable[[F], bool]]], watches: Iterable[str], facts: F) -> str | None:
    """Return the first watched invariant that does not hold of these facts, or None."""
    checks = (invariants.get(kind, {}) for kind in watches)
    return next((name for kind in checks for name, holds in kind.items() if not holds(facts)), None)


@cache
def ends_once(taken: frozenset[str]) -> bool:
    """D1 carried over to every row."""
    return not any(pair <= taken for pair in TWO_ENDINGS)


@cache
def moves_once(taken: frozenset[str]) -> bool:
    """D2 made stricter: a row that takes a transition twice publishes the same event under two versions."""
    return not any(step.endswith("!") for step in taken)


def truthful(facts: OrderFacts) -> bool:
    """X1: what the payment's row says of the gateway is so."""
    gateway = facts.gateway
    return {
        payment.AUTHORIZED: gateway.authorize == "AUTHORIZED",
        payment.DECLINED: gateway.authorize == "DECLINED",
        payment.CAPTURED: gateway.capture == "CAPTURED",
        payment.CAPTURE_REFUSED: gateway.capture == "CAPTURE_REFUSED",
        payment.VOIDED: gateway.void == "VOIDED",
    }.get(facts.payment, True)


OWN_INVARIANTS: Mapping[str, Check] = {
    "O1* an order that nobody placed": lambda one: one.order == ABSENT or "ORDER.create" in one.taken,
    "M4* CANCELLED with a payment neither VOIDED nor DECLINED": lambda one: (
        one.order != order.CANCELLED or one.payment in (payment.VOIDED, payment.DECLINED)
    ),
    "D1* a row's history has two endings": lambda one: ends_once(one.taken),
    "D2* a row takes a transition twice": lambda one: moves_once(one.taken),
    "F2 an order waits, or gets a part, that was not to": lambda one: (
        ("RES.wait" not in one.taken or one.if_short == BACK_ORDER)
        and (one.got in (0, one.wants) or one.if_short == ALLOW_PARTIAL)
    ),
    "X1 the payment's row says what the gateway did not do": truthful,
}


def waits(one: OrderFacts) -> bool:
    """Whether the order is at rest until goods arrive, or its time is up."""
    return (one.order, one.payment, one.reservation) == (order.BACKORDERED, payment.AUTHORIZED, stock.WAITING)


def unfinished(one: OrderFacts) -> str | None:
    """Return the violation of V1 or M5 by an order at rest, or None."""
    if one.order == ABSENT:
        trace = one.payment != ABSENT or one.reservation != ABSENT or one.gateway.holds
        return "V1 stuck: money or stock is held for an order that no row tells of" if trace else None
    if waits(one):
        return None
    if one.order not in order.TRANSITIONS.terminal:
        return f"V1 stuck: the order stays {one.order} for ever"
    if one.gateway.captures != (one.order == order.CONFIRMED):
        return "M5 captured is not the sum of the confirmed orders"
    return None
