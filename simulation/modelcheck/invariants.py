"""The protocol's invariants on orders and stock, and the states that break them in words.

SAFETY is checked on every state, REST once all other processes are dead and the sweeper has run alone. OWN are the model
checker's own: stricter forms of the protocol's invariants, marked by a star, and some that only it can check.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TypeVar

from kernel.transitions import ABSENT
from services.inventory.domain import states as stock
from services.inventory.domain.decisions import ALLOW_PARTIAL, BACK_ORDER
from services.order.domain import states as order
from services.payment.domain import states as payment
from simulation.modelcheck.facts import Facts, OrderFacts
from simulation.modelcheck.violation import Check, Violation

SAFETY, REST, OWN = "safety", "rest", "own"
EVERYTHING = (SAFETY, OWN, REST)
"""The kinds of invariant, in the order they are looked at."""

AnyFacts = TypeVar("AnyFacts")

ORDER_INVARIANTS: Sequence[Check[OrderFacts]] = (
    Check(
        "captured_money_has_a_live_order",
        "money is captured of an order that is not CONFIRMING or CONFIRMED",
        lambda one: one.gateway.captures == 0 or one.order in (order.CONFIRMING, order.CONFIRMED),
    ),
    Check(
        "capture_once_up_to_total",
        "money is captured twice, or more than the total",
        lambda one: one.gateway.captures <= 1 and one.gateway.taken <= one.agreed <= one.wants,
    ),
    Check(
        "confirmed_order_is_paid_and_committed",
        "CONFIRMED without its money captured and its stock committed",
        lambda one: (
            one.order != order.CONFIRMED
            or (
                (one.gateway.captures, one.payment, one.reservation) == (1, payment.CAPTURED, stock.COMMITTED)
                and one.gateway.taken == one.agreed == one.got
            )
        ),
    ),
    Check(
        "cancelled_order_keeps_no_money",
        "CANCELLED with money captured or held",
        lambda one: one.order != order.CANCELLED or one.gateway.captures == one.gateway.holds == 0,
    ),
    Check(
        "cancelled_order_keeps_no_stock",
        "CANCELLED with its stock not released",
        lambda one: one.order != order.CANCELLED or one.reservation in (stock.RELEASED, stock.RESTOCKED),
    ),
    Check(
        "order_takes_one_way",
        "the order was both confirmed and decided to be cancelled",
        lambda one: not {"ORDER.confirm", "ORDER.decide_to_cancel"} <= one.taken,
    ),
    Check("one_shipment_per_order", "an order has two shipments", lambda one: "SHIP.create!" not in one.taken),
    Check(
        "only_confirmed_orders_ship",
        "a shipment of an order that is not CONFIRMED",
        lambda one: one.shipment == ABSENT or one.order == order.CONFIRMED,
    ),
    Check(
        "one_order_per_idempotency_key",
        "a second order, or another order's answer, under one idempotency key",
        lambda one: not one.answers & {"second order", "misled"},
    ),
    Check(
        "unavailable_only_after_the_deadline",
        "an order expired that was not tried since its deadline",
        lambda one: "cancelled untried" not in one.answers,
    ),
    Check(
        "response_shows_a_true_order",
        "a client got an answer that is not true",
        lambda one: (
            ("confirmed" not in one.answers or one.order == order.CONFIRMED)
            and ("rejected" not in one.answers or one.order == order.CANCELLED)
        ),
    ),
)


def waiting(facts: Facts) -> set[int]:
    """Return the positions of the orders with a waiting reservation."""
    return {position for position, one in enumerate(facts.orders) if one.reservation == stock.WAITING}


STOCK_INVARIANTS: Sequence[Check[Facts]] = (
    Check(
        "stock_is_conserved",
        "units appear, vanish or go below zero",
        lambda facts: (
            facts.available + facts.held + facts.sold == facts.units + (facts.replenishment == stock.REPLENISHED)
            and min(facts.available, facts.held, facts.sold) >= 0
        ),
    ),
    Check(
        "stock_counters_match_reservations",
        "the SKU's counts are not the sums of its reservations",
        lambda facts: (
            facts.held == sum(one.got for one in facts.orders if one.reservation == stock.HELD)
            and facts.sold == sum(one.got for one in facts.orders if one.reservation == stock.COMMITTED)
            and {place for place, _ in facts.queue if place >= 0} == waiting(facts)
        ),
    ),
    Check("back_orders_are_served_in_order", "an order gets what an earlier one waits for", lambda facts: not facts.overtaken),
)

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


def first_broken(
    invariants: Mapping[str, Sequence[Check[AnyFacts]]], watches: Iterable[str], facts: AnyFacts
) -> Violation | None:
    """Return the violation of the first watched invariant that does not hold of these facts, or None."""
    checks = (check for kind in watches for check in invariants.get(kind, ()))
    return next((check.violation for check in checks if not check.holds(facts)), None)


@cache
def ends_once(taken: frozenset[str]) -> bool:
    """Return True if no row has two endings: order_takes_one_way, carried over to every row."""
    return not any(pair <= taken for pair in TWO_ENDINGS)


@cache
def moves_once(taken: frozenset[str]) -> bool:
    """Return True if no row takes a transition twice, which would publish the same event under two versions."""
    return not any(step.endswith("!") for step in taken)


def truthful(facts: OrderFacts) -> bool:
    """Return True if the payment's row agrees with the gateway."""
    gateway = facts.gateway
    return {
        payment.AUTHORIZED: gateway.authorize == "AUTHORIZED",
        payment.DECLINED: gateway.authorize == "DECLINED",
        payment.CAPTURED: gateway.capture == "CAPTURED",
        payment.CAPTURE_REFUSED: gateway.capture == "CAPTURE_REFUSED",
        payment.VOIDED: gateway.void == "VOIDED",
    }.get(facts.payment, True)


