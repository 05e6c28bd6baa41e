"""Those outside: customers at the API, channels at the bus, the operator; patient, impatient, and confused ones."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from simulation.engine.bus import Entry
from simulation.engine.dynamodb import RefusalError
from simulation.engine.faults import Kind
from simulation.engine.functions import Answered
from simulation.engine.network import UnansweredError
from simulation.engine.scheduler import SECOND, Task
from simulation.stage import accounts, deployment
from simulation.stage.forger import Forger
from simulation.stage.gateway import RemoteCarrier
from simulation.stage.invariants.privacy import MARKER
from simulation.stage.invariants.rows import lines_of, number_of, status_of, text_of
from simulation.stage.strangers import Stranger

if TYPE_CHECKING:
    from simulation.stage.world import World

NO_ANSWER: Final = (0, 429, 500, 503)
"""Statuses that promise nothing."""
CLIENT_PATIENCE: Final = 31.0
MINUTE: Final = 60 * SECOND
TOKENS: Final = (
    ("pm_card_visa", 58.0),
    ("pm_card_refund_refused", 10.0),
    ("pm_card_declined", 5.0),
    ("pm_card_insufficient_funds", 3.0),
    ("pm_card_capture_refused", 8.0),
    ("pm_card_slow", 8.0),
    ("pm_card_unavailable", 5.0),
    ("pm_nobody_knows", 3.0),
)
STRANGER: Final = "stranger"
"""A customer without a contact."""
PRICES: Final = (0, 1, 995, 1250, 123_456)
PRICES_IN_DINARS: Final = (0, 5, 995, 1235, 123_450)
"""Stripe takes hundredths of a dinar, so two of a SKU can be paid for, and one often not."""
IF_SHORT: Final = (("REJECT", 60.0), ("ALLOW_PARTIAL", 18.0), ("BACK_ORDER", 22.0))
IF_SHORT_OF_ALL: Final = (("REJECT", 15.0), ("ALLOW_PARTIAL", 15.0), ("BACK_ORDER", 70.0))
"""The choices of customers on a day of shortage."""
CHANNELS: Final = ("cdnow", "market")


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; status 0 when none came."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str | None:
        """Its ETag."""
        return next((value for name, value in self.headers.items() if name.lower() == "etag"), None)


@dataclass(frozen=True)
class OrderPlan:
    """An order that a customer is about to place."""

    number: int
    customer_id: str
    key: str
    lines: tuple[tuple[str, int], ...]
    currency: str
    token: str
    if_short: str = "REJECT"

    def request(self) -> dict[str, Any]:
        """Return the body of POST /orders, and of a channel's event."""
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in self.lines]
        asked = {"customer_id": self.customer_id, "currency": self.currency, "lines": lines, "payment_token": self.token}
        return asked if self.if_short == "REJECT" else {**asked, "if_short": self.if_short}

    def order_id(self, channel: str | None = None) -> str:
        """Return the order's id, by the service's own rule."""
        identity = import_module("services.order.domain.identity")
        scope = identity.channel_scope(channel) if channel else identity.customer_scope(self.customer_id)
        return str(identity.order_id(scope, self.key))


SHOP: Final = "arn:aws:sts::123456789012:assumed-role/shop-backend/i-0123456789abcdef0"
"""The ARN by which API Gateway states the caller: the role of the shop's backend, and its session."""


def call(world: "World", method: str, path: str, body: object = None, *, function: str = "order-api", **headers: str) -> Reply:
    """One HTTP request of the running customer, through API Gateway."""
    task = world.scheduler.current
    assert task is not None
    boundary = task.numbered(f"{method} {path}")
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "http": {"method": method, "path": path},
            "requestId": boundary[-120:],
            "stage": "$default",
            "authorizer": {"iam": {"userArn": SHOP}},
        },
        "body": json.dumps(body) if body is not None else None,
        "isBase64Encoded": False,
    }

    def execute() -> Reply:
        result = world.functions.invoke(function, event, boundary, 30 * SECOND)
        if isinstance(result, Answered):
            answer = result.value
            headers = {name: values[0] for name, values in answer.get("multiValueHeaders", {}).items()}
            headers |= answer.get("headers", {})
            return Reply(answer["statusCode"], json.loads(answer["body"]) if answer.get("body") else {}, headers)
        return Reply(503 if result is None else 500)

    try:
        reply = world.network.exchange(boundary, Kind.HTTP, execute, CLIENT_PATIENCE)
    except UnansweredError:
        reply = Reply(0)
    except RefusalError as refusal:
        reply = Reply(429 if refusal.code == "ThrottlingException" else 500)
    world.history.add(world.scheduler.now, f"{boundary}: {reply.status} {reply.body.get('status', '')}")
    return reply


