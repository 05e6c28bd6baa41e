"""The paths of an order, one world with one order each: what the enumeration strikes, call by call."""

from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Final

from simulation.engine.faults import Kind, Mode, Plan
from simulation.engine.process import SINK
from simulation.engine.randomness import Chance
from simulation.engine.scheduler import SECOND
from simulation.stage import customers, deployment
from simulation.stage.customers import OrderPlan
from simulation.stage.deployment import SUBSCRIPTIONS
from simulation.stage.invariants.rows import status_of, text_of
from simulation.stage.invariants.violation import Violated
from simulation.stage.world import MINUTE, World

FULFILMENT: Final = frozenset(s.queue for s in SUBSCRIPTIONS) - {"order-intake"}
Act = Callable[[World, OrderPlan], None]
Base = Callable[[str, int], Mode | None]
"""The fault that strikes a path before the enumeration does: (boundary, time) → mode."""


@dataclass(frozen=True)
class Path:
    """A way through the house. Unstruck, it ends in `status` (and `reason`)."""

    name: str
    act: Act
    status: str
    reason: str | None = None
    token: str = "pm_card_visa"
    stock: int = 10
    price: int = 1250
    country: str | None = "DE"
    subscriptions: frozenset[str] = frozenset()
    channel: str | None = None
    base: Base | None = None
    if_short: str = "REJECT"
    lines: tuple[tuple[str, int], ...] = (("SKU-A", 3), ("SKU-B", 1))

    @property
    def order_plan(self) -> OrderPlan:
        """The order: three of one SKU and one of another, if the path has no other lines."""
        return OrderPlan(0, "c0", f"key-{self.name}", self.lines, "USD", self.token, self.if_short)


@dataclass(frozen=True)
class PathVerdict:
    """The result of a path. `boundaries` were met in this order, each with its kind, if they were asked for."""

    violated: str | None
    text: str
    status: str
    digest: str
    struck: Mapping[str, Mode]
    boundaries: tuple[tuple[str, Kind], ...] = ()
    trace: tuple[str, ...] = ()


class PathPlan(Plan):
    """The path's own base faults, and the listed ones."""

    def __init__(self, base: Base | None, faults: Mapping[str, Mode], now: Callable[[], int]) -> None:
        super().__init__()
        self.base = base
        self.faults = faults
        self.now = now

    def _choose(self, boundary: str, kind: Kind, bits: int) -> Mode | None:
        listed = self.faults.get(boundary)
        return listed or (self.base(boundary, self.now()) if self.base else None)


def stand_up(
    path: Path, faults: Mapping[str, Mode], *, trace: bool = False, older_versions: tuple[str, ...] | None = None
) -> World:
    """Return the world of the path, struck by `faults`."""
    clock: list[World] = []
    plan = PathPlan(path.base, faults, lambda: clock[0].scheduler.now)
    subscriptions = path.subscriptions | ({"order-intake"} if path.channel else set())
    world = World(
        Chance(f"path {path.name}"), plan, keep_history=trace, only=frozenset(subscriptions), older_versions=older_versions
    )
    clock.append(world)
    return world


def seed(path: Path, world: World) -> None:
    """Let the operator set the prices and take in the stock of the path, and the customer leave a contact."""
    prices = {"SKU-A": (path.price, "USD"), "SKU-B": (path.price and 995, "USD")}
    contacts = {"c0": path.country} if path.country else {}
    if path.country != "DE":
        world.invariants.record.forgotten.add("c0")
    customers.seed(world, prices, {"SKU-A": path.stock, "SKU-B": 10}, contacts)