OWN_INVARIANTS: Sequence[Check[OrderFacts]] = (
    Check(
        "order_is_placed_first",
        "an order that no request placed",
        lambda one: one.order == ABSENT or "ORDER.create" in one.taken,
        stricter=True,
    ),
    Check(
        "cancelled_order_keeps_no_money",
        "CANCELLED with a payment neither VOIDED nor DECLINED",
        lambda one: one.order != order.CANCELLED or one.payment in (payment.VOIDED, payment.DECLINED),
        stricter=True,
    ),
    Check("order_takes_one_way", "a row's history has two endings", lambda one: ends_once(one.taken), stricter=True),
    Check(
        "one_version_and_one_event_per_transition",
        "a row takes a transition twice",
        lambda one: moves_once(one.taken),
        stricter=True,
    ),
    Check(
        "only_willing_orders_wait_or_take_a_part",
        "an order waits, or gets a part, that was not to",
        lambda one: (
            ("RES.wait" not in one.taken or one.if_short == BACK_ORDER)
            and (one.got in (0, one.wants) or one.if_short == ALLOW_PARTIAL)
        ),
    ),
    Check("rows_agree_with_outside_systems", "the payment's row says what the gateway did not do", truthful),
)


def waits(one: OrderFacts) -> bool:
    """Whether the order is at rest until goods arrive, or its time is up."""
    return (one.order, one.payment, one.reservation) == (order.BACKORDERED, payment.AUTHORIZED, stock.WAITING)


def unfinished(one: OrderFacts) -> Violation | None:
    """Return the violation by an order at rest: it has not ended, or its money is not that of its end."""
    if one.order == ABSENT:
        trace = one.payment != ABSENT or one.reservation != ABSENT or one.gateway.holds
        return Violation("every_order_ends", "stuck: money or stock is held for an order without a row") if trace else None
    if waits(one):
        return None
    if one.order not in order.TRANSITIONS.terminal:
        return Violation("every_order_ends", f"stuck: the order stays {one.order} for ever")
    if one.gateway.captures != (one.order == order.CONFIRMED):
        return Violation("net_captured_equals_confirmed_totals", "captured is not the sum of the confirmed orders")
    return None
