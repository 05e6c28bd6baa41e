"""A forged event moves no money, no goods, no parcel and no order, whatever the order is: the tables stay as they were.

The handlers are all five services' own, each over its own table. An event is forged if no row of its owner says the same.
"""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from audit.tables import TABLES
from kernel import clients, clock
from kernel.naming import facts_function_name
from services.inventory.functions import facts as inventory_facts
from services.inventory.functions import subscriber as inventory_subscriber
from services.inventory.storage import table as inventory_table
from services.notification.functions import subscriber as notification_subscriber
from services.notification.storage import table as notification_table
from services.order.functions import contact, subscriber
from services.order.functions import facts as order_facts
from services.order.storage import table
from services.payment.functions import facts as payment_facts
from services.payment.functions import subscriber as payment_subscriber
from services.payment.gateways import factory
from services.payment.storage import table as payment_table
from services.shipping.functions import cancellation
from services.shipping.functions import facts as shipping_facts
from services.shipping.functions import subscriber as shipping_subscriber
from services.shipping.storage import table as shipping_table
from tests.support.audited_stage import Stage, Story
from tests.support.choreography import ADDRESS, STAGE, DeadLetterQueue, an_event, batch

UNKNOWN = "ord-" + "z" * 26
QUERIES: dict[str, Callable[..., dict[str, Any]]] = {
    facts_function_name(STAGE, "order"): order_facts.handler,
    "order-contact": contact.handler,
    facts_function_name(STAGE, "payment"): payment_facts.handler,
    facts_function_name(STAGE, "inventory"): inventory_facts.handler,
    facts_function_name(STAGE, "shipping"): shipping_facts.handler,
}
CONSUMERS: dict[tuple[str, str], list[Callable[..., dict[str, Any]]]] = {
    ("order", "OrderBackordered"): [notification_subscriber.handler],
    ("order", "OrderConfirmed"): [shipping_subscriber.handler, notification_subscriber.handler],
    ("order", "OrderCancelRequested"): [cancellation.handler],
    ("order", "OrderCancelled"): [payment_subscriber.handler, inventory_subscriber.handler, notification_subscriber.handler],
    ("shipping", "ShipmentDispatched"): [subscriber.handler, notification_subscriber.handler],
    ("shipping", "ShipmentDelivered"): [subscriber.handler],
    ("shipping", "ShipmentCancelled"): [subscriber.handler],
    ("shipping", "ShipmentFailed"): [subscriber.handler],
    ("payment", "PaymentRefunded"): [subscriber.handler],
    ("payment", "PaymentRefundedOutside"): [subscriber.handler],
    ("inventory", "StockAllocated"): [subscriber.handler],
    ("inventory", "StockReleased"): [subscriber.handler],
}
"""By event, every handler that consumes it; tests/support/consumers.py has the same subscriptions."""
WORST: dict[str, dict[str, Any]] = {
    "OrderConfirmed": {"lines": [{"sku": "MUG", "quantity": 100}]},
    "OrderCancelled": {"confirmed": True},
    "StockReleased": {"restocked": True},
    "PaymentRefundedOutside": {"left": {"amount": 0, "currency": "USD"}},
}
"""The data that would do the most harm."""
STATES: dict[str, tuple[Story, Callable[[Stage, str], bool]]] = {
    "PENDING": (Story("DISPATCHED"), lambda stage, order_id: True),
    "HELD": (Story("DISPATCHED"), lambda stage, order_id: stage.reservations.get(order_id) is not None),
    "BACKORDERED": (Story("WAITING", lines=(("NEVER", 2),), if_short="BACK_ORDER"), lambda stage, order_id: False),
    "CANCELLED": (Story("DECLINED", "pm_card_declined"), lambda stage, order_id: False),
    "CONFIRMED": (Story("DISPATCHED"), lambda stage, order_id: has_mail(stage, order_id, "confirmed")),
    "CANCEL_REQUESTED": (Story("RETURNED"), lambda stage, order_id: status(stage, order_id) == "CANCEL_REQUESTED"),
    "REFUNDING": (Story("RETURNED"), lambda stage, order_id: status(stage, order_id) == "REFUNDING"),
    "REFUNDED": (Story("RETURNED"), lambda stage, order_id: False),
    "DISPATCHED": (Story("DISPATCHED"), lambda stage, order_id: False),
    "DELIVERED": (Story("DELIVERED"), lambda stage, order_id: False),
}
"""An order's story, and where it stands still; its end if nowhere."""
TRUE = {("CANCEL_REQUESTED", "OrderCancelRequested"), ("REFUNDING", "OrderCancelled")}
"""Events that are no lie about an order there, and that others still have to act on."""


def status(stage: Stage, order_id: str) -> str:
    row = stage.orders.get(order_id)
    assert row is not None
    return str(row["status"])


def has_mail(stage: Stage, order_id: str, kind: str) -> bool:
    note = stage.notes.get(f"{order_id}#{kind}")
    return note is not None and note["status"] == "SENT"


class Queries:
    """Stands in for Lambda: the services' own queries."""

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        answer = QUERIES[FunctionName](json.loads(Payload), None)
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


class NoMail:
    """Stands in for SES, which is not to be called."""

    def send_email(self, **request: Any) -> None:
        raise AssertionError(f"a mail: {request['Content']['Simple']['Subject']['Data']}")


