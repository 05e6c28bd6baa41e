"""The model of fulfilment: a CONFIRMED or CANCELLED order with its event pending in its row.

The relay, the bus, shipping with its carrier, the marks on the order, notification with its mailer. It has no actors: every
consumer begins with a delivery. The bus delivers an accepted event at any instant, any number of times, in any
order, as a replay does too. Cancellation has its own model.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import NamedTuple

from kernel.transitions import ABSENT
from services.notification.domain import states as note
from services.order.domain import states as order
from services.shipping.domain import states as shipping
from simulation.modelcheck import parcel
from simulation.modelcheck.facts import NONE, Words, entered
from simulation.modelcheck.invariants import EVERYTHING, OWN, REST, SAFETY, ends_once, first_broken, moves_once
from simulation.modelcheck.rules import PRODUCTION, STEPS, Rules
from simulation.modelcheck.violation import Check, Violation

MAILS = {"OrderConfirmed": 0, "OrderCancelled": 1, "ShipmentDispatched": 2}
"""The event that each kind of mail is about, with the place of its note."""
FOLLOWED = (*MAILS, "ShipmentDelivered")
REACHED = {shipping.DISPATCHED: 1, shipping.DELIVERED: 2}


class Note(NamedTuple):
    """One note, its mails, and the claimer: sending, or with SES's answer in hand."""

    status: str = ABSENT
    sending: int = 0
    answer: str = ""
    mails: int = 0
    taken: Words = NONE


class Parcel(NamedTuple):
    """The durable facts and messages about one order after its decision. `mark` is how far its fulfilment is: 0, 1, 2."""

    order: str
    mark: int = 0
    shipment: str = ABSENT
    carrier: str = ""
    contact: bool = True
    outbox: Words = NONE
    bus: Words = NONE
    taken: Words = NONE
    notes: tuple[Note, ...] = (Note(),) * len(MAILS)

    def noted(self, place: int, changed: Note) -> "Parcel":
        """Return the same parcel with one note changed."""
        return self._replace(notes=(*self.notes[:place], changed, *self.notes[place + 1 :]))


Moves = Iterator[tuple[str, Parcel]]