def place(
    world: "World", order_plan: OrderPlan, *, respond_async: bool = False, body: Mapping[str, Any] | None = None
) -> Reply:
    """POST the order, and compare the response with the rows."""
    request = order_plan.request() if body is None else body
    since = world.scheduler.now
    order_id, who = order_plan.order_id(), f"customer {order_plan.customer_id}"
    headers = world.invariants.traces.headers(order_id) | ({"prefer": "respond-async"} if respond_async else {})
    was_placed = order_id in world.invariants.record.orders
    reply = call(world, "POST", "/orders", request, idempotency_key=order_plan.key, **headers)
    if reply.status == 422 and reply.body["type"].endswith("/contact-missing"):
        world.invariants.answers.lacks_contact(order_plan.customer_id, order_id, was_placed=was_placed)
    elif reply.status not in NO_ANSWER:
        lines = [(line["sku"], line["quantity"]) for line in request["lines"]]
        world.invariants.placement.answered(who, order_id, lines, refused=reply.status == 422)
    if reply.status in (201, 202, 402, 409):
        world.invariants.statements.answered(who, order_id, reply.status, reply.body, reply.tag, since)
    match reply.status:
        case 201:
            world.invariants.answers.ended(who, order_id, "CONFIRMED")
        case 402 | 409:
            world.invariants.answers.ended(who, order_id, "CANCELLED")
            world.invariants.statements.rejected(who, order_id, reply.status, reply.body["order"].get("reason"))
        case status if status not in (*NO_ANSWER, 202, 422):
            raise AssertionError(f"POST /orders of {order_id} was answered {status}: {reply.body}")
    return reply


def show(world: "World", order_plan: OrderPlan) -> Reply:
    """GET the order, and compare the response with the rows."""
    since = world.scheduler.now
    reply = call(world, "GET", f"/orders/{order_plan.order_id()}")
    if reply.status == 200:
        who = f"customer {order_plan.customer_id}"
        world.invariants.statements.answered(who, order_plan.order_id(), reply.status, reply.body, reply.tag, since)
    if reply.status == 200 and reply.body["status"] in ("CONFIRMED", "CANCELLED"):
        world.invariants.answers.ended(f"customer {order_plan.customer_id}", order_plan.order_id(), reply.body["status"])
    return reply


def cancel(world: "World", order_id: str, reason: str | None = None) -> Reply:
    """POST a cancellation, and compare the response with the rows."""
    since = world.scheduler.now
    reply = call(world, "POST", f"/orders/{order_id}/cancel", {"reason": reason} if reason else None)
    if reply.status in (200, 202, 409):
        world.invariants.statements.answered("a customer", order_id, reply.status, reply.body, reply.tag, since)
    if reply.status == 200:
        world.invariants.answers.ended("a customer", order_id, "CANCELLED")
    return reply


def tell_delivered(world: "World", order_id: str, *, forged: bool = False) -> Reply:
    """Call the carrier's webhook for an arrived parcel, with the right secret or with a wrong one."""
    body = {"order_id": order_id, "parcel": "DELIVERED"}
    webhooks, clock = import_module("kernel.webhooks"), import_module("kernel.clock")
    if world.accounts is None:
        signature = webhooks.sign("guessed" if forged else RemoteCarrier.SECRET, json.dumps(body), clock.now())
        headers = {"orderflow_signature": signature}
    else:
        labels = world.accounts.easypost.labels_of(order_id)
        if not labels:
            return Reply(0)
        signed, text = world.accounts.easypost.event(labels[0], "in_transit")
        body = json.loads(text)
        headers = {name: "hmac-sha256-hex=guessed" if forged else value for name, value in signed.items()}
    reply = call(world, "POST", "/webhooks/carrier", body, function="shipping-webhook", **headers)
    if reply.status not in NO_ANSWER:
        world.invariants.answers.webhook_answered(order_id, reply.status, forged=forged)
    return reply


