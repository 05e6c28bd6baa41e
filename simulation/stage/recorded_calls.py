"""The recording of the AWS calls of all functions, into operations/permissions/calls.json: the source of their permissions.

Random worlds make most of the calls. Rare ones need troubles that last, visits that the other worlds do not have (Stripe's
webhook, a list of orders), deliveries that come at a rare moment, and an audit of damaged rows.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Final

from operations.permissions import recorded
from operations.permissions.recorded import ADAPTERS, KINDS_OF_STAGES, Call
from simulation.engine.api import Execute, Request, Response
from simulation.engine.expressions import AttributeValue, Item
from simulation.engine.faults import RandomFaults
from simulation.engine.functions import Answered
from simulation.engine.process import SINK
from simulation.engine.scheduler import SECOND
from simulation.stage import accounts, deployment
from simulation.stage.calls import CallLog, asked
from simulation.stage.customers import Workload, call
from simulation.stage.invariants.rows import status_of
from simulation.stage.providers.http_server import Answer
from simulation.stage.providers.stripe_server import Form, Stripe
from simulation.stage.runs import ORDERS_PER_WORLD, RATES, WorldRun, set_going_again
from simulation.stage.world import MINUTE, World

NO_TROUBLE, NO_STREAMS, BUSY_BUS = "no trouble", "no stream has records", "the bus refuses each event for minutes"
TROUBLES: Final = (NO_TROUBLE, NO_STREAMS, BUSY_BUS)
"""The troubles that last for a whole world. Without streams, sweepers publish all events. A busy bus leaves events to a relay
and a sweeper again and again."""
BUSY: Final = 4 * MINUTE
SEED: Final = "calls"
WORLDS: Final = 12
"""The worlds of each kind of stage in the file: a third for each trouble."""
NEVER_ENOUGH: Final = 1_000_000
AUDITED: Final = ("function", "orders")
HOUR_IN_SECONDS: Final = 3_600


def main(*, write: bool, worlds: int, seed: str) -> int:
    """Write the file, or only compare: 1 if these worlds make a call that is not in it.

    The worlds that the file was made of must also make each call in it. A function that ceases to make a call needs its
    permission no more.
    """
    found = record(worlds, seed)
    if write:
        recorded.FILE.write_text(recorded.as_text(found), encoding="utf-8")
        return 0
    known = recorded.load()
    outside = [(kind, new) for kind in KINDS_OF_STAGES for new in sorted(found[kind] - known[kind])]
    for kind, new in outside:
        print(f"{kind}: {new.by} makes the call {new.action} on {new.on} {new.only}, which is not recorded")  # noqa: T201
    are_all = (worlds, seed) == (WORLDS, SEED)
    gone = [(kind, old) for kind in KINDS_OF_STAGES for old in sorted(known[kind] - found[kind]) if are_all]
    for kind, old in gone:
        print(f"{kind}: {old.by} no longer makes the call {old.action} on {old.on} {old.only}, which is recorded")  # noqa: T201
    return int(bool(outside or gone))


def record(worlds: int, seed: str) -> Mapping[str, frozenset[Call]]:
    """Return the calls of so many worlds of each kind of stage."""
    return {
        kind: frozenset().union(*(_of_world(Recorded(seed, number, kind)) for number in range(worlds)))
        for kind in KINDS_OF_STAGES
    }


@dataclass(frozen=True)
class Recorded:
    """A world to record."""

    seed: str
    number: int
    kind: str

    @property
    def trouble(self) -> str:
        """The trouble that lasts."""
        return TROUBLES[self.number % len(TROUBLES)]

    def stand_up(self) -> World:
        """Return the world. Other runs check the invariants, without these troubles and visits."""
        chance = WorldRun(self.seed, self.number).chance
        plan = RandomFaults(chance, chance.choice("rate", RATES))
        world = World(chance, plan, adapters=self.kind == ADAPTERS)
        hold_nothing(world)
        if self.trouble == NO_STREAMS:
            for stream in world.streams.values():
                stream.append = lambda change: None  # type: ignore[method-assign]
        if world.accounts is not None:
            _let_some_expire(world.accounts.stripe)
        if self.trouble == BUSY_BUS:
            world.bus.refuses = _refusing(world)
        return world


def hold_nothing(world: World) -> None:
    """Let the world's invariants hold nothing: they count on a Stripe without refunds by hand."""
    world.invariants.record.fail = lambda name, text: None  # type: ignore[method-assign,assignment,return-value]


