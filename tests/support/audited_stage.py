"""A small stage that the services' own code writes on, one step of an order at a time, for the audit to read.

Production code decides and writes; only the order of the saga's steps is written down here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

from botocore.exceptions import ClientError

from audit.snapshot import Snapshot, read_snapshot
from audit.tables import LEDGER, TABLES
from kernel import clock
from kernel.aggregate_store import Causation, Decision
from kernel.events import DomainEvent
from kernel.money import Money
from kernel.naming import PENDING_INDEX, SERVICES
from kernel.relay import Outbox, republish
from kernel.statements import IfShort, PaymentStatement, Quantity, StockStatement
from services.inventory.domain import decisions as stock
from services.inventory.domain.decisions import ReservationStep
from services.inventory.domain.stock import merge
from services.inventory.storage.shards import Shards
from services.inventory.storage.skus import Skus
from services.inventory.storage.table import Replenishments, Reservations
from services.inventory.use_cases.split_stock import KnownSplits, SplitStock
from services.notification.domain import decisions as mail
from services.notification.domain.decisions import Notice
from services.notification.domain.model import Kind
from services.notification.storage.table import Notes
from services.order.domain import decisions, identity, order_request
from services.order.domain.model import OrderRow, Reason, ShipmentFailure
from services.order.domain.order_request import OrderRequest, Placement
from services.order.domain.prices import Offer
from services.order.storage.catalogue import Catalogue
from services.order.storage.table import Orders
from services.payment.domain import decisions as payment_decisions
from services.payment.domain.gateway import GatewayFaultError, Intent
from services.payment.gateways.ledger import Ledger
from services.payment.gateways.sandbox import SandboxGateway
from services.payment.storage.table import Payments
from services.payment.use_cases.processor import PaymentProcessor
from services.shipping.domain import decisions as shipping
from services.shipping.storage.table import Shipments
from simulation.engine.dynamodb import Answer, DynamoDB, RefusalError
from tests.support.choreography import Bus

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PRICES = {"MUG": (1250, "USD"), "LP": (2499, "USD"), "GIFT": (0, "USD"), "TASSE": (1100, "EUR"), "RARE": (9900, "USD")}
PRICES |= {"LAST": (700, "USD"), "PAIR": (800, "USD"), "ONE": (900, "USD"), "LATE": (1000, "USD"), "NEVER": (1100, "USD")}
Steps = Iterator[None]
LIMITS = decisions.Limits(undecided=timedelta(minutes=10), back_ordered=timedelta(days=6))


@dataclass(frozen=True)
class Story:
    """An order and its end. `fate` is how far its parcel comes, or why it is cancelled; `channel` is the shop, or the API."""

    fate: str
    token: str = "pm_card_visa"
    lines: tuple[tuple[str, int], ...] = (("MUG", 2), ("LP", 1))
    currency: str = "USD"
    channel: str = "api"
    if_short: IfShort = "REJECT"


STORIES = (
    Story("DELIVERED"),
    Story("DELIVERED", lines=(("LP", 1), ("GIFT", 3))),
    Story("DELIVERED", "pm_card_slow"),
    Story("DELIVERED", channel="marketplace"),
    Story("DELIVERED", lines=(("TASSE", 4),), currency="EUR"),
    Story("DELIVERED OUT OF ORDER"),
    Story("DISPATCHED"),
    Story("DISPATCHED", lines=(("MUG", 1),), channel="cdnow"),
    Story("DISPATCHED", lines=(("TASSE", 1),), currency="EUR"),
    Story("DELIVERED", lines=(("GIFT", 1),)),
    Story("DISPATCHED", lines=(("GIFT", 2),), channel="cdnow"),
    Story("FAILED"),
    Story("FAILED", lines=(("GIFT", 1),), channel="marketplace"),
    Story("RETURNED"),
    Story("RETURNED BEFORE ITS SHIPMENT", lines=(("TASSE", 1),), currency="EUR"),
    Story("RETURNED TOO LATE"),
    Story("REFUND REFUSED AT FIRST", "pm_card_refund_refused"),
    Story("FORGOTTEN", channel="marketplace"),
    Story("DECLINED", "pm_card_declined"),
    Story("DECLINED", "pm_card_insufficient_funds", (("TASSE", 2),), "EUR"),
    Story("DECLINED", "pm_card_declined", channel="cdnow"),
    Story("OUT OF STOCK", lines=(("RARE", 5), ("MUG", 1))),
    Story("OUT OF STOCK", lines=(("RARE", 7),), channel="marketplace"),
    Story("OUT OF STOCK", lines=(("GIFT", 100),)),
    Story("CAPTURE REFUSED", "pm_card_capture_refused"),
    Story("CAPTURE REFUSED", "pm_card_capture_refused", channel="cdnow"),
    Story("RESTOCKED", "pm_card_capture_refused"),
    Story("RESTOCKED", "pm_card_capture_refused", (("LP", 3),)),
    Story("CUSTOMER"),
    Story("CUSTOMER", lines=(("GIFT", 1),)),
    Story("CUSTOMER WHILE HELD"),
    Story("CUSTOMER WHILE HELD", lines=(("TASSE", 1),), currency="EUR"),
    Story("CUSTOMER ON DECLINED", "pm_card_declined"),
    Story("EXPIRED"),
    Story("EXPIRED", channel="marketplace"),
    Story("UNAVAILABLE", "pm_card_unavailable"),
    Story("ANSWER LOST", "pm_card_declined"),
    Story("DELIVERED", lines=(("LAST", 5), ("MUG", 1)), if_short="ALLOW_PARTIAL"),
    Story("RETURNED", lines=(("PAIR", 3), ("LP", 1)), if_short="ALLOW_PARTIAL"),
    Story("CUSTOMER WHILE HELD", lines=(("ONE", 2),), if_short="ALLOW_PARTIAL"),
    Story("DELIVERED", lines=(("LATE", 2), ("MUG", 1)), if_short="BACK_ORDER"),
    Story("CUSTOMER WHILE HELD", lines=(("LATE", 1),), if_short="BACK_ORDER"),
    Story("CARD RAN OUT", lines=(("LATE", 3),), if_short="BACK_ORDER"),
    Story("WAITING", lines=(("NEVER", 2), ("MUG", 1)), channel="cdnow", if_short="BACK_ORDER"),
    Story("WAITED IN VAIN", lines=(("NEVER", 1),), if_short="BACK_ORDER"),
)


class Client:
    """boto3's client for the simulated DynamoDB, as far as the services and the audit use it. It scans in small pages."""

    def __init__(self, tables: DynamoDB) -> None:
        self.tables = tables

    def __getattr__(self, method: str) -> Callable[..., Answer]:
        operation = "".join(part.capitalize() for part in method.split("_"))

        def call(**request: object) -> Answer:
            try:
                return self.tables.call(operation, request)
            except RefusalError as refusal:
                answer = {"Error": {"Code": refusal.code, "Message": refusal.message}, **refusal.extra}
                raise ClientError(answer, operation) from None

        return call

    def get_paginator(self, method: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=lambda **request: self._pages(method, {"Limit": 20, **request}))

    def _pages(self, method: str, request: dict[str, object]) -> Iterator[Answer]:
        while True:
            page = self.__getattr__(method)(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@dataclass
class Stage:
    """The five tables and the ledger in memory, and the clock, which moves a tenth of a second whenever it is read."""

    tables: DynamoDB = field(default_factory=DynamoDB)
    ticks: int = 0
    bus: Bus = field(default_factory=Bus)

    def __post_init__(self) -> None:
        for table in TABLES:
            indexes = {PENDING_INDEX: ("pending_shard", "pending_since")}
            self.tables.create(table, range_key="sk" if table == LEDGER else None, indexes=indexes)
        self.client = Client(self.tables)
        self.orders, self.payments = Orders(self.client, "order"), Payments(self.client, "payment")
        self.gateway = SandboxGateway(Ledger(self.client, "ledger"))
        self.reservations = Reservations(self.client, "inventory")
        self.split_stock = SplitStock(Skus(self.client, "inventory"), Shards(self.client, "inventory"))
        self.replenishments = Replenishments(self.client, "inventory")
        self.shipments, self.notes = Shipments(self.client, "shipping"), Notes(self.client, "notification")

    def now(self) -> datetime:
        """Return a new moment at each call."""
        self.ticks += 1
        return NOON + timedelta(milliseconds=100 * self.ticks)

    def open(self) -> None:
        """Prices, and two deliveries of goods."""
        prices = [{"sku": sku, "amount": amount, "currency": currency} for sku, (amount, currency) in PRICES.items()]
        Catalogue(self.client, "order").set_prices(prices)
        for delivery, items in {
            "monday": {"MUG": 60, "LP": 50, "RARE": 2, "LAST": 2, "PAIR": 2, "ONE": 1},
            "tuesday": {"MUG": 5, "TASSE": 20, "GIFT": 30},
        }.items():
            self._replenish(delivery, items)

    def _replenish(self, delivery: str, items: dict[str, int]) -> None:
        self.replenishments.apply_step(
            delivery, lambda row, _: stock.replenish(row, delivery, items), Causation(delivery, delivery)
        )

    def relay(self) -> None:
        """Every event that waits, onto the bus."""
        for table in SERVICES:
            republish(Outbox(self.client, self.bus, table, "bus"), timedelta(0))

    def snapshot(self) -> Snapshot:
        """Return the snapshot of the tables."""
        return read_snapshot(self.client, {table: table for table in TABLES})

    def live(self, story: Story, number: int) -> Steps:
        """Yield the steps of one order's story."""
        key, correlation = f"key-{number}", f"request-{number}"
        customer_id = f"customer-{number % 7}"
        request: OrderRequest = {
            "customer_id": customer_id,
            "currency": story.currency,
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in story.lines],
            "payment_token": story.token,
        }
        if story.if_short != "REJECT":
            request["if_short"] = story.if_short
        by_channel = story.channel != "api"
        scope = identity.channel_scope(story.channel) if by_channel else identity.customer_scope(customer_id)
        placement = Placement(scope, story.channel, key, request, "async" if by_channel else "sync")
        offer = Offer({sku: Money(*price) for sku, price in PRICES.items()}, frozenset([customer_id]))
        change = order_request.create(placement, order_request.price(request, offer), self.now(), correlation, correlation)
        self.orders.write(placement.order_id, None, change, Causation(correlation, correlation))
        yield
        yield from Order(
            self, story, placement.order_id, Causation(correlation, identity.placed_event_id(placement.order_id))
        ).live()