def run_path(path: Path, faults: Mapping[str, Mode], *, boundaries: bool = False, trace: bool = False) -> PathVerdict:
    """Run the path, struck by `faults`, to its rest, and hold every invariant."""
    world = stand_up(path, faults, trace=trace)
    plan = world.plan
    violated, text = None, ""

    def begin(world: World) -> None:
        seed(path, world)
        if boundaries:
            world.network.boundaries = []
        world.spawn("customer", lambda: path.act(world, path.order_plan))

    try:
        with redirect_stdout(SINK):
            world.run(begin)
            world.invariants.at_rest()
            world.invariants.every_event_is_processed()
            plan.quiet = True
            if path.subscriptions:
                world.bus.replay("orderflow-catch-up-once", set(path.subscriptions))
                world.settle_more()
                customers.retry_refused_refunds(world)
                world.settle_more()
                world.invariants.at_rest()
                world.invariants.consumers_are_complete()
    except Violated as found:
        violated, text = found.code, found.text
        world.history.add(world.scheduler.now, f"VIOLATED {found}")
    finally:
        world.abandon()
    order = world.invariants.record.orders.get(path.order_plan.order_id(path.channel))
    status = " ".join(filter(None, (status_of(order), text_of(order, "reason"))))
    met = tuple(world.network.boundaries or ())
    return PathVerdict(violated, text, status, world.history.digest(), dict(plan.struck), met, tuple(world.history.lines))


def _buy(world: World, order_plan: OrderPlan) -> None:
    for _ in range(2):
        if customers.place(world, order_plan).status not in customers.NO_ANSWER:
            return
        world.scheduler.sleep(SECOND)


def _buy_and_be_forgotten(world: World, order_plan: OrderPlan) -> None:
    world.invariants.record.forgotten.add(order_plan.customer_id)
    _buy(world, order_plan)
    for _ in range(3):
        if customers.call(world, "DELETE", f"/customers/{order_plan.customer_id}/contact").status == 204:
            return
        world.scheduler.sleep(SECOND)


def _buy_async(world: World, order_plan: OrderPlan) -> None:
    for _ in range(2):
        if customers.place(world, order_plan, respond_async=True).status not in customers.NO_ANSWER:
            return
        world.scheduler.sleep(SECOND)


def _click_twice(world: World, order_plan: OrderPlan) -> None:
    world.spawn("other click", lambda: _buy(world, order_plan), after=30_000)
    _buy(world, order_plan)


def _regret(world: World, order_plan: OrderPlan) -> None:
    _buy_async(world, order_plan)
    for _ in range(2):
        if customers.cancel(world, order_plan.order_id()).status in (200, 409):
            return
        world.scheduler.sleep(SECOND)


def _return_at_once(world: World, order_plan: OrderPlan) -> None:
    _buy(world, order_plan)
    world.scheduler.sleep(SECOND)
    customers.cancel(world, order_plan.order_id())


def _return_as_it_is_booked(world: World, order_plan: OrderPlan) -> None:
    """Cancel in the moment in which the parcel is handed over."""
    _buy(world, order_plan)
    world.scheduler.sleep(deployment.BOOKING_DELAY_SECONDS * SECOND)
    customers.cancel(world, order_plan.order_id())


def _return_too_late(world: World, order_plan: OrderPlan) -> None:
    _buy(world, order_plan)
    world.scheduler.sleep(MINUTE + 5 * SECOND)
    customers.cancel(world, order_plan.order_id())


def _buy_and_wait(world: World, order_plan: OrderPlan) -> None:
    """Buy; the missing stock arrives a little later."""
    _buy(world, order_plan)
    world.scheduler.sleep(45 * SECOND)
    customers.replenish(world, "late", [{"sku": "SKU-A", "quantity": 1}])


def _wait_and_regret(world: World, order_plan: OrderPlan) -> None:
    """Buy and cancel; the missing stock arrives while the customer cancels."""
    world.spawn("delivery", lambda: customers.replenish(world, "late", [{"sku": "SKU-A", "quantity": 1}]), after=MINUTE)
    _buy(world, order_plan)
    world.scheduler.sleep(MINUTE - world.scheduler.now % MINUTE)
    customers.cancel(world, order_plan.order_id())


def _by_channel(world: World, order_plan: OrderPlan) -> None:
    customers.publish(world, order_plan, "cdnow")


def _first_start_lost(boundary: str, now: int) -> Mode | None:
    return Mode.LOST if "StartSyncExecution" in boundary else None


def _no_start_for_ten_minutes(boundary: str, now: int) -> Mode | None:
    return Mode.LOST if "Start" in boundary and "Execution" in boundary and now < 11 * 60 * SECOND else None