def _refusing(world: World) -> Callable[[str], bool]:
    """Return the decision to refuse an event, by its id, for some minutes after its first try."""
    first: dict[str, int] = {}

    def refuses(event_id: str) -> bool:
        now = world.scheduler.now
        return now < first.setdefault(event_id, now) + BUSY

    return refuses


def _let_some_expire(stripe: Stripe) -> None:
    """Let Stripe release each seventh authorisation before its capture."""
    done = stripe.done

    def do(method: str, path: str, form: Form) -> Answer:
        if path.endswith("/capture") and path.split("/")[-2].endswith("7"):
            stripe.expire(path.split("/")[-2])
        return done(method, path, form)

    stripe.done = do  # type: ignore[method-assign]


def _of_world(recorded_world: Recorded) -> set[Call]:
    world = recorded_world.stand_up()
    log = CallLog(world)

    def begin(_: World) -> None:
        Workload(world, ORDERS_PER_WORLD, None).run()
        _visit(world)

    try:
        with redirect_stdout(SINK):  # Powertools prints metrics
            world.run(begin)
            world.plan.quiet = True
            set_going_again(world, "orderflow-catch-up-once")
            _repeat_a_settled_cancellation(world)
            _lose_an_order(world)
            return log.calls | set(_audit(world))
    finally:
        world.abandon()


def _visit(world: World) -> None:
    """Let a customer list orders, and the operator watch, split and merge a SKU and suppress and allow an address.

    The operator pays the first customer with a refused refund. A stray message comes to each queue. Stripe reports what it
    does without a request of ours.
    """
    world.spawn("list", partial(_invoke, world, "order-api", _request("GET", "/orders", customer="c0")), after=30 * SECOND)
    cause = {"correlation_id": "operator", "causation_id": "operator"}
    watch = {"command": "watch", "sku": "SKU-0", "threshold": NEVER_ENOUGH, **cause}
    world.spawn("watch", partial(_invoke, world, "inventory-operator", watch), after=SECOND)
    world.spawn("settle", partial(_settle_a_refusal, world))
    for command in ("suppress", "allow"):
        event = {"command": command, "address": "stranger@example.com"}
        world.spawn(command, partial(_invoke, world, "notification-commands", event), after=SECOND)
    for name, shards, after in (("split", 3, 2 * SECOND), ("merge", 1, MINUTE)):
        split = {"command": "split", "sku": "SKU-0", "shards": shards}
        world.spawn(name, partial(_invoke, world, "inventory-operator", split), after=after)
    if world.accounts is not None:
        world.spawn("stripe", partial(report_as_stripe, world), after=SECOND)
    for queue in world.queues.values():
        queue.send("{}", f"stray message of {queue.name}")