def publish(
    world: "World", order_plan: OrderPlan, channel: str, copy: int = 0, data: Mapping[str, object] | None = None
) -> None:
    """Put a channel's OrderPlaced on the bus. A channel has no outbox, so it retries until the bus accepts."""
    task = world.scheduler.current
    assert task is not None
    event_id = f"{channel}-{order_plan.key}-{copy}"
    detail = {
        "metadata": {"event_id": event_id, "event_version": 1, "occurred_at": world.time_of(world.scheduler.now)},
        "data": {"idempotency_key": order_plan.key, **order_plan.request()} if data is None else data,
    }
    entry: Entry = {
        "EventBusName": deployment.BUS,
        "Source": f"orderflow.channel.{channel}",
        "DetailType": "OrderPlaced",
        "Detail": json.dumps(detail),
    }
    for _ in range(10):
        boundary = task.numbered(f"channel {channel} puts {event_id}")
        try:
            world.network.exchange(
                boundary,
                Kind.HTTP,
                partial(world.bus.call, "PutEvents", {"Entries": [entry]}, boundary),
                3.0,
            )
            return
        except (UnansweredError, RefusalError):
            world.scheduler.sleep(SECOND)


def contact_of(customer_id: str, country: str = "DE", moves: int = 0) -> dict[str, Any]:
    """Return a contact with the marker in every personal field, a new one after each move."""
    address = {"line1": f"{MARKER} Street {1 + moves}", "city": f"{MARKER}ville", "postal_code": "10115", "country": country}
    email = f"{customer_id}@{MARKER}.example" if moves == 0 else f"{customer_id}.{moves}@{MARKER}.example"
    return {"name": f"{customer_id.title()} {MARKER}", "email": email, "address": address}


def seed(world: "World", prices: Mapping[str, tuple[int, str]], stock: Mapping[str, int], customers: Mapping[str, str]) -> None:
    """Catalogue, stock and contacts before the first customer comes, by the operator's own commands. Nothing strikes them."""
    threshold, world.plan.quiet = world.plan.quiet, True

    def run() -> None:
        listed = [{"sku": sku, "amount": amount, "currency": currency} for sku, (amount, currency) in prices.items()]
        _done(world.functions.invoke("order-operator", {"command": "set_prices", "prices": listed}, "operator"))
        items = [{"sku": sku, "quantity": quantity} for sku, quantity in stock.items() if quantity]
        command = {"command": "replenish", "replenishment_id": "opening", "items": items}
        _done(world.functions.invoke("inventory-operator", command, "operator"))
        for customer_id, country in customers.items():
            call(world, "PUT", f"/customers/{customer_id}/contact", contact_of(customer_id, country))
        world.plan.quiet = threshold

    world.scheduler.spawn("operator", run)
    world.scheduler.run()


def replenish(world: "World", replenishment_id: str, items: list[dict[str, Any]]) -> None:
    """Take goods in as the operator, and repeat the command: it counts once."""
    command = {"command": "replenish", "replenishment_id": replenishment_id, "items": items}
    for _ in range(2):
        world.functions.invoke("inventory-operator", command, f"operator > {replenishment_id}")


def _done(result: object) -> None:
    assert isinstance(result, Answered), result


def set_prices(world: "World", prices: Mapping[str, tuple[int, str]]) -> None:
    """Set prices as the operator. Orders placed before keep theirs."""
    listed = [{"sku": sku, "amount": amount, "currency": currency} for sku, (amount, currency) in prices.items()]
    world.functions.invoke("order-operator", {"command": "set_prices", "prices": listed}, "operator sets prices")


