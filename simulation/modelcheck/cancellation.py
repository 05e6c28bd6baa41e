"""The model of cancellation: a CONFIRMED order that may be cancelled, from its confirmation to its end.

The customer, shipping with its carrier, the order, payment with the gateway's refunds, the stock; and the commands that a
zombie of the saga may still send to the three rows. It has no actors: events that the bus accepted are delivered at any later
instant, any number of times, in any order. A call that was sent to the gateway is carried out at any later instant, or
never. One event may be lost by all its consumers: then the order publishes it again, and a
consumer that had acted on it responds again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from kernel.transitions import ABSENT
from services.inventory.domain import states as stock
from services.order.domain import states as order
from services.payment.domain import states as payment
from services.shipping.domain import states as shipping
from simulation.modelcheck import parcel
from simulation.modelcheck.facts import FIELDS, NONE, Words
from simulation.modelcheck.invariants import EVERYTHING, OWN, REST, SAFETY, ends_once, first_broken, moves_once
from simulation.modelcheck.rules import PRODUCTION, STEPS, Rules
from simulation.modelcheck.violation import Check, Violation

FOLLOWED = frozenset(
    {
        "OrderConfirmed",
        "OrderCancelRequested",
        "OrderCancelled",
        "ShipmentDispatched",
        "ShipmentDelivered",
        "ShipmentCancelled",
        "ShipmentFailed",
        "PaymentRefunded",
        "StockReleased",
    }
)
MAY_BE_LOST = FOLLOWED - {"OrderConfirmed", "ShipmentFailed"}
"""The events that an order waits for, and asks for again.

A lost OrderConfirmed or ShipmentFailed is the operator's to replay, and so is a mark that an order does not wait for.
"""
ASKS = {order.CANCEL_REQUESTED: "OrderCancelRequested", order.REFUNDING: "OrderCancelled"}
"""The event by which an order in this status asks other services."""
ANSWERS = (
    ("OrderCancelled", "payment", payment.REFUNDED, "PaymentRefunded"),
    ("OrderCancelled", "reservation", stock.RESTOCKED, "StockReleased"),
    ("OrderCancelRequested", "shipment", shipping.CANCELLED, "ShipmentCancelled"),
    ("OrderCancelRequested", "shipment", shipping.DISPATCHED, "ShipmentDispatched"),
    ("OrderCancelRequested", "shipment", shipping.DELIVERED, "ShipmentDelivered"),
)
"""The answers: the row, its status, and the event."""
OUTSIDE = "OUTSIDE"
RECORDS = (
    ("refund", payment.REFUNDED),
    ("refuse_refund", payment.REFUND_REFUSED),
    ("settle_refund", OUTSIDE),
)
"""The status that the row gets from the ledger's answer to an attempt."""
ATTEMPTS = 2
"""The operator has a refused refund tried once more."""
ZOMBIES = frozenset(
    {
        "ORDER.decide_to_confirm",
        "ORDER.decide_to_cancel",
        "ORDER.confirm",
        "PAY.intend_authorize",
        "PAY.authorize",
        "PAY.intend_capture",
        "PAY.capture",
        "RES.reserve",
        "RES.commit",
    }
)
"""The requests that a live saga of a confirmed order made on its evidence, and that a zombie may repeat."""
OWN_STEPS = frozenset(
    {
        "ORDER.request_cancel",
        "ORDER.revoke",
        "ORDER.take_back",
        "ORDER.close",
        "ORDER.mark_dispatched",
        "ORDER.mark_delivered",
        "PAY.intend_refund",
        "PAY.refund",
        "PAY.refuse_refund",
        "PAY.retry_refund",
        "PAY.intend_settlement",
        "PAY.settle_refund",
        "RES.restock",
    }
)
REPEATED = frozenset({"PAY.refuse_refund!"})
"""The transitions that a row's history may have twice."""


class Return(NamedTuple):
    """The durable facts and messages about one order after its confirmation.

    `mark` is how far its fulfilment is. `attempt` counts the refund's attempts in the row, `calls` holds those on their way to
    the gateway, `answers` its answer to each, `refunds` how often the money went back. `back` holds the returns that the order
    recorded. `settling`: an operator says that the customer was paid outside. `lost` is the event that no consumer will ever
    have, unless it is published again.
    """

    order: str = order.CONFIRMED
    mark: int = 0
    back: Words = NONE
    shipment: str = ABSENT
    carrier: str = ""
    contact: bool = True
    payment: str = payment.CAPTURED
    attempt: int = 0
    calls: frozenset[int] = frozenset()
    answers: tuple[str, ...] = ("",) * ATTEMPTS
    refunds: int = 0
    settling: bool = False
    reservation: str = stock.COMMITTED
    outbox: Words = frozenset({"OrderConfirmed"})
    bus: Words = NONE
    lost: str = ""
    taken: Words = NONE