def _settle_a_refusal(world: World) -> None:
    """Wait for a refund that is refused, ten minutes at most, and settle it before anyone retries it."""
    while world.scheduler.now < 10 * MINUTE:
        for key, row in world.dynamodb.tables["payment"].rows.items():
            if status_of(row) == "REFUND_REFUSED":
                about = {"order_id": key.partition("#")[2], "correlation_id": "operator", "causation_id": "operator"}
                _invoke(world, "payment-operator", {"command": "settle_refund", "reference": "TRANSFER/1", **about})
                return
        world.scheduler.sleep(SECOND // 10)


def _invoke(world: World, function: str, event: Mapping[str, object]) -> None:
    """Invoke a function until it answers, ten times at most."""
    task = world.scheduler.current
    assert task is not None
    for _ in range(10):
        if isinstance(world.functions.invoke(function, event, task.numbered(function)), Answered):
            return
        world.scheduler.sleep(SECOND)


def _request(method: str, path: str, **query: str) -> Mapping[str, object]:
    """Return a request as API Gateway passes it on."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "&".join(f"{name}={value}" for name, value in query.items()),
        "queryStringParameters": query,
        "headers": {},
        "requestContext": {"http": {"method": method, "path": path}, "requestId": "1", "stage": "$default"},
        "body": None,
        "isBase64Encoded": False,
    }


def report_as_stripe(world: World) -> None:
    """Report a dispute of a confirmed order, its end, and a refund that was made by hand before the parcel was booked."""
    assert world.accounts is not None
    paid, stripe = _paid_and_not_booked(world), world.accounts.stripe
    about = {"id": "dp_1", "payment_intent": paid["id"], "amount": paid["amount"], "currency": paid["currency"]}
    dispute = {**about, "reason": "fraudulent"}
    refund = stripe.refund_by_hand(paid["id"], paid["amount_received"])
    events = (
        ("charge.dispute.created", {**dispute, "status": "needs_response"}),
        ("charge.dispute.closed", {**dispute, "status": "lost"}),
        ("charge.refunded", {"id": "ch_1", "payment_intent": paid["id"]}),
        ("refund.updated", refund),
    )
    secret = accounts.secrets()["stripe-webhook-secret"]
    sign, clock = import_module("kernel.webhooks").sign, import_module("kernel.clock")
    for kind, content in events:
        body = {"type": kind, "data": {"object": content}}
        for _ in range(10):
            signature = sign(secret, json.dumps(body), clock.now())
            reply = call(world, "POST", "/webhooks/stripe", body, function="payment-webhook", stripe_signature=signature)
            if reply.status == 200:
                break


def _paid_and_not_booked(world: World) -> dict[str, Any]:
    """Wait for a PaymentIntent of a confirmed order without a label, and return it.

    Raises LookupError after an hour of the simulation, because with some seeds there is none.
    """
    assert world.accounts is not None
    orders, shipments = (world.dynamodb.tables[name].rows for name in ("order", "shipping"))
    for _ in range(HOUR_IN_SECONDS):
        for intent in world.accounts.stripe.intents.values():
            order_id = intent["metadata"]["order_id"]
            is_booked = status_of(shipments.get(f"SHIP#{order_id}")) not in (None, "CREATED")
            if intent["status"] == "succeeded" and status_of(orders.get(f"ORDER#{order_id}")) == "CONFIRMED" and not is_booked:
                return intent
        world.scheduler.sleep(SECOND)
    raise LookupError("no order is paid and not booked; choose another seed")


def _lose_an_order(world: World) -> None:
    """Lose an order with money set aside, so that the sweeper of payment releases it."""
    orders, payments = (world.dynamodb.tables[name] for name in ("order", "payment"))
    key, row = next((key, row) for key, row in payments.rows.items() if row.get("status") == {"S": "CAPTURED"})
    orders.store(f"ORDER#{key.removeprefix('PAY#')}", None)
    due: Item = {"due_shard": {"S": "unsettled-0"}, "next_due": {"S": world.time_of(0)}}
    payments.store(key, {**row, "status": {"S": "AUTHORIZED"}, **due})
    world.spawn("sweep", partial(_invoke, world, "payment-sweeper", {"source": "aws.events"}))
    world.deliver()


def _repeat_a_settled_cancellation(world: World) -> None:
    """Deliver the cancellation of an order again, after the operator has settled its refund and before the sweeper ends it."""
    payments = world.dynamodb.tables["payment"]
    key, row = next((key, row) for key, row in reversed(payments.rows.items()) if _is_captured(row))
    settled: Item = {
        "refund_attempt": {"N": "1"},
        "refund_for": {"S": "operator"},
        "settlement": {"M": {"reference": {"S": "T"}}},
    }
    payments.store(key, {**row, "status": {"S": "REFUNDING"}, **settled})
    order_id = key.removeprefix("PAY#")
    world.queues["payment-cancellations"].send(json.dumps(_cancellation_of(order_id)), f"repeat about {order_id}")
    world.deliver()


def _is_captured(row: Item) -> bool:
    """Return whether the gateway holds money of this payment."""
    return row.get("status") == {"S": "CAPTURED"} and row["total"]["M"]["amount"] != {"N": "0"}


def _cancellation_of(order_id: str) -> Mapping[str, object]:
    """Return the event that a confirmed order was cancelled, made of the example of its newest version."""
    versions = import_module("kernel.schemas").read_schemas()
    source, detail_type, version = max(key for key in versions if key[:2] == ("orderflow.order", "OrderCancelled"))
    examples = versions[source, detail_type, version]["examples"]
    [example] = (example for example in examples if example["data"]["confirmed"])
    metadata = {**example["metadata"], "order_id": order_id, "event_id": f"ORDER#{order_id}#9"}
    return {"source": source, "detail-type": detail_type, "detail": {**example, "metadata": metadata}}


# the audit


class DirectClient:
    """A client of one service of a world, outside of its time: each call is kept, and answered at once."""

    def __init__(self, service: str, answer: Execute, keep: Callable[[str, str, Request], None]) -> None:
        self._service, self._answer, self._keep = service, answer, keep

    def __getattr__(self, method: str) -> Callable[..., Response]:
        operation = "".join(part.capitalize() for part in method.split("_"))

        def made(**request: Any) -> Response:  # noqa: ANN401 - each operation has parameters of its own
            self._keep(self._service, operation, request)
            return self._answer(operation, request, "")

        return made


def _audit(world: World) -> Iterator[Call]:
    """Run both functions of the audit on damaged rows; yield their calls."""
    world.dynamodb.committed = lambda changes: None
    world.dynamodb.create("audit")
    orders = [key.removeprefix("ORDER#") for key in world.dynamodb.tables["order"].rows if key.startswith("ORDER#")]
    _damage(world)
    tables = {table: deployment.LEDGER if table == "ledger" else table for table in import_module("audit.tables").TABLES}
    environ = {
        **{f"{table.upper()}_TABLE_NAME": name for table, name in tables.items()},
        "TABLE_NAME": "audit",
        "ABORT_AFTER_SECONDS": str(deployment.abort_after_seconds()),
        "BACK_ORDERED_FOR_SECONDS": str(deployment.BACK_ORDERED_FOR_SECONDS),
        "QUEUE_URL": "https://sqs/1/audit-orders",
        "DEAD_LETTER_QUEUE_URL": "https://sqs/1/audit-orders-dlq",
    }
    bodies = [json.dumps({"detail": {"metadata": {"order_id": order_id}}}) for order_id in orders]
    messages = [{"messageId": str(n), "body": body, "messageAttributes": {}} for n, body in enumerate([*bodies, "{}"])]
    for module in AUDITED:
        calls: set[Call] = set()

        def keep(service: str, operation: str, request: Request, by: str = f"audit/{module}") -> None:
            calls.update(Call(by, *needed) for needed in asked(service, operation, request, environ))  # noqa: B023

        clients = import_module("kernel.clients").Clients()
        clients.dynamodb = DirectClient("dynamodb", lambda operation, request, _: world.dynamodb.call(operation, request), keep)
        clients.sqs = DirectClient("sqs", lambda *_: {}, keep)
        with import_module("kernel.clock").use_source(world.clock):
            import_module(f"audit.{module}").bootstrap(clients, environ)({"Records": messages}, None)
        yield from calls


def _damage(world: World) -> None:
    """Copy a row of each kind to another key, so that both claim one identity; let an order look as if it changed just now."""
    now: AttributeValue = {"S": world.time_of(world.scheduler.now)}
    place: Item = {"sku": {"S": "SKU-0"}, "place": {"N": "1"}, "quantity": {"N": "1"}, "order_id": {"S": "ord-" + "a" * 26}}
    world.dynamodb.tables["inventory"].store("PLACE#SKU-0#1", {"pk": {"S": "PLACE#SKU-0#1"}, **place})
    for table in world.dynamodb.tables.values():
        kinds: set[str] = set()
        for key, row in list(table.rows.items()):
            kind, mark, _ = key.partition("#")
            if mark and kind not in kinds:
                kinds.add(kind)
                table.store(f"{kind}#twin", {**row, "pk": {"S": f"{kind}#twin"}})
                if kind == "ORDER":
                    table.store(key, {**row, "updated_at": now})
