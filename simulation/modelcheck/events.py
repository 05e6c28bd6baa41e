"""The moves of an event: the relay puts it on the bus and clears it, the bus delivers it, shipping takes it in."""

from collections.abc import Iterator

from simulation.modelcheck.facts import OrderFacts, take
from simulation.modelcheck.rules import STEPS, Rules
from simulation.modelcheck.violation import Violation

Moves = Iterator[tuple[str, OrderFacts]]


def moves(rules: Rules, facts: OrderFacts) -> Moves:
    """Every next step of the order's events."""
    for event in rules.follows:
        if event in facts.outbox:
            yield f"relay: puts {event}", facts._replace(bus=facts.bus | {event})
            if event in facts.bus or not rules.has("failed entries kept"):
                yield f"relay: clears {event}", facts._replace(outbox=facts.outbox - {event})
        if f"put {event}" in facts.requests:
            yield f"the writer of the row puts {event}", facts._replace(bus=facts.bus | {event})
    if "OrderConfirmed" in rules.follows:
        yield from _deliver(rules, facts)


def _deliver(rules: Rules, facts: OrderFacts) -> Moves:
    if not rules.has("event after state") and "confirm" in facts.requests:
        yield "confirm: puts OrderConfirmed before it writes the row", facts._replace(bus=facts.bus | {"OrderConfirmed"})
    delivered = "OrderConfirmed" in facts.bus
    by_natural_key = rules.permits("SHIP.create", facts.shipment, asked=True, evidence=delivered)
    if by_natural_key or (delivered and not rules.has("inbox") and "SHIP.create!" not in facts.taken):
        yield "shipping: creates the shipment", take(rules, facts, "SHIP.create")


def lost(rules: Rules, facts: OrderFacts) -> Violation | None:
    """Return the violation if an event is neither in an outbox nor on the bus at rest."""
    published = {STEPS[name].publishes for name in facts.taken if name in STEPS} & rules.follows
    gone = published - facts.outbox - facts.bus
    return (
        Violation("every_event_is_published_and_processed", f"{', '.join(sorted(map(str, gone)))} never reaches the bus")
        if gone
        else None
    )
