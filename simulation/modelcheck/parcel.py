"""The moves of a parcel in the models without actors: its shipment's row, the carrier, the marks on its order, its rest.

In them the bus delivers what it accepted at any later instant, any number of times, so a consumer acts whenever
the event is on the bus and the row permits it.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from services.shipping.domain import states as shipping
from simulation.modelcheck.facts import FIELDS, entered
from simulation.modelcheck.rules import STEPS, Rules
from simulation.modelcheck.violation import Violation

Facts = TypeVar("Facts", bound=Any)
"""A NamedTuple with at least `order`, `mark` (how far its fulfilment is: 0, 1, 2), `shipment`, `carrier`, `contact`, `outbox`,
`bus` and `taken`."""
Moves = Iterator[tuple[str, Facts]]


def moved(facts: Facts, name: str, followed: Collection[str], **row: object) -> Facts:
    """Move the row of the transition `name` to its target, with its event in the outbox if it is followed."""
    step = STEPS[name]
    published = {step.publishes} & set(followed)
    row[FIELDS[name.partition(".")[0]]] = step.target
    after: Facts = facts._replace(taken=entered(facts.taken, name), outbox=facts.outbox | published, **row)
    return after


def ship(rules: Rules, facts: Facts, followed: Collection[str], **evidence: bool) -> Moves[Facts]:
    """Yield the moves of shipping. `evidence` holds the transitions that only some models have."""
    holds = {
        "create": "OrderConfirmed" in facts.bus,
        "book": facts.contact,
        "dispatch": has_it(facts),
        "deliver": facts.carrier == "DELIVERED",
        "fail": facts.carrier == "REFUSED" or (not facts.contact and facts.carrier != "DELIVERED"),
        **evidence,
    }
    for name, in_hand in holds.items():
        if rules.permits(f"SHIP.{name}", facts.shipment, asked=True, evidence=in_hand):
            after = moved(facts, f"SHIP.{name}", followed)
            keeps_it_here = name == "fail" and not facts.contact and facts.shipment == shipping.BOOKING
            yield f"shipping: {name}", after._replace(carrier="REFUSED") if keeps_it_here else after


def carry(facts: Facts) -> Moves[Facts]:
    """Yield the moves of the carrier once it is called."""
    if facts.shipment == shipping.BOOKING and not facts.carrier and facts.contact:
        yield "carrier: takes the parcel", facts._replace(carrier="TAKEN")
    if facts.carrier == "TAKEN" and facts.shipment == shipping.DISPATCHED:
        yield "carrier: delivers the parcel", facts._replace(carrier="DELIVERED")


def mishaps(facts: Facts) -> Moves[Facts]:
    """Yield the moves that may interfere."""
    if facts.contact:
        yield "client: is forgotten", facts._replace(contact=False)
    if facts.shipment in (shipping.CREATED, shipping.BOOKING) and not facts.carrier:
        yield "carrier: refuses the parcel", facts._replace(carrier="REFUSED")


def mark(rules: Rules, facts: Facts, followed: Collection[str]) -> Moves[Facts]:
    """Yield the order's reactions to its parcel."""
    for event, name, reached in (("ShipmentDispatched", "mark_dispatched", 1), ("ShipmentDelivered", "mark_delivered", 2)):
        if rules.permits(f"ORDER.{name}", facts.order, asked=event in facts.bus, evidence=facts.mark < reached):
            yield f"order: {name}", moved(facts, f"ORDER.{name}", followed, mark=reached)


def has_it(facts: Facts) -> bool:
    """Whether the parcel is, or was, in the carrier's hands."""
    return facts.carrier in ("TAKEN", "DELIVERED")


def truthful(facts: Facts) -> bool:
    """Return True if the shipment's row agrees with the carrier."""
    if facts.shipment == shipping.DISPATCHED:
        return has_it(facts)
    return facts.shipment != shipping.DELIVERED or bool(facts.carrier == "DELIVERED")


def unpublished(facts: Facts, followed: Collection[str], also: frozenset[str] = frozenset()) -> Violation | None:
    """Return the violation if a followed event has not reached the bus at rest. `also` are those that were lost."""
    published = {STEPS[name].publishes for name in facts.taken if name in STEPS} & set(followed)
    return (
        Violation("every_event_is_published_and_processed", "an event never reaches the bus")
        if facts.outbox or not published <= facts.bus | also
        else None
    )


def rest(
    facts: Facts,
    rested: dict[Facts, Violation | None],
    wrong: Callable[[Facts], Violation | None],
    work: Callable[[Facts], Moves[Facts]],
    before_the_carrier: Callable[[Facts], Violation | None],
    at_the_end: Callable[[Facts], Violation | None],
) -> Violation | None:
    """Return the fault after everything has worked again until nothing is left: first all but the carrier, then it.

    `rested` caches the result for each facts on the way.
    """
    way = [facts]
    while way[-1] not in rested:
        here = way[-1]
        broken = wrong(here)
        if broken and here != facts:
            broken = broken.once("everything has worked again")
        after = None if broken else next((there for _, there in work(here) if there != here), None)
        if not broken and not after:
            broken = before_the_carrier(here)
            after = None if broken else next((there for _, there in carry(here)), None)
        if after is None or after in way:
            rested[here] = broken or at_the_end(here)
        else:
            way.append(after)
    verdict = rested[way[-1]]
    rested.update(dict.fromkeys(way, verdict))
    return verdict