AUTHORIZED: PaymentStatement = {"outcome": "AUTHORIZED"}
EXPIRED = cast("Reason", "EXPIRED")
"""A reason that released versions of OrderCancelled have, and no order gets any more."""
WHY: dict[str, Reason] = {"DECLINED": "PAYMENT_DECLINED", "CUSTOMER ON DECLINED": "CUSTOMER"}


@dataclass
class Order:
    """An order once it is placed."""

    stage: Stage
    story: Story
    order_id: str
    cause: Causation

    def live(self) -> Steps:
        match self.story.fate:
            case "EXPIRED":
                yield from self.cancelled(EXPIRED)
            case "CUSTOMER":
                yield from self.cancelled("CUSTOMER")
            case "UNAVAILABLE" | "ANSWER LOST" | "DECLINED" | "CUSTOMER ON DECLINED" as fate:
                yield from self.authorize(answer_lost=fate == "ANSWER LOST")
                yield from self.cancelled(WHY.get(fate, "PAYMENT_UNAVAILABLE"))
            case "OUT OF STOCK" | "CUSTOMER WHILE HELD" | "WAITED IN VAIN" as fate:
                yield from self.authorize()
                yield from self.reserve()
                yield from self.cancelled("CUSTOMER" if fate == "CUSTOMER WHILE HELD" else "OUT_OF_STOCK")
            case "CARD RAN OUT":  # as it waited, or just after: the gateway's webhook reports it
                yield from self.authorize()
                yield from self.reserve()
                PaymentProcessor(self.stage.payments, self.stage.gateway).void(self.order_id, self.cause)
                yield
                yield from self.cancelled("PAYMENT_VOIDED")
            case "WAITING":
                yield from self.authorize()
                yield from self.reserve()
            case fate:
                yield from self.authorize()
                yield from self.reserve()
                self.advance(lambda row: decisions.decide_to_confirm(row, self.reserved, clock.now(), AUTHORIZED))
                yield
                if fate == "CAPTURE REFUSED":
                    yield from self.capture()
                else:
                    yield from self.commit()
                    yield from self.capture()
                if fate in ("CAPTURE REFUSED", "RESTOCKED"):
                    self.advance(lambda row: decisions.revert_to_cancelling(row, "CAPTURE_REFUSED", "CAPTURE_REFUSED"))
                    yield
                    yield from self.let_go()
                else:
                    yield from self.confirmed()

    def advance(self, decide: Callable[..., Decision | None]) -> OrderRow:
        return self.stage.orders.create_or_apply(self.order_id, decide, self.cause)

    @property
    def row(self) -> OrderRow:
        row = self.stage.orders.get(self.order_id)
        assert row is not None
        return row

    def authorize(self, answer_lost: bool = False) -> Steps:
        intent = Intent(self.order_id, Money.from_dict(self.row["total"]), self.story.token)
        self.stage.payments.create_or_apply(
            self.order_id,
            lambda row: payment_decisions.intend_authorize(row, intent, self.cause.correlation_id),
            self.cause,
        )
        yield
        if answer_lost:
            self.stage.gateway.authorize(intent)
            yield
            return
        for _ in range(2):
            try:
                PaymentProcessor(self.stage.payments, self.stage.gateway).authorize(intent, self.cause)
            except GatewayFaultError:
                yield
        yield

    def capture(self) -> Steps:
        total = Money.from_dict(self.row["total"])
        self.stage.payments.create_or_apply(self.order_id, lambda row: payment_decisions.intend_capture(row, total), self.cause)
        yield
        PaymentProcessor(self.stage.payments, self.stage.gateway).capture(self.order_id, self.cause, total)
        yield

    def reserve(self) -> Steps:
        wanted, if_short, correlation_id = merge(self.row["lines"]), self.story.if_short, self.cause.correlation_id
        turn = self.stage.ticks
        self.stage.split_stock.merging_if_short(
            lambda: self.move(
                lambda row, seen: stock.reserve(row, seen, self.order_id, wanted, if_short, correlation_id, {}, turn)
            ),
            KnownSplits(),
        )
        yield
        if self.reserved["outcome"] == "WAITING":
            yield from self.wait()

    @property
    def reserved(self) -> StockStatement:
        row = self.stage.reservations.get(self.order_id)
        assert row is not None
        return stock.answer(row)

    def wait(self) -> Steps:
        """Yield the arrival of the missing stock, unless the story says otherwise."""
        stage, late = self.stage, f"for-{self.order_id}"
        row = self.advance(lambda row: decisions.wait(row, self.reserved, "", LIMITS, stage.now()))
        yield
        yield from self.notify("backordered", f"ORDER#{self.order_id}#{row['version']}")
        if self.story.fate in ("WAITING", "WAITED IN VAIN"):
            return
        arrived = merge(self.row["lines"])
        stage.replenishments.apply_step(late, lambda row, seen: stock.replenish(row, late, arrived), Causation(late, late))
        yield
        self.move(lambda row, seen: stock.allocate(row, seen, dict.fromkeys(arrived, 0)))
        yield
        self.advance(lambda row: decisions.resume(row, stage.now()))
        yield

    def commit(self) -> Steps:
        self.move(stock.commit)
        yield

    def move(self, decide: Callable[..., ReservationStep | None]) -> None:
        self.stage.reservations.apply_step(self.order_id, decide, self.cause)

    def cancelled(self, reason: Reason) -> Steps:
        self.advance(lambda row: decisions.decide_to_cancel(row, reason, clock.now()))
        yield
        yield from self.let_go()

    def let_go(self) -> Steps:
        stage, correlation = self.stage, self.cause.correlation_id
        stage.payments.create_or_apply(
            self.order_id,
            lambda row: payment_decisions.intend_void(row, self.order_id, correlation),
            self.cause,
        )
        yield
        paid = PaymentProcessor(stage.payments, stage.gateway).void(self.order_id, self.cause)["outcome"]
        yield
        self.move(lambda row, seen: stock.release(row, seen, self.order_id, correlation))
        reserved = stage.reservations.get(self.order_id)
        yield
        assert reserved
        row = self.advance(lambda row: decisions.cancel(row, paid, reserved["status"]))
        yield
        yield from self.notify("cancelled", f"ORDER#{self.order_id}#{row['version']}")

    def confirmed(self) -> Steps:
        stage = self.stage
        row = self.advance(lambda row: decisions.confirm(row, "CAPTURED", "COMMITTED"))
        yield
        event_id = f"ORDER#{self.order_id}#{row['version']}"
        lines: list[Quantity] = [{"sku": line["sku"], "quantity": line["quantity"]} for line in row["lines"]]
        data = {"customer_id": row["customer_id"], "lines": lines, "total": row["total"]}
        event = DomainEvent(
            "orderflow.order", "OrderConfirmed", event_id, row["updated_at"], row["correlation_id"], "c", self.order_id, data
        )
        if self.story.fate == "RETURNED BEFORE ITS SHIPMENT":
            yield from self.notify("confirmed", event_id)
            yield from self.returned(event)
            return
        correlation_id = self.cause.correlation_id
        stage.shipments.create_or_apply(
            self.order_id, lambda row: shipping.create(row, self.order_id, correlation_id, lines, stage.now()), self.cause
        )
        yield
        yield from self.notify("confirmed", event_id)
        if self.story.fate == "FAILED":
            self.ship(lambda row: shipping.fail(row, shipping.NO_ADDRESS, NOON))
            yield
            yield from self.given_back("NO_ADDRESS")
            return
        if self.story.fate in ("RETURNED", "REFUND REFUSED AT FIRST"):
            yield from self.returned(event)
            return
        self.ship(lambda row: shipping.book("BOOKING-1", lines))
        yield
        if self.story.fate == "RETURNED TOO LATE":
            self.advance(lambda row: decisions.request_cancellation(row, "CUSTOMER", stage.now()))
            yield
        self.ship(lambda row: shipping.dispatch(row, "TRACK-1", stage.now()))
        yield
        yield from self.notify("dispatched", f"SHIP#{self.order_id}#3")
        if self.story.fate != "DELIVERED OUT OF ORDER":
            self.advance(lambda row: decisions.mark_fulfilment(row, "DISPATCHED"))
            yield
        if self.story.fate in ("DELIVERED", "DELIVERED OUT OF ORDER", "RETURNED TOO LATE"):
            self.ship(shipping.deliver)
            yield
            self.advance(lambda row: decisions.mark_fulfilment(row, "DELIVERED"))
            yield

    def returned(self, event: DomainEvent) -> Steps:
        """Yield the cancellation of the order before its parcel is dispatched."""
        self.advance(lambda row: decisions.request_cancellation(row, "CUSTOMER", self.stage.now()))
        yield
        self.ship(lambda row: shipping.cancel(row, self.order_id, event.correlation_id))
        yield
        yield from self.given_back(None)

    def given_back(self, failure: ShipmentFailure | None) -> Steps:
        """Money and goods go back, in no order."""
        stage = self.stage
        row = self.advance(lambda row: decisions.begin_refund(row, failure, stage.now()))
        event_id = f"ORDER#{self.order_id}#{row['version']}"
        yield
        self.move(stock.restock)
        yield
        self.advance(lambda row: decisions.record_return(row, "restocked"))
        yield
        cause, now = Causation(self.cause.correlation_id, event_id), stage.now()
        paid = stage.payments.apply(self.order_id, lambda row: payment_decisions.intend_refund(row, cause, now), cause)
        yield
        paid = PaymentProcessor(stage.payments, stage.gateway).refund(paid)
        yield
        if paid["status"] == "REFUND_REFUSED":
            paid = stage.payments.apply(self.order_id, lambda row: payment_decisions.retry_refund(row, cause, now), cause)
            yield
            PaymentProcessor(stage.payments, stage.gateway).refund(paid)
            yield
        self.advance(lambda row: decisions.record_return(row, "refunded"))
        yield
        yield from self.notify("cancelled", event_id)

    def ship(self, decide: Callable[..., Decision | None]) -> None:
        self.stage.shipments.create_or_apply(self.order_id, decide, self.cause)

    def notify(self, kind: Kind, event_id: str) -> Steps:
        notice = Notice(self.order_id, kind, self.cause.correlation_id, event_id)
        if self.story.fate == "FORGOTTEN":
            self.note(notice, lambda row: mail.fail_unsent(row, notice, mail.NO_CONTACT))
            yield
            return
        self.note(notice, lambda row: mail.claim(row, notice, "nonce-1"))
        yield
        if self.order_id < "ord-b":  # some mails need a second attempt
            self.note(notice, lambda row: mail.unclaim(row, "nonce-1"))
            yield
            self.note(notice, lambda row: mail.claim(row, notice, "nonce-1"))
        self.note(notice, lambda row: mail.send(row, "nonce-1", f"mail-{kind}"))
        yield

    def note(self, notice: Notice, decide: Callable[..., Decision | None]) -> None:
        self.stage.notes.create_or_apply(notice.note_id, decide, notice.causation)


def last_moved(snapshot: Snapshot) -> datetime:
    """When the last of the rows moved."""
    return clock.from_rfc3339(
        max(str(row["updated_at"]) for table in SERVICES for row in snapshot.table(table) if "updated_at" in row)
    )