@pytest.fixture
def dead_letters(monkeypatch: pytest.MonkeyPatch) -> DeadLetterQueue:
    queue = DeadLetterQueue()
    monkeypatch.setattr(clients, "sqs", lambda: queue)
    return queue


@pytest.fixture
def stage(aws: None, dead_letters: DeadLetterQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage()
    monkeypatch.setattr(clients, "dynamodb", lambda: stage.client)
    monkeypatch.setattr(clients, "functions", Queries)
    monkeypatch.setattr(clients, "ses", NoMail)
    for name, value in {
        "STAGE": STAGE,
        "CONTACT_FUNCTION_ARN": "order-contact",
        "SENDER_ADDRESS": "shop@example.com",
        "CONFIGURATION_SET": "mails",
        "DEAD_LETTER_QUEUE_URL": "https://queue/dead",
        "GATEWAY": "sandbox",
        "LEDGER_TABLE_NAME": "ledger",
    }.items():
        monkeypatch.setenv(name, value)
    built = {
        "order": (table.orders, table.contacts),
        "payment": (payment_table.payments, payment_table.outside_refunds, factory.gateway),
        "inventory": (inventory_table.reservations, inventory_table.skus),
        "shipping": (shipping_table.shipments,),
        "notification": (notification_table.notes, notification_table.suppressions, notification_subscriber.settings),
    }
    for service, caches in built.items():
        monkeypatch.setenv("TABLE_NAME", service)
        for cached in caches:
            cached.cache_clear()
            cached()
    with clock.held_by(stage.now):
        stage.open()
        for number in range(7):
            customer = f"customer-{number}"
            table.contacts().put(customer, {"name": "Alice", "email": "alice@example.com", "address": ADDRESS})
        yield stage
    for caches in built.values():
        for cached in caches:
            cached.cache_clear()


def an_order(stage: Stage, state: str) -> str:
    """Live an order's story up to that state; the order's id."""
    if state == "UNKNOWN":
        return UNKNOWN
    story, stands_still = STATES[state]
    before = {row["pk"] for row in rows(stage)["order"]}
    steps = stage.live(story, 1)
    next(steps)
    (key,) = {row["pk"] for row in rows(stage)["order"]} - before
    order_id = str(key.removeprefix("ORDER#"))
    while not stands_still(stage, order_id) and next(steps, steps) is not steps:
        pass
    return order_id


def rows(stage: Stage) -> dict[str, list[Any]]:
    """All rows of all tables."""
    return {
        name: [
            {**item, "pk": item["pk"]["S"]}
            for page in stage.client.get_paginator("scan").paginate(TableName=name)
            for item in page["Items"]
        ]
        for name in TABLES
    }


@pytest.mark.parametrize(("service", "detail_type"), CONSUMERS)
@pytest.mark.parametrize("state", ["UNKNOWN", *STATES])
def test_forged_event_moves_nothing(stage: Stage, state: str, service: str, detail_type: str) -> None:
    if (state, detail_type) in TRUE:
        pytest.skip("no lie")
    order_id = an_order(stage, state)
    before = rows(stage)
    for handler in CONSUMERS[service, detail_type]:
        handler(batch(an_event(service, detail_type, order_id, **WORST.get(detail_type, {}))), None)
    assert rows(stage) == before


@pytest.mark.parametrize(
    ("state", "service", "detail_type", "said"),
    [
        ("CANCELLED", "order", "OrderConfirmed", "the order service does not confirm it: the order is CANCELLED there"),
        ("CONFIRMED", "shipping", "ShipmentFailed", "the shipping service does not confirm it: the order is CREATED there"),
        ("CONFIRMED", "order", "OrderCancelled", "the order service does not confirm it: the order is CONFIRMED there"),
        ("UNKNOWN", "order", "OrderConfirmed", "the order service does not confirm it: the order is unknown there"),
        ("REFUNDING", "payment", "PaymentRefunded", "the payment service does not confirm it: the order is CAPTURED there"),
    ],
)
def test_forged_event_is_set_aside_with_the_reason(
    stage: Stage, dead_letters: DeadLetterQueue, state: str, service: str, detail_type: str, said: str
) -> None:
    order_id = an_order(stage, state)
    event = batch(an_event(service, detail_type, order_id, **WORST.get(detail_type, {})))
    assert CONSUMERS[service, detail_type][0](event, None) == {"batchItemFailures": []}
    (reason,) = dead_letters.reasons
    assert said in reason


def test_a_silent_owner_makes_the_event_come_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = an_order(stage, "REFUNDING")
    before = rows(stage)
    monkeypatch.setitem(QUERIES, facts_function_name(STAGE, "order"), lambda event, context: {"outcome": "BUSY"})
    for handler in (payment_subscriber.handler, inventory_subscriber.handler):
        answer = handler(batch(an_event("order", "OrderCancelled", order_id, confirmed=True)), None)
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert rows(stage) == before


def test_a_true_event_is_acted_upon(stage: Stage) -> None:
    order_id = an_order(stage, "REFUNDING")
    for handler in (payment_subscriber.handler, inventory_subscriber.handler):
        handler(batch(an_event("order", "OrderCancelled", order_id, confirmed=True)), None)
    payment, reservation = stage.payments.get(order_id), stage.reservations.get(order_id)
    assert payment is not None
    assert reservation is not None
    assert (payment["status"], reservation["status"]) == ("REFUNDED", "RESTOCKED")