Moves = Iterator[tuple[str, Return]]


@dataclass
class Cancellation:
    """A model without actors."""

    name: str
    rules: Rules = PRODUCTION
    watches: tuple[str, ...] = EVERYTHING
    rested: dict[Return, Violation | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wrong = cache(self._wrong)  # type: ignore[method-assign]

    def starts(self) -> Iterable[tuple[Return, tuple[None, ...]]]:
        """Return the start: the order was just confirmed."""
        yield Return(), ()

    def actor_moves(self, facts: Return, actor: None) -> Iterator[tuple[str, Return, None]]:
        """There are none."""
        yield from ()

    def moves(self, facts: Return) -> Moves:
        """Everything that may happen."""
        yield from self._work(facts)
        yield from parcel.carry(facts)
        yield from self._mishaps(facts)
        yield from self._zombies(facts)

    def broken(self, facts: Return) -> Violation | None:
        """Return the first broken invariant, or the work left undone when everything works again."""
        return self._wrong(facts) or (self._impossible(facts) or self._undone(facts) if REST in self.watches else None)

    def _impossible(self, facts: Return) -> Violation | None:
        """Return the violation if a parcel that is here cannot be kept, or a refund cannot be retried or settled."""
        possible = {label for label, _ in self._mishaps(facts)}
        here = facts.mark == 0 and facts.shipment in (ABSENT, shipping.CREATED)
        if facts.order == order.CONFIRMED and here and "client: asks to cancel" not in possible:
            return Violation("every_order_ends", "stuck: a confirmed order cannot be cancelled")
        refused = facts.payment == payment.REFUND_REFUSED and facts.attempt < ATTEMPTS
        if refused and "operator: has the refund tried again" not in possible:
            return Violation("every_order_ends", "stuck: a refused refund cannot be tried again")
        unsettled = (facts.payment == payment.REFUNDING or refused) and not facts.settling
        if unsettled and "operator: pays the customer in another way" not in possible:
            return Violation("every_order_ends", "stuck: a refund cannot be settled when the customer was paid outside")
        return None

    def _wrong(self, facts: Return) -> Violation | None:
        return first_broken(INVARIANTS, self.watches, facts)

    def _work(self, facts: Return) -> Moves:
        """Yield the moves that the services make by themselves."""
        for event in sorted(facts.outbox):
            yield f"relay: puts {event}", facts._replace(outbox=facts.outbox - {event}, bus=facts.bus | {event})
        yield from parcel.ship(self.rules, facts, FOLLOWED, cancel="OrderCancelRequested" in facts.bus)
        yield from parcel.mark(self.rules, facts, FOLLOWED)
        yield from self._order(facts)
        yield from self._refund(facts)
        if self.rules.permits("RES.restock", facts.reservation, asked="OrderCancelled" in facts.bus):
            yield "inventory: restock", _taken(facts, "RES.restock")
        yield from self._again(facts)

    def _again(self, facts: Return) -> Moves:
        """Yield republished events: the order's requests, and the answers of the services that acted on them."""
        if not facts.lost:
            return
        asked = ASKS.get(facts.order, "")
        if asked == facts.lost and asked not in facts.outbox | facts.bus and self.rules.has("asking again"):
            yield f"order: asks again by {asked}", facts._replace(outbox=facts.outbox | {asked})
        for ask, row, status, said in ANSWERS:
            repeated = ask == asked and ask in facts.bus and self.rules.has("asking again")
            unanswered = said == facts.lost and said not in facts.outbox | facts.bus
            if repeated and unanswered and getattr(facts, row) == status and self.rules.has("answering again"):
                yield f"{row}: answers again by {said}", facts._replace(outbox=facts.outbox | {said})

    def _order(self, facts: Return) -> Moves:
        requested = facts.order == order.CANCEL_REQUESTED
        stays = "ShipmentFailed" in facts.bus or (requested and "ShipmentCancelled" in facts.bus)
        if self.rules.permits("ORDER.revoke", facts.order, asked=True, evidence=stays):
            yield "order: revoke", _taken(facts, "ORDER.revoke")
        for event in ("PaymentRefunded", "StockReleased"):
            fresh, other = event in facts.bus and event not in facts.back, bool(facts.back - {event})
            for name, evidence in (("take_back", fresh and not other), ("close", fresh and other)):
                if self.rules.permits(f"ORDER.{name}", facts.order, asked=True, evidence=evidence):
                    yield f"order: {name} on {event}", _taken(facts, f"ORDER.{name}", back=facts.back | {event})

    def _refund(self, facts: Return) -> Moves:
        if self.rules.permits("PAY.intend_refund", facts.payment, asked="OrderCancelled" in facts.bus):
            yield "payment: intend_refund", _taken(facts, "PAY.intend_refund", attempt=1)
        if facts.payment == payment.REFUNDING and facts.attempt not in facts.calls and not facts.settling:
            yield f"payment: asks for refund {facts.attempt}", facts._replace(calls=facts.calls | {facts.attempt})
        for attempt in sorted(facts.calls):
            for answer, after in self._gateway(facts, attempt):
                yield f"gateway: refund {attempt} → {answer}", after
        for attempt in sorted(facts.calls | ({facts.attempt} if facts.settling else frozenset())):
            for name, outcome in RECORDS:
                in_hand = facts.answers[attempt - 1] == outcome
                current = facts.attempt == attempt or not self.rules.has("answers of this attempt only")
                if self.rules.permits(f"PAY.{name}", facts.payment, asked=True, evidence=in_hand and current):
                    yield f"payment: {name} {attempt} recorded", _taken(facts, f"PAY.{name}")
        if facts.settling and facts.payment == payment.REFUNDING and not facts.answers[facts.attempt - 1]:
            answers = (*facts.answers[: facts.attempt - 1], OUTSIDE, *facts.answers[facts.attempt :])
            yield f"ledger: refund {facts.attempt} was paid outside", facts._replace(answers=answers, refunds=facts.refunds + 1)

    def _gateway(self, facts: Return, attempt: int) -> Moves:
        known = facts.answers[attempt - 1] and self.rules.has("gateway key")
        allowed = attempt == 1 or facts.answers[attempt - 2] == payment.REFUND_REFUSED
        if known or not allowed or facts.refunds >= 2:
            return
        for answer, gone in ((payment.REFUNDED, 1), (payment.REFUND_REFUSED, 0)):
            answers = (*facts.answers[: attempt - 1], answer, *facts.answers[attempt:])
            yield answer, facts._replace(answers=answers, refunds=facts.refunds + gone)

    def _mishaps(self, facts: Return) -> Moves:
        """Yield the moves that customers, the carrier and the operator may make."""
        if self.rules.permits("ORDER.request_cancel", facts.order, asked=True, evidence=facts.mark == 0):
            yield "client: asks to cancel", _taken(facts, "ORDER.request_cancel")
        yield from parcel.mishaps(facts)
        for event in sorted(facts.bus & MAY_BE_LOST) if not facts.lost else ():
            yield f"every queue: loses {event}", facts._replace(bus=facts.bus - {event}, lost=event)
        asked = facts.attempt < ATTEMPTS
        if self.rules.permits("PAY.retry_refund", facts.payment, asked=asked):
            yield "operator: has the refund tried again", _taken(facts, "PAY.retry_refund", attempt=facts.attempt + 1)
        refused = facts.payment == payment.REFUND_REFUSED
        if self.rules.permits("PAY.intend_settlement", facts.payment, asked=not facts.settling and (asked or not refused)):
            paid = _taken(facts, "PAY.intend_settlement", attempt=facts.attempt + refused)
            yield "operator: pays the customer in another way", paid._replace(settling=True)

    def _zombies(self, facts: Return) -> Moves:
        for step in sorted(STEPS):
            aggregate = step.partition(".")[0]
            if aggregate not in ("ORDER", "PAY", "RES") or step in OWN_STEPS:
                continue
            asked = step in ZOMBIES
            if self.rules.permits(step, getattr(facts, FIELDS[aggregate]), asked=asked, evidence=asked):
                yield f"a zombie of the saga: {step}", _taken(facts, step)

    def _undone(self, facts: Return) -> Violation | None:
        """Return the violation at rest, or None."""
        return parcel.rest(facts, self.rested, self._wrong, self._work, waits_for_nothing, left_undone)


def _taken(facts: Return, name: str, **row: object) -> Return:
    return parcel.moved(facts, name, FOLLOWED, **row)


def _truthful(facts: Return) -> bool:
    money = {payment.CAPTURED: facts.refunds == 0, payment.REFUNDED: facts.refunds == 1}
    refused = facts.answers[max(facts.attempt, 1) - 1] == payment.REFUND_REFUSED
    return parcel.truthful(facts) and money.get(facts.payment, True) and (facts.payment != payment.REFUND_REFUSED or refused)


KEPT = (order.CONFIRMED, order.CANCEL_REQUESTED)
STAYS = (shipping.CANCELLED, shipping.FAILED)

INVARIANTS: Mapping[str, Sequence[Check[Return]]] = {
    SAFETY: (
        Check(
            "confirmed_order_is_paid_and_committed",
            "a paid order without its money or its stock",
            lambda facts: (
                facts.order not in KEPT
                or (facts.payment, facts.reservation, facts.refunds) == (payment.CAPTURED, stock.COMMITTED, 0)
            ),
        ),
        Check(
            "cancelled_order_keeps_no_money",
            "CANCELLED with money still captured",
            lambda facts: facts.order != order.CANCELLED or facts.refunds == 1,
        ),
        Check("refund_once_and_keep_the_parcel", "money goes back twice", lambda facts: facts.refunds <= 1),
        Check(
            "refund_once_and_keep_the_parcel",
            "money goes back for an order that is not cancelled",
            lambda facts: not facts.refunds or facts.order in (order.REFUNDING, order.CANCELLED),
        ),
        Check(
            "cancelled_order_keeps_no_stock",
            "CANCELLED with its stock sold",
            lambda facts: facts.order != order.CANCELLED or facts.reservation == stock.RESTOCKED,
        ),
        Check("one_shipment_per_order", "an order has two shipments", lambda facts: "SHIP.create!" not in facts.taken),
        Check(
            "only_confirmed_orders_ship",
            "the parcel of a cancelled order goes",
            lambda facts: facts.order in KEPT or facts.shipment in STAYS,
        ),
        Check(
            "only_confirmed_orders_ship",
            "a parcel that the carrier has is not ours to keep",
            lambda facts: facts.shipment != shipping.CANCELLED or not parcel.has_it(facts),
        ),
        Check(
            "replay_restores_lost_work",
            "the fulfilment goes back",
            lambda facts: "ORDER.mark_delivered" not in facts.taken or facts.mark == 2,
        ),
    ),
    OWN: (
        Check(
            "cancelled_order_keeps_no_money",
            "CANCELLED with a payment that is not REFUNDED",
            lambda facts: facts.order != order.CANCELLED or facts.payment == payment.REFUNDED,
            stricter=True,
        ),
        Check("order_takes_one_way", "a row's history has two endings", lambda facts: ends_once(facts.taken), stricter=True),
        Check(
            "one_version_and_one_event_per_transition",
            "a row takes a transition twice",
            lambda facts: moves_once(facts.taken - REPEATED),
            stricter=True,
        ),
        Check("rows_agree_with_outside_systems", "a row says what the outside system did not do", _truthful),
        Check(
            "confirmation_is_not_undone",
            "a row is not after its confirmation",
            lambda facts: facts.order not in order.DECIDED_BY_SAGA,
        ),
    ),
}


def waits_for_nothing(facts: Return) -> Violation | None:
    """Return the fault when only the carrier has anything left to do, or None."""
    if (facts.order, facts.shipment) == (order.CANCEL_REQUESTED, shipping.DISPATCHED):
        return Violation("every_order_ends", "stuck: the order waits until the carrier delivers its dispatched shipment")
    return None


def left_undone(facts: Return) -> Violation | None:
    """Return the fault when nothing is left to do, or None."""
    if unpublished := parcel.unpublished(facts, FOLLOWED, also=frozenset({facts.lost})):
        return unpublished
    unmarked = facts.lost in ("ShipmentDispatched", "ShipmentDelivered") and facts.shipment == shipping.DELIVERED
    if facts.order == order.CONFIRMED and (facts.shipment, facts.mark) != (shipping.DELIVERED, 2) and not unmarked:
        return Violation("confirmed_order_has_a_shipment", f"CONFIRMED, and its shipment stays {facts.shipment}")
    refused = facts.order == order.REFUNDING and facts.payment == payment.REFUND_REFUSED
    if facts.order not in order.TRANSITIONS.terminal and not refused:
        return Violation("every_order_ends", f"stuck: the order stays {facts.order} for ever")
    if facts.refunds != (facts.order == order.CANCELLED):
        return Violation(
            "net_captured_equals_confirmed_totals", "captured less refunded is not the sum of the confirmed orders"
        )
    return None
