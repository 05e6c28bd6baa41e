"""The effects of a replay on each consumer: lose and spoil deliveries of CDNOW orders, replay, and compare every table.

Of each seed there are two worlds with the same customers. In the calm one every event comes once. In the other a random part of
some consumers' deliveries never comes and a part comes spoiled, and is set aside. Then:

1. a replay to those who act outside, without `catch-up`, writes nothing, mails nothing, and makes no call;
2. two at once, with `catch-up`, minute by minute, shuffled and doubled, make every table what it is in the calm world;
3. one more writes nothing, mails nothing, and makes no call.
"""

import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from operations.orders import cdnow
from simulation.engine.bus import Envelope, Rule
from simulation.engine.faults import Kind, Mode, Plan
from simulation.engine.process import SINK
from simulation.engine.randomness import Chance
from simulation.engine.scheduler import SECOND
from simulation.stage import customers, deployment, process
from simulation.stage.customers import OrderPlan
from simulation.stage.invariants.violation import Violated
from simulation.stage.runs import nothing_happens
from simulation.stage.world import World

SAMPLE: Final = Path(__file__).parents[2] / "data" / "cdnow" / "CDNOW_sample.txt"
CHANNEL: Final = "cdnow"
OF_A_RUN: Final = frozenset(
    {"created_at", "updated_at", "version", "timeline", "said", "claim", "claimed_at", "message_id", "recorded_at"}
)
"""Attributes about when, how and by which attempt a row was written, and not about its content."""
TOKENS: Final = (("pm_card_visa", 80.0), ("pm_card_declined", 12.0), ("pm_card_capture_refused", 8.0))
COUNTRIES: Final = (("US", 80.0), ("AQ", 20.0))
"""The carrier does not serve the second: its orders are cancelled after their confirmation, with money and goods returned."""

Tables = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Verdict:
    """The result of a seed: the losses, the rows that were missing or behind after them, and the final faults."""

    seed: str
    orders: int = 0
    dropped: int = 0
    spoiled: int = 0
    behind: int = 0
    problem: str | None = None


class Losses(Plan):
    """A part of some consumers' deliveries never comes; a part of the replay comes twice.

    The repeated request of a waiting order arrives; otherwise the order would ask for ever.
    """

    def __init__(self, chance: Chance, shares: Mapping[str, float]) -> None:
        super().__init__()
        self.chance = chance
        self.shares = shares
        self.over = False
        """Once true, live events come through."""
        self.now: Callable[[], int] = lambda: 0
        self._first: dict[str, int] = {}
        """By event and consumer, when its first delivery was due."""

    def _choose(self, boundary: str, kind: Kind, bits: int) -> Mode | None:
        if kind is Kind.REPLAYED_DELIVERY:
            return Mode.DOUBLED if bits % 4 == 0 else None
        if kind in (Kind.DELIVERY, Kind.RARE_DELIVERY) and not self.over:
            event, _, rule = boundary.partition(" (")
            first = self._first.setdefault(f"{event} {rule.rpartition(' → ')[2]}", self.now())
            if self.now() > first + 60 * SECOND:
                return None
            share = self.shares.get(boundary.rpartition(" → ")[2], 0.0)
            return Mode.DROPPED if self.chance.unit(f"drop {boundary}") < share else None
        return None


def run_seed(seed: str) -> Verdict:
    """Both worlds of a seed, and the replays."""
    chance = Chance(f"replays/{seed}")
    shares = {s.queue: chance.choice(f"share of {s.queue}", (0.0, 0.2, 0.5, 1.0)) for s in deployment.SUBSCRIPTIONS}
    verdict = Verdict(seed)
    try:
        with redirect_stdout(SINK):
            calm, _ = _happen(chance, Plan())
            verdict = replace(verdict, orders=sum(key.startswith("ORDER#") for key in calm["order"]))
            for found in _replayed(chance, Losses(chance, shares), calm, verdict):
                verdict = found
    except (Violated, AssertionError) as found:
        return replace(verdict, problem=f"{type(found).__name__}: {found}")
    return verdict


def _replayed(chance: Chance, plan: Losses, calm: Tables, verdict: Verdict) -> Iterator[Verdict]:
    spoiled: list[str] = []

    def spoil(world: World) -> None:
        plan.now = lambda: world.scheduler.now
        for place, rule in enumerate(world.bus.rules):
            if plan.shares.get(rule.name):
                world.bus.rules[place] = replace(rule, target=_spoiling(chance, plan, rule, spoiled))

    lossy, world = _happen(chance, plan, spoil)
    plan.over = True
    verdict = replace(
        verdict,
        dropped=sum(mode is Mode.DROPPED for mode in plan.struck.values()),
        spoiled=len(spoiled),
        behind=len(_different(calm, lossy)),
    )
    yield verdict
    try:
        for queue in world.queues.values():
            queue.dead.clear()  # a spoiled message cannot be redriven
        nothing_happens(world, "orderflow-monday", set(deployment.ACTING_OUTSIDE))
        for name in ("orderflow-catch-up-1", "orderflow-catch-up-2"):
            world.bus.replay(name, set(world.queues), by_minute=True)
        world.settle_more()
        assert _different(calm, _tables(world)) == [], f"after the replay: {_different(calm, _tables(world))[:3]}"
        assert not any(queue.dead for queue in world.queues.values()), "the replay was set aside"
        nothing_happens(world, "orderflow-catch-up-again", {rule.name for rule in world.bus.rules})
    finally:
        world.abandon()