def _no_stock_service(boundary: str, now: int) -> Mode | None:
    return Mode.LOST if boundary.endswith(("> ReserveStock", "> ReserveStock 1")) else None


def _stream_lost(boundary: str, now: int) -> Mode | None:
    return Mode.DROPPED if boundary.startswith("stream ") and boundary.endswith("] 0") else None


def _two_runs(boundary: str, now: int) -> Mode | None:
    """Deliver the start twice: two runs of the saga side by side."""
    return Mode.DOUBLED if boundary.endswith("order-start") else None


PATHS: Final = (
    Path("confirmed", _buy, "CONFIRMED"),
    Path("declined", _buy, "CANCELLED", "PAYMENT_DECLINED", token="pm_card_declined"),
    Path("out of stock", _buy, "CANCELLED", "OUT_OF_STOCK", stock=2),
    Path("capture refused", _buy, "CANCELLED", "CAPTURE_REFUSED", token="pm_card_capture_refused"),
    Path("gateway slow", _buy, "CONFIRMED", token="pm_card_slow"),
    Path("gateway unavailable", _buy, "CANCELLED", "PAYMENT_UNAVAILABLE", token="pm_card_unavailable"),
    Path("costs nothing", _buy, "CONFIRMED", price=0),
    Path("async", _buy_async, "CONFIRMED"),
    Path("by channel", _by_channel, "CONFIRMED", channel="cdnow"),
    Path("clicked twice", _click_twice, "CONFIRMED"),
    Path("cancelled by the customer", _regret, "CANCELLED", "CUSTOMER", subscriptions=FULFILMENT),
    Path("cancelled after the confirmation", _return_at_once, "CANCELLED", "CUSTOMER", subscriptions=FULFILMENT),
    Path("cancelled as the parcel goes", _return_as_it_is_booked, "CANCELLED", "CUSTOMER", subscriptions=FULFILMENT),
    Path("cancelled too late", _return_too_late, "CONFIRMED", subscriptions=FULFILMENT),
    Path(
        "refund refused at first",
        _return_at_once,
        "CANCELLED",
        "CUSTOMER",
        token="pm_card_refund_refused",
        subscriptions=FULFILMENT,
    ),
    Path("a part", _buy, "CONFIRMED", stock=2, if_short="ALLOW_PARTIAL"),
    Path(
        "a part, cancelled",
        _return_at_once,
        "CANCELLED",
        "CUSTOMER",
        stock=2,
        if_short="ALLOW_PARTIAL",
        subscriptions=FULFILMENT,
    ),
    Path("waited for", _buy_and_wait, "CONFIRMED", stock=2, if_short="BACK_ORDER", subscriptions=FULFILMENT),
    Path("waited for and not served", _buy, "CANCELLED", "OUT_OF_STOCK", stock=2, if_short="BACK_ORDER"),
    Path("waited for long enough", _wait_and_regret, "CANCELLED", "CUSTOMER", stock=2, if_short="BACK_ORDER"),
    Path("resumed", _buy, "CONFIRMED", base=_first_start_lost),
    Path("resumed and refused", _buy, "CANCELLED", "CAPTURE_REFUSED", token="pm_card_capture_refused", base=_first_start_lost),
    Path("never tried before its deadline", _buy, "CONFIRMED", base=_no_start_for_ten_minutes),
    Path("aborted", _buy, "CANCELLED", "INVENTORY_UNAVAILABLE", base=_no_stock_service),
    Path("two runs at once", _buy_async, "CONFIRMED", base=_two_runs),
    Path("republished", _buy, "CONFIRMED", base=_stream_lost),
    Path("delivered", _buy, "CONFIRMED", subscriptions=FULFILMENT),
    Path("notified of the cancellation", _buy, "CANCELLED", "OUT_OF_STOCK", stock=2, subscriptions=FULFILMENT),
    Path("not reached by the carrier", _buy, "CANCELLED", "CARRIER_REFUSED", country="AQ", subscriptions=FULFILMENT),
    Path("without contact", _buy, "", country=None),
    Path("forgotten", _buy_and_be_forgotten, "CANCELLED", "NO_ADDRESS", subscriptions=FULFILMENT),
)
BY_NAME: Final = {path.name: path for path in PATHS}
