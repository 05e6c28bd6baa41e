"""A random run of one world, from its seed to its verdict."""

import traceback
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import Final

from simulation.engine.faults import OUTSIDE, Mode, Plan, RandomFaults, ScriptedFaults
from simulation.engine.process import SINK, keep_logs
from simulation.engine.randomness import Chance
from simulation.engine.scheduler import HarnessError
from simulation.stage import deployment
from simulation.stage.customers import Workload, retry_refused_refunds
from simulation.stage.invariants.violation import Violated
from simulation.stage.world import World

ORDERS_PER_WORLD: Final = 40
RATES: Final = (0.02, 0.04, 0.07, 0.1, 0.15)
"""How likely a boundary is struck, one of these for each world."""


@dataclass(frozen=True)
class WorldRun:
    """Which world, and what of it: some of its orders, some of its faults; all where None."""

    seed: str
    number: int
    orders: int = ORDERS_PER_WORLD
    chosen: frozenset[int] | None = None
    faults: Mapping[str, Mode] | None = None
    adapters: bool = False
    """Whether the world has Stripe and EasyPost, and not the sandboxes."""
    hunt_logs: bool = False
    """Whether all logs and metrics are searched too."""

    @property
    def chance(self) -> Chance:
        """The world's chance, which its number and the run's seed decide."""
        return Chance(f"{self.seed}/world {self.number}")


@dataclass(frozen=True)
class Verdict:
    """The result of a world. `violated` is the invariant's code, None if all held."""

    number: int
    orders: int
    struck: Mapping[str, Mode]
    steps: int
    digest: str
    minutes: int
    checked: int
    replays: int = 0
    slowest: tuple[int, int, str] = (0, 0, "")
    searched: int = 0
    traced: int = 0
    violated: str | None = None
    text: str = ""
    trace: tuple[str, ...] = field(default=(), repr=False)


def run_world(run: WorldRun, *, trace: bool = False) -> Verdict:
    """Run one world to its end."""
    chance = run.chance
    plan: Plan = ScriptedFaults(run.faults) if run.faults is not None else RandomFaults(chance, chance.choice("rate", RATES))
    world = World(chance, plan, keep_history=trace, adapters=run.adapters)
    violated, text, replays = None, "", 0
    keep_logs(world.invariants.logged if run.hunt_logs else None)
    try:
        with redirect_stdout(SINK):  # Powertools prints metrics
            world.run(lambda world: Workload(world, run.orders, run.chosen).run())
            world.invariants.at_rest()
            world.invariants.every_event_is_processed()
            replays = recover_and_replay(world)
    except Violated as found:
        violated, text = found.code, found.text
        world.history.add(world.scheduler.now, f"VIOLATED {found}")
    except (Exception, HarnessError) as error:
        of = traceback.format_exception(error.__cause__ or error)
        violated, text = type(error).__name__, "".join(of[-6:])
    finally:
        keep_logs(None)
        world.abandon()
    return Verdict(
        number=run.number,
        orders=len(world.invariants.record.orders),
        struck=dict(plan.struck),
        steps=world.history.steps,
        digest=world.history.digest(),
        minutes=world.minutes,
        checked=world.invariants.checked,
        replays=replays,
        slowest=world.invariants.sweeps.slowest,
        searched=world.invariants.privacy.searched.total(),
        traced=world.invariants.traces.compared,
        violated=violated,
        text=text,
        trace=tuple(world.history.lines),
    )


def recover_and_replay(world: World) -> int:
    """Redrive and replay the losses: the consumers are complete. Replay everything again: nothing happens.

    In half of the worlds a first recovery is struck as everything before it.
    Before that, a replay without catch-up: consumers with effects outside do nothing, whatever they missed.
    """
    if world.chance.below("recovery amid faults", 2) == 0:
        set_going_again(world, "orderflow-catch-up-amid-faults")
        world.invariants.at_rest()
    world.plan.quiet = True
    if world.chance.below("replay without catch-up", 2) == 0:
        nothing_happens(world, "orderflow-monday", set(deployment.ACTING_OUTSIDE))
    set_going_again(world, "orderflow-catch-up-once")
    world.invariants.at_rest()
    world.invariants.consumers_are_complete()
    if world.chance.below("second replay", 4):
        return 1
    nothing_happens(world, "orderflow-catch-up-again", {rule.name for rule in world.bus.rules})
    return 2


def set_going_again(world: World, replay: str) -> None:
    """Redrive dead messages, replay everything, and retry refused refunds, as the operator."""
    for queue in world.queues.values():
        queue.redrive()
    world.bus.replay(replay, set(world.queues))
    world.settle_more()
    retry_refused_refunds(world)
    world.settle_more()


def nothing_happens(world: World, replay: str, rules: set[str]) -> None:
    """Check that a replay to these rules writes nothing, mails nothing, and makes no call outside.

    No sweep runs meanwhile: a sweep also asks again for what is due, with or without a replay.
    """
    writes, mails, world.network.boundaries = world.invariants.writes, len(world.mail.sent), []
    world.bus.replay(replay, rules)
    world.deliver()
    called = [boundary for boundary, kind in world.network.boundaries if kind in OUTSIDE]
    if (world.invariants.writes, len(world.mail.sent), called) != (writes, mails, []):
        last = ", ".join(world.invariants.written)
        made = f"{world.invariants.writes - writes} writes (the last: {last}), {len(world.mail.sent) - mails} mails, {called}"
        raise Violated("second_replay_changes_nothing", f"the replay {replay} made {made}")
    world.settle_more()