def split(world: "World", name: str, sku: str, shards: int) -> None:
    """Split the stock of a SKU as the operator, or merge it if `shards` is 1."""
    world.functions.invoke("inventory-operator", {"command": "split", "sku": sku, "shards": shards}, name)


def feed_back(world: "World", email: str, name: str, kind: str) -> None:
    """Report a bounce or a complaint, as SES does; Lambda tries an event three times."""
    detail = {
        "bounce": {"bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": email}]}},
        "soft bounce": {"bounce": {"bounceType": "Transient", "bouncedRecipients": [{"emailAddress": email}]}},
        "complaint": {"complaint": {"complainedRecipients": [{"emailAddress": email}]}},
    }[kind]
    detail_type = "Email Complaint Received" if kind == "complaint" else "Email Bounced"
    for _ in range(3):
        event = {"source": "aws.ses", "detail-type": detail_type, "detail": detail}
        if isinstance(world.functions.invoke("notification-feedback", event, name), Answered):
            return
        world.scheduler.sleep(MINUTE)


def retry_refused_refunds(world: "World", also: tuple[str, ...] = ()) -> None:
    """Retry every refund that the gateway refused, as the operator, or pay the customer in another way.

    A refund with an unknown outcome may be settled too: whatever its calls do then, the customer gets the money once. Refunds
    of the statuses `also` are retried too.
    """
    for key, row in list(world.dynamodb.tables["payment"].rows.items()):
        if status_of(row) not in ("REFUND_REFUSED", "REFUNDING", *also):
            continue
        about = {"order_id": key.partition("#")[2], "correlation_id": "operator", "causation_id": "operator"}
        if status_of(row) in ("REFUND_REFUSED", "REFUNDING") and world.chance.below(f"settles {key}", 3) == 0:
            command = {"command": "settle_refund", "reference": f"TRANSFER/{about['order_id'][-6:]}", **about}
        elif status_of(row) in ("REFUND_REFUSED", *also):
            command = {"command": "retry_refund", **about}
        else:
            continue
        world.spawn(f"operator: {command['command']} {key}", partial(_operate_refund, world, command))


def _operate_refund(world: "World", command: dict[str, str]) -> None:
    world.functions.invoke("payment-operator", command, f"operator > {command['order_id']}")