@dataclass
class Fulfilment:
    """A model without actors. `kinds` are the events with mails that this model follows."""

    name: str
    kinds: tuple[str, ...] = tuple(MAILS)
    rules: Rules = PRODUCTION
    watches: tuple[str, ...] = EVERYTHING
    rested: dict[Parcel, Violation | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wrong = cache(self._wrong)  # type: ignore[method-assign]

    def starts(self) -> Iterable[tuple[Parcel, tuple[None, ...]]]:
        """Return the start: the final status was just written."""
        for status, event in ((order.CONFIRMED, "OrderConfirmed"), (order.CANCELLED, "OrderCancelled")):
            yield Parcel(status, outbox=frozenset({event})), ()

    def actor_moves(self, facts: Parcel, actor: None) -> Iterator[tuple[str, Parcel, None]]:
        """There are none."""
        yield from ()

    def moves(self, facts: Parcel) -> Moves:
        """Everything that may happen."""
        yield from self._work(facts)
        yield from parcel.carry(facts)
        yield from self._mishaps(facts)

    def broken(self, facts: Parcel) -> Violation | None:
        """Return the first broken invariant, or the work left undone when everything works again."""
        return self._wrong(facts) or (self._undone(facts) if REST in self.watches else None)

    def _wrong(self, facts: Parcel) -> Violation | None:
        return first_broken(INVARIANTS, self.watches, facts)

    def _work(self, facts: Parcel) -> Moves:
        yield from self._relay(facts)
        yield from parcel.ship(self.rules, facts, FOLLOWED)
        yield from parcel.mark(self.rules, facts, FOLLOWED)
        for event in self.kinds:
            if event in facts.bus:
                for label, changed in self._notify(facts, facts.notes[MAILS[event]]):
                    yield f"notification, {event}: {label}", facts.noted(MAILS[event], changed)

    def _mishaps(self, facts: Parcel) -> Moves:
        yield from parcel.mishaps(facts)
        for event in self.kinds:
            one, place = facts.notes[MAILS[event]], MAILS[event]
            if one.sending:
                refused = one._replace(sending=one.sending - 1, answer="refused")
                yield f"SES: refuses the mail on {event}", facts.noted(place, refused)
            if one.status == note.CLAIMED and self.rules.permits("NOTE.fail", one.status, asked=True):
                yield f"notification, {event}: takes the claim for dead", facts.noted(place, _noted(one, "NOTE.fail"))
            if event in facts.bus and not facts.contact:
                for _, claimed in self._claim(one):
                    yield f"notification, {event}: claims, with the contact it looked up before", facts.noted(place, claimed)
            if not self.rules.has("dedupe for as long as the archive") and one.status != ABSENT:
                yield f"time: the note on {event} expires", facts.noted(place, one._replace(status=ABSENT))

    def _relay(self, facts: Parcel) -> Moves:
        for event in FOLLOWED:
            if event in facts.outbox and event not in facts.bus:
                yield f"relay: puts {event}", facts._replace(bus=facts.bus | {event})
            if event in facts.outbox and event in facts.bus:
                yield f"relay: clears {event}", facts._replace(outbox=facts.outbox - {event})

    def _notify(self, facts: Parcel, one: Note) -> Iterator[tuple[str, Note]]:
        permits = self.rules.permits
        if facts.contact:
            yield from self._claim(one)
        if one.sending:
            yield "sends, and SES accepts", one._replace(sending=one.sending - 1, mails=one.mails + 1, answer="accepted")
        if permits("NOTE.send", one.status, asked=True, evidence=one.answer == "accepted"):
            yield "records the mail sent", _noted(one, "NOTE.send")
        if permits("NOTE.unclaim", one.status, asked=True, evidence=one.answer == "refused"):
            yield "gives the claim back", one._replace(status=STEPS["NOTE.unclaim"].target, answer=self._left(one))
        claimer_is_dead = not one.sending and not one.answer
        hopeless = claimer_is_dead if one.status == note.CLAIMED else not facts.contact
        if permits("NOTE.fail", one.status, asked=True, evidence=hopeless):
            yield "gives up on the mail", _noted(one, "NOTE.fail")

    def _claim(self, one: Note) -> Iterator[tuple[str, Note]]:
        permitted = self.rules.permits("NOTE.claim", one.status, asked=True) or not self.rules.has("inbox")
        if permitted and one.mails + one.sending < 2:
            yield "claims", one._replace(status=STEPS["NOTE.claim"].target, sending=one.sending + 1, answer=self._left(one))

    def _left(self, one: Note) -> str:
        """Release a claim only for its own attempt: an answer to an earlier one has no effect."""
        return "" if self.rules.has("own claim only") else one.answer

    def _undone(self, facts: Parcel) -> Violation | None:
        """Return the violation of an invariant at rest, whether the claimant of a note is alive or dead."""
        dead = facts._replace(notes=tuple(one._replace(sending=0, answer="") for one in facts.notes))
        return self._rest(facts) or self._rest(dead)

    def _rest(self, facts: Parcel) -> Violation | None:
        return parcel.rest(facts, self.rested, self._wrong, self._work, partial(left_undone, kinds=self.kinds), not_over)


def _noted(one: Note, name: str) -> Note:
    return one._replace(status=STEPS[name].target, taken=entered(one.taken, name))


def _histories(facts: Parcel) -> tuple[Words, ...]:
    return (facts.taken, *(one.taken for one in facts.notes))


def _truthful(facts: Parcel) -> bool:
    mails = {note.SENT: 1, note.UNSENT: 0}
    return parcel.truthful(facts) and all(one.mails == mails.get(one.status, one.mails) for one in facts.notes)


INVARIANTS: Mapping[str, Sequence[Check[Parcel]]] = {
    SAFETY: (
        Check("one_shipment_per_order", "an order has two shipments", lambda facts: "SHIP.create!" not in facts.taken),
        Check(
            "only_confirmed_orders_ship",
            "a shipment of an order that is not CONFIRMED",
            lambda facts: facts.shipment == ABSENT or facts.order == order.CONFIRMED,
        ),
        Check("one_mail_per_order_and_kind", "two mails of one kind", lambda facts: all(one.mails <= 1 for one in facts.notes)),
        Check(
            "replay_restores_lost_work",
            "the fulfilment goes back",
            lambda facts: "ORDER.mark_delivered" not in facts.taken or facts.mark == 2,
        ),
    ),
    OWN: (
        Check(
            "order_takes_one_way",
            "a row's history has two endings",
            lambda facts: all(map(ends_once, _histories(facts))),
            stricter=True,
        ),
        Check(
            "one_version_and_one_event_per_transition",
            "a row takes a transition twice",
            lambda facts: all(map(moves_once, _histories(facts))),
            stricter=True,
        ),
        Check("rows_agree_with_outside_systems", "a row says what the outside system did not do", _truthful),
    ),
}


def left_undone(facts: Parcel, kinds: tuple[str, ...]) -> Violation | None:
    """Return the fault when only the carrier has anything left to do, or None."""
    if facts.order == order.CONFIRMED and facts.shipment == ABSENT:
        return Violation("confirmed_order_has_a_shipment", "CONFIRMED without a shipment")
    if unpublished := parcel.unpublished(facts, FOLLOWED):
        return unpublished
    if any(event in facts.bus and facts.notes[MAILS[event]].status not in (note.SENT, note.FAILED) for event in kinds):
        return Violation("every_event_is_published_and_processed", "the note of an event is neither SENT nor FAILED")
    if facts.shipment == shipping.DELIVERED and "ShipmentDispatched" not in facts.bus:
        return Violation("replay_restores_lost_work", "DELIVERED, and no event says that it was dispatched")
    if facts.mark != REACHED.get(facts.shipment, 0):
        return Violation("replay_restores_lost_work", "the order's fulfilment is not its shipment's")
    return None


def not_over(facts: Parcel) -> Violation | None:
    """Return the fault when the carrier has nothing left to do either, or None."""
    waits = facts.shipment not in (ABSENT, shipping.DELIVERED, shipping.FAILED)
    return (
        Violation("every_event_is_published_and_processed", f"the shipment stays {facts.shipment} for ever") if waits else None
    )
