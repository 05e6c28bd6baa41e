"""The lifecycle of rows: each takes the transitions of its service's table, one version and one event at a time."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from simulation.engine.dynamodb import Change
from simulation.stage import deployment
from simulation.stage.invariants.outbox import Outbox
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import fulfilment_of, number_of, status_of

if TYPE_CHECKING:
    from kernel.transitions import TransitionTable

Steps = Mapping[tuple[str, str], frozenset[str | None]]
"""By (from, to), the events that the step may publish; None if it may publish none."""
ONE_EVENT = "one_version_and_one_event_per_transition"


class Lifecycle:
    """The transitions that the rows of one world take."""

    def __init__(self, record: Record, outbox: Outbox) -> None:
        self.record = record
        self.outbox = outbox
        self.steps: Mapping[str, Steps] = _steps()
        """By aggregate, the prefix of its rows' keys."""

    def written(self, aggregate: str, change: Change) -> None:
        """Check and record a write of an aggregate's row."""
        before, after = status_of(change.old), status_of(change.new)
        if change.new is None:
            self.record.fail(ONE_EVENT, f"{change.key} was deleted")
        old_version = 0 if change.old is None else number_of(change.old, "version")
        new_version = number_of(change.new, "version")
        if new_version == old_version:
            if before != after:
                self.record.fail(ONE_EVENT, f"{change.key} went {before} → {after} without a new version ({old_version})")
            return
        if new_version != old_version + 1:
            self.record.fail(ONE_EVENT, f"{change.key} went from version {old_version} to {new_version}")
        allowed = self.steps[aggregate].get((before, after))
        if allowed is None:
            self.record.fail("order_takes_one_way", f"{change.key} went {before} → {after}, which no transition allows")
        added = self.outbox.added_events(change)
        types = [json.loads(text)["detail-type"] for text in added]
        if len(types) > 1 or (types[0] if types else None) not in allowed:
            expected = sorted(str(name) for name in allowed)
            self.record.fail(
                ONE_EVENT, f"{change.key} went {before} → {after} with the events {types}, instead of one of {expected}"
            )
        self.outbox.publish(change.key, new_version, added)
        if aggregate == "ORDER":
            self.record.histories[change.key.partition("#")[2]].append(f"{before}→{after}")

    def fulfilment_never_goes_back(self, order_id: str, change: Change) -> None:
        """Check that an order does not lose the progress of its parcel."""
        if change.old is not None and change.new is not None and fulfilment_of(change.new) < fulfilment_of(change.old):
            self.record.fail("confirmed_order_has_a_shipment", f"the fulfilment of {order_id} went backwards")

    def order_takes_one_way(self, order_id: str) -> None:
        """Check that an order waits once at most, and is never both confirmed and decided to be cancelled."""
        steps = self.record.histories.get(order_id, [])
        if steps.count("PENDING→BACKORDERED") > 1:
            self.record.fail(ONE_EVENT, f"{order_id} waited twice: {steps}")
        if "CONFIRMING→CONFIRMED" in steps and {"PENDING→CANCELLING", "BACKORDERED→CANCELLING"} & {*steps}:
            self.record.fail("order_takes_one_way", f"{order_id} took both ways: {steps}")


def _steps() -> Mapping[str, Steps]:
    found: dict[str, Steps] = {}
    for table in _tables():
        steps: dict[tuple[str, str], set[str | None]] = defaultdict(set)
        for transition in table.transitions:
            for source in transition.sources:
                steps[source, transition.target].add(transition.publishes)
        found[table.aggregate] = {pair: frozenset(types) for pair, types in steps.items()}
    return found


def _tables() -> "Iterator[TransitionTable]":
    for service in deployment.SWEEPERS:
        module = import_module(f"services.{service}.domain.states")
        for name in ("TRANSITIONS", "REPLENISHMENTS", "LEVELS"):
            if hasattr(module, name):
                yield getattr(module, name)