class Workload:
    """The customers of a random world: `count` orders, drawn from the world's chance."""

    def __init__(self, world: "World", count: int, chosen: frozenset[int] | None = None) -> None:
        self.world = world
        self.chance = world.chance
        self.count = count
        self.chosen = chosen
        """The orders that are placed, by number; all when None. The others draw as if they were."""
        self.returns = self.chance.below("a day of returns", 3) == 0
        """Whether most orders are returned, by cards that refuse the refund at first."""
        self.shortage = not self.returns and self.chance.below("a day of shortage", 3) == 0
        """Whether stock is short, and most customers wait for it."""

    def run(self) -> None:
        """Stock the shop, and spawn the customers, the operator, the carrier and the intruders."""
        world, chance = self.world, self.chance
        skus = [f"SKU-{position}" for position in range(3 + chance.below("skus", 6))]
        currency = chance.choice("currency", ("USD", "EUR", "JPY"))
        amounts_of = PRICES
        if world.adapters and chance.below("dinars", 3) == 0:
            currency, amounts_of = "KWD", PRICES_IN_DINARS
        prices = {sku: (chance.choice(f"price {sku}", amounts_of), currency) for sku in skus}
        plenty = self.count * 4
        amounts = (0, 2, self.count // 3 + 1) if self.shortage else (0, 2, self.count // 3 + 1, plenty, plenty)
        stock = {sku: chance.choice(f"stock {sku}", amounts) for sku in skus}
        stock[skus[0]] = plenty
        people = max(2, self.count // 2)
        contacts: dict[str, str] = {}
        world.invariants.record.forgotten.add(STRANGER)
        for position in range(people):
            customer_id = f"c{position}"
            kind = chance.weighted(f"contact {customer_id}", (("DE", 88.0), ("AQ", 5.0), ("none", 7.0)))
            if kind != "DE":
                world.invariants.record.forgotten.add(customer_id)
            if kind != "none":
                contacts[customer_id] = kind
        seed(world, prices, stock, contacts)
        any_order = self.chosen is None or bool(self.chosen)
        if any_order:
            world.conditions.begin(150.0 + self.count)
        for number in range(self.count):
            if self.chosen is None or number in self.chosen:
                self._place_later(number, skus, currency, people)
        if any_order:
            self._deliver_later([sku for sku in skus if stock[sku] < plenty])
            self._change_prices_later(skus, currency)
            self._split_later(skus)
            self._change_contacts_later(sorted(contacts))
            if self.returns or chance.below("eager operator", 2):
                world.spawn("eager operator", self._retry_at_once)
            world.spawn("operator again", self._operate, after=int(chance.between("operator", 1.0, 60.0) * SECOND))
            Forger(world).run()
            Stranger(world).run()
            world.spawn("carrier", self._tell, after=int(chance.between("carrier", 30.0, 90.0) * SECOND))

    def _place_later(self, number: int, skus: list[str], currency: str, people: int) -> None:
        """Spawn the customer of the order with this number."""
        chance, order_plan = self.chance, self._plan_order(number, skus, currency, people)
        act = chance.weighted(f"act {number}", _ACTS)
        if self.returns and chance.below(f"returned {number}", 4):
            act = Workload._return_it
        at = int(chance.between(f"arrival {number}", 0.0, 20.0 + self.count) * SECOND)
        self.world.spawn(f"order {number}", partial(act, self, order_plan), after=at)

    def _deliver_later(self, scarce: list[str]) -> None:
        """Let one to three deliveries of each scarce SKU arrive, some of them late."""
        world, chance = self.world, self.chance
        for sku in scarce:
            for delivery in range(1 + chance.below(f"deliveries {sku}", 3)):
                late = chance.below(f"delivery {delivery} {sku} late", 3) == 0
                within = (600.0, 1400.0) if late else (5.0, 90.0 + self.count)
                at = int(chance.between(f"delivery {delivery} {sku}", *within) * SECOND)
                items = [{"sku": sku, "quantity": 1 + chance.below(f"delivery {delivery} {sku} of", self.count // 2 + 2)}]
                name = f"delivery-{delivery}-{sku}"
                world.spawn(name, partial(replenish, world, name, items), after=at)

    def _split_later(self, skus: list[str]) -> None:
        """Let the operator split and merge the stock of some SKUs while orders come in."""
        world, chance = self.world, self.chance
        for number in range(chance.below("splits", 6)):
            at = int(chance.between(f"split {number}", 0.5, 30.0 + self.count) * SECOND)
            sku = chance.choice(f"split {number} of", skus)
            shards = chance.choice(f"split {number} over", (1, 2, 3, 8))
            world.spawn(f"split {number}", partial(split, world, f"operator > split {number}", sku, shards), after=at)
        world.reserving = self._split_amid

    def _split_amid(self, order_id: str, boundary: str) -> None:
        """Perhaps let the operator split a SKU that a back-order is about to find short, before or after the order waits."""
        world, chance = self.world, self.chance
        order = world.invariants.record.orders.get(order_id)
        if text_of(order, "if_short") != "BACK_ORDER" or order is None or chance.below(f"{boundary} amid", 2):
            return
        rows = world.dynamodb.tables["inventory"].rows
        short = [sku for sku, quantity in lines_of(order) if number_of(rows.get(f"SKU#{sku}") or {}, "available") < quantity]
        for sku in short:
            name = f"{boundary} > split {sku}"
            after = int(chance.between(f"{name} after", 0.0, 0.02) * SECOND)
            world.spawn(name, partial(split, world, name, sku, chance.choice(f"{name} over", (2, 3))), after=after)

    def _change_prices_later(self, skus: list[str], currency: str) -> None:
        """Let the operator change some prices while orders come in."""
        world, chance = self.world, self.chance
        for change in range(chance.below("price changes", 4)):
            at = int(chance.between(f"price change {change}", 5.0, 30.0 + self.count) * SECOND)
            amount = chance.choice(f"price change {change} to", (1, 990, 2000, 77_777))
            new = {chance.choice(f"price change {change} of", skus): (amount, currency)}
            world.spawn(f"price change {change}", partial(set_prices, world, new), after=at)

    def _change_contacts_later(self, customer_ids: list[str]) -> None:
        """Let some customers move, or be forgotten."""
        world, chance = self.world, self.chance
        for customer_id in customer_ids:
            later = chance.weighted(f"{customer_id} later", _LATER)
            if later is not None:
                at = int(chance.between(f"{customer_id} later at", 1.0, 150.0 + self.count) * SECOND)
                world.spawn(f"{customer_id} {later}", partial(self._change_contact, customer_id, later), after=at)

    def _plan_order(self, number: int, skus: list[str], currency: str, people: int) -> OrderPlan:
        chance, name = self.chance, f"wish {number}"
        wanted = chance.shuffled(f"{name} skus", skus)[: 1 + chance.below(f"{name} lines", 3)]
        lines = tuple((sku, 1 + chance.below(f"{name} {sku}", 3)) for sku in wanted)
        customer_id = f"c{chance.below(f'{name} customer', people)}"
        tokens = accounts.TOKENS if self.world.adapters else TOKENS
        token = chance.weighted(f"{name} token", tokens)
        if_short = chance.weighted(f"{name} if short", IF_SHORT_OF_ALL if self.shortage else IF_SHORT)
        return OrderPlan(number, customer_id, f"key-{number}", lines, currency, token, if_short)

    # the acts of customers

    def _buy(self, order_plan: OrderPlan) -> None:
        """Place the order, and do not take silence for an answer."""
        self._insist(order_plan, respond_async=False)

    def _buy_async(self, order_plan: OrderPlan) -> None:
        self._insist(order_plan, respond_async=True)

    def _insist(self, order_plan: OrderPlan, respond_async: bool) -> None:
        for attempt in range(3):
            reply = place(self.world, order_plan, respond_async=respond_async)
            if reply.status not in NO_ANSWER:
                break
            self._pause(f"insist {order_plan.number} {attempt}", 0.1, 20.0)
        if reply.status == 202 and self.chance.below(f"looks {order_plan.number}", 2):
            self._pause(f"look {order_plan.number}", 0.5, 120.0)
            show(self.world, order_plan)

    def _click_twice(self, order_plan: OrderPlan) -> None:
        """Two requests of one key at once."""
        task = self._task()
        other = task.numbered("other click")
        after = int(self.chance.between(other, 0.0, 0.6) * SECOND)
        self.world.spawn(other, partial(place, self.world, order_plan), after=after)
        place(self.world, order_plan)

    def _change_the_mind(self, order_plan: OrderPlan) -> None:
        """Order, and cancel a moment later, while the saga runs, or after it was cut."""
        respond_async = self.chance.below(f"mind {order_plan.number}", 3) > 0
        task = self._task()
        other = task.numbered("regret")
        after = int(self.chance.between(other, 0.02, self.chance.choice(f"{other} by", (1.0, 3.0, 90.0))) * SECOND)
        self.world.spawn(other, lambda: self._regret(order_plan), after=after)
        place(self.world, order_plan, respond_async=respond_async)

    def _regret(self, order_plan: OrderPlan) -> None:
        for attempt in range(3):
            reply = cancel(
                self.world, order_plan.order_id(), self.chance.choice(f"reason {order_plan.number}", (None, "OPERATOR"))
            )
            if reply.status in (200, 409) and not reply.body.get("type", "").endswith("being-confirmed"):
                return
            self._pause(f"regret {order_plan.number} {attempt}", 0.5, 30.0)

    def _return_it(self, order_plan: OrderPlan) -> None:
        """Order, and cancel when it is confirmed: at the message by which the parcel goes, as it goes, or whenever."""
        if self.returns or self.chance.below(f"return {order_plan.number} refused", 3) == 0:
            order_plan = replace(order_plan, token=accounts.REFUND_FAILS if self.world.adapters else "pm_card_refund_refused")
        place(self.world, order_plan)
        match self.chance.below(f"return {order_plan.number} when", 3):
            case 0:
                wait = float(deployment.BOOKING_DELAY_SECONDS)
                self._pause(f"return {order_plan.number}", wait, wait + 2.0)
            case 1:
                self._await_the_parcel(order_plan)
            case 2:
                self._pause(
                    f"return {order_plan.number}",
                    0.1,
                    self.chance.choice(f"return {order_plan.number} by", (20.0, 90.0, 200.0)),
                )
        self._regret(order_plan)

    def _await_the_parcel(self, order_plan: OrderPlan) -> None:
        """Until the carrier has the parcel, known here or not; two minutes at most."""
        order_id, until = order_plan.order_id(), self.world.scheduler.now + 120 * SECOND
        while order_id not in RemoteCarrier.has and self.world.scheduler.now < until:
            self.world.scheduler.sleep(SECOND // 10)

    def _reuse_the_key(self, order_plan: OrderPlan) -> None:
        """Send another body with the same key: it is refused, and nothing changes."""
        place(self.world, order_plan)
        other = {**order_plan.request(), "lines": [{"sku": order_plan.lines[0][0], "quantity": 7}]}
        place(self.world, order_plan, body=other)

    def _by_channel(self, order_plan: OrderPlan) -> None:
        """Put a channel's event, sometimes twice, sometimes with a bad one beside it, sometimes with its key used again."""
        channel = self.chance.choice(f"channel {order_plan.number}", CHANNELS)
        publish(self.world, order_plan, channel)
        match self.chance.below(f"channel {order_plan.number} again", 6):
            case 0:
                publish(self.world, order_plan, channel, 1)
            case 1:
                publish(
                    self.world,
                    order_plan,
                    channel,
                    2,
                    {**order_plan.request(), "idempotency_key": order_plan.key, "surprise": 1},
                )
            case 2:
                unknown = [{"sku": "NO-SUCH-SKU", "quantity": 1}]
                data = {**order_plan.request(), "idempotency_key": f"{order_plan.key}-bad", "lines": unknown}
                publish(self.world, order_plan, channel, 3, data)
            case 3:
                publish(
                    self.world,
                    order_plan,
                    channel,
                    4,
                    {**order_plan.request(), "idempotency_key": order_plan.key, "customer_id": STRANGER},
                )

    def _tell(self) -> None:
        """Deliver parcels. The webhook reports some of them, some twice; a stranger calls it too."""
        for tour in range(3):
            for order_id in sorted(RemoteCarrier.has):
                match self.chance.below(f"tour {tour} {order_id}", 6):
                    case 0 | 1:
                        tell_delivered(self.world, order_id)
                    case 2:
                        tell_delivered(self.world, order_id, forged=True)
            self._pause(f"tour {tour}", 10.0, 70.0)

    def _operate(self) -> None:
        """Watch a SKU and replenish it once more as the operator, and repeat the command: it counts once."""
        items = [{"sku": "SKU-0", "quantity": 5}]
        cause = {"correlation_id": "operator", "causation_id": "operator"}
        watch = {"command": "watch", "sku": "SKU-0", "threshold": self.chance.below("threshold", 20), **cause}
        self.world.functions.invoke("inventory-operator", watch, self._task().name)
        replenish(self.world, "again", items)
        call(self.world, "GET", "/stock/SKU-0", function="inventory-api")
        for tour in range(2):  # refunds are retried while everything is struck, and again at the end
            self._pause(f"operator {tour}", 60.0, 400.0)
            retry_refused_refunds(self.world)

    def _change_contact(self, customer_id: str, kind: str) -> None:
        """Move, forget or suppress a customer. The audited rows stay."""
        world, path = self.world, f"/customers/{customer_id}/contact"
        contact = contact_of(customer_id)
        if kind not in ("moves", "soft bounce"):
            world.invariants.record.forgotten.add(customer_id)
        match kind:
            case "moves":
                for _ in range(3):
                    if call(world, "PUT", path, contact_of(customer_id, moves=1)).status not in NO_ANSWER:
                        return
            case "is forgotten":
                self._forget(customer_id)
            case "is suppressed":
                command = {"command": "suppress", "address": contact["email"]}
                world.functions.invoke("notification-commands", command, self._task().name)
                self._pause(f"{customer_id} is allowed", 20.0, 400.0)
                world.functions.invoke("notification-commands", {**command, "command": "allow"}, self._task().name)
            case _:
                feed_back(world, contact["email"], self._task().name, kind)

    def _retry_at_once(self) -> None:
        """Retry a refund as soon as it is refused, or its outcome is unknown, for ten minutes."""
        until = self.world.scheduler.now + 10 * MINUTE
        while self.world.scheduler.now < until:
            self.world.scheduler.sleep(SECOND * 2 // 5)
            retry_refused_refunds(self.world, also=("REFUNDING",))

    def _be_forgotten_while_booked(self, order_plan: OrderPlan) -> None:
        """Order, and be forgotten when the carrier was asked for the parcel and its answer is unknown."""
        buyer = replace(order_plan, customer_id=f"gone-{order_plan.number}")
        path, order_id = f"/customers/{buyer.customer_id}/contact", buyer.order_id()
        self.world.invariants.record.forgotten.add(buyer.customer_id)
        call(self.world, "PUT", path, contact_of(buyer.customer_id))
        self._insist(buyer, respond_async=False)
        until = self.world.scheduler.now + 3 * MINUTE
        while self.world.scheduler.now < until:
            self.world.scheduler.sleep(SECOND // 2)
            if status_of(self.world.dynamodb.tables["shipping"].rows.get(f"SHIP#{order_id}")) == "BOOKING":
                while not self._forget(buyer.customer_id):
                    self.world.scheduler.sleep(SECOND)
                return

    def _forget(self, customer_id: str) -> bool:
        """Ask for a contact to be deleted; return whether the API says that it is.

        Then it must have been absent at one moment since. An earlier write may come late, and store it again.
        """
        invariants, begun = self.world.invariants, self.world.scheduler.now
        if call(self.world, "DELETE", f"/customers/{customer_id}/contact").status != 204:
            return False
        if all(invariants.statements.contacts[customer_id].since(begun)):
            invariants.record.fail(
                "no_personal_data_leaks", f"the contact of {customer_id} is stored, though the API says that it is deleted"
            )
        return True

    def _register_and_buy(self, order_plan: OrderPlan) -> None:
        """Leave one's contact, and order as soon as that is answered."""
        customer_id = f"new-{order_plan.number}"
        for _ in range(5):
            if call(self.world, "PUT", f"/customers/{customer_id}/contact", contact_of(customer_id)).status == 204:
                break
        else:
            self.world.invariants.record.forgotten.add(customer_id)
        self._insist(replace(order_plan, customer_id=customer_id), respond_async=False)

    def _pause(self, name: str, least: float, most: float) -> None:
        self.world.scheduler.sleep(int(self.chance.between(name, least, most) * SECOND))

    def _task(self) -> Task:
        task = self.world.scheduler.current
        assert task is not None
        return task


_ACTS: tuple[tuple[Callable[[Workload, OrderPlan], None], float], ...] = (
    (Workload._buy, 24.0),
    (Workload._return_it, 16.0),
    (Workload._buy_async, 14.0),
    (Workload._click_twice, 8.0),
    (Workload._change_the_mind, 16.0),
    (Workload._reuse_the_key, 4.0),
    (Workload._by_channel, 18.0),
    (Workload._register_and_buy, 8.0),
    (Workload._be_forgotten_while_booked, 8.0),
)
_LATER: Final = (
    (None, 60.0),
    ("moves", 12.0),
    ("is forgotten", 10.0),
    ("is suppressed", 6.0),
    ("bounce", 6.0),
    ("soft bounce", 3.0),
    ("complaint", 3.0),
)
"""Later events of a customer's life."""