def _happen(chance: Chance, plan: Plan, change: Callable[[World], None] = lambda world: None) -> tuple[Tables, World]:
    """Run a world in which some CDNOW customers order, until it is at rest. Return its tables."""
    world = World(chance, plan)
    change(world)
    try:
        world.run(lambda world: _come(world, chance))
        world.invariants.at_rest()
        return _tables(world), world
    finally:
        if type(plan) is Plan:
            world.abandon()


@cache
def _purchases() -> list[cdnow.Purchase]:
    return cdnow.read(SAMPLE)[0]


def _come(world: World, chance: Chance) -> None:
    purchases = _purchases()
    count = 1 + chance.below("orders", 3)
    chosen = [purchases[chance.below(f"row {number}", len(purchases))] for number in range(count)]
    needed = cdnow.quantities(chosen)
    out_of_stock = next(iter(needed)) if len(needed) > 1 and chance.below("out of stock", 4) == 0 else None
    prices = {sku: (cdnow.cents_of(sku), cdnow.CURRENCY) for sku in needed}
    stock = {sku: 0 if sku == out_of_stock else quantity * 2 for sku, quantity in needed.items()}
    reached = {purchase.customer_id: chance.weighted(f"country {purchase.customer_id}", COUNTRIES) for purchase in chosen}
    customers.seed(world, prices, stock, reached)
    for number, purchase in enumerate(chosen):
        lines = tuple((line["sku"], line["quantity"]) for line in purchase.lines)
        token = chance.weighted(f"token {number}", TOKENS)
        order_plan = OrderPlan(
            number, purchase.customer_id, f"{number}-{purchase.idempotency_key}", lines, cdnow.CURRENCY, token
        )
        at = int(chance.between(f"arrival {number}", 0.0, 90.0) * SECOND)
        world.spawn(f"order {number}", lambda order_plan=order_plan: customers.publish(world, order_plan, CHANNEL), after=at)  # type: ignore[misc]


def _spoiling(chance: Chance, plan: Losses, rule: Rule, spoiled: list[str]) -> Callable[[Envelope, str], None]:
    def target(event: Envelope, about: str) -> None:
        if "replay-name" not in event and not plan.over and chance.below(f"spoil {about}", 5) == 0:
            spoiled.append(about)
            event = {**event, "detail": {**event["detail"], "data": "spoiled on the way"}}
        rule.target(event, about)

    return target


def _tables(world: World) -> Tables:
    """Every row of every table, but for the attributes of the run."""
    names = (*deployment.SWEEPERS, deployment.LEDGER)
    return {
        name: {
            key: {field: value for field, value in row.items() if field not in OF_A_RUN}
            for key, row in world.dynamodb.tables[name].rows.items()
        }
        for name in names
    }


def _different(calm: Tables, found: Tables) -> list[str]:
    """Return the rows that differ from the calm world, with the fields that differ."""
    differences = []
    for table, rows in calm.items():
        for key in sorted(rows.keys() | found[table].keys()):
            one, other = rows.get(key), found[table].get(key)
            if one is None or other is None:
                differences.append(f"{table} {key} {'is missing' if other is None else 'is too many'}")
            elif one != other:
                fields = {field: (one.get(field), other.get(field)) for field in one.keys() | other.keys()}
                differences.append(
                    f"{table} {key}: {json.dumps({f: pair for f, pair in fields.items() if pair[0] != pair[1]})}"
                )
    return differences


def main(seeds: int, first: str, processes: int) -> int:
    """Run so many seeds, and report the results; 0 if every table was right."""
    from simulation.stage.report import say

    started, done = time.monotonic(), 0
    lost = behind = orders = 0
    with multiprocessing.get_context("spawn").Pool(processes, process.make_ready) as pool:
        for verdict in pool.imap(run_seed, (f"{first}-{number}" for number in range(seeds)), chunksize=5):
            done += 1
            orders, lost, behind = orders + verdict.orders, lost + verdict.dropped + verdict.spoiled, behind + verdict.behind
            if done % 100 == 0:
                say(f"{done} of {seeds} seeds, {lost} deliveries lost, {time.monotonic() - started:.0f} s")
            if verdict.problem:
                print(f"seed {verdict.seed}: {verdict.problem}")  # noqa: T201
                print(f"again: python -m simulation replays --seed {verdict.seed} --only")  # noqa: T201
                return 1
    print(  # noqa: T201
        f"{done} seeds, {orders} CDNOW orders, {lost} deliveries lost or spoiled, {behind} rows missing or behind before the "
        f"replay and 0 after it; {2 * done} replays that changed nothing; {time.monotonic() - started:.0f} s"
    )
    return 0
