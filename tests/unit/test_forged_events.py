"""A forged event moves no money, no goods, no parcel and no order, whatever the order is: the tables stay as they were.

The handlers are all five services' own, each over its own table. An event is forged if no row of its owner says the same.
"""

import io
import json
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from audit.tables import TABLES
from kernel import clock
from kernel.naming import facts_function_name
from services.inventory.functions import facts as inventory_facts
from services.inventory.functions import subscriber as inventory_subscriber
from services.notification.functions import subscriber as notification_subscriber
from services.order.functions import contact, subscriber
from services.order.functions import facts as order_facts
from services.order.storage.contacts import Contacts
from services.payment.functions import facts as payment_facts
from services.payment.functions import subscriber as payment_subscriber
from services.shipping.functions import cancellation
from services.shipping.functions import facts as shipping_facts
from services.shipping.functions import subscriber as shipping_subscriber
from tests.support.audited_stage import Stage, Story
from tests.support.choreography import ADDRESS, STAGE, DeadLetterQueue, an_event, batch
from tests.support.fake_clients import FakeClients

UNKNOWN = "ord-" + "z" * 26
ENVIRON = {
    "STAGE": STAGE,
    "CONTACT_FUNCTION_ARN": "order-contact",
    "SENDER_ADDRESS": "shop@example.com",
    "CONFIGURATION_SET": "mails",
    "SHOP_NAME": "Example Shop",
    "SUPPORT_ADDRESS": "support@example.com",
    "DEAD_LETTER_QUEUE_URL": "https://queue/dead",
    "GATEWAY": "sandbox",
    "LEDGER_TABLE_NAME": "ledger",
}
QUERIES: dict[str, ModuleType] = {
    facts_function_name(STAGE, "order"): order_facts,
    "order-contact": contact,
    facts_function_name(STAGE, "payment"): payment_facts,
    facts_function_name(STAGE, "inventory"): inventory_facts,
    facts_function_name(STAGE, "shipping"): shipping_facts,
}
"""The function that answers each query."""
CONSUMERS: dict[tuple[str, str], list[ModuleType]] = {
    ("order", "OrderBackordered"): [notification_subscriber],
    ("order", "OrderConfirmed"): [shipping_subscriber, notification_subscriber],
    ("order", "OrderCancelRequested"): [cancellation],
    ("order", "OrderCancelled"): [payment_subscriber, inventory_subscriber, notification_subscriber],
    ("shipping", "ShipmentDispatched"): [subscriber, notification_subscriber],
    ("shipping", "ShipmentDelivered"): [subscriber],
    ("shipping", "ShipmentCancelled"): [subscriber],
    ("shipping", "ShipmentFailed"): [subscriber],
    ("payment", "PaymentRefunded"): [subscriber],
    ("payment", "PaymentRefundedOutside"): [subscriber],
    ("inventory", "StockAllocated"): [subscriber],
    ("inventory", "StockReleased"): [subscriber],
}
"""By event, every function that consumes it; tests/support/consumers.py has the same subscriptions."""
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


Handler = Callable[..., dict[str, Any]]


class Functions:
    """All functions on one stage's tables. Stands in for Lambda, too: it answers the services' queries of one another."""

    def __init__(self, stage: Stage, dead_letters: DeadLetterQueue) -> None:
        self.clients = FakeClients(dynamodb=stage.client, functions=self, ses=NoMail(), sqs=dead_letters)
        self.silent: set[str] = set()
        """The names of queries that give no facts."""

    def handler_of(self, module: ModuleType) -> Handler:
        """Return a function's handler."""
        service = module.__name__.split(".")[1]
        made: Handler = module.bootstrap(self.clients, {**ENVIRON, "TABLE_NAME": service})
        return made

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        answer = self.handler_of(QUERIES[FunctionName])(json.loads(Payload), None)
        answer = {"outcome": "BUSY"} if FunctionName in self.silent else answer
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


class NoMail:
    """Stands in for SES, which is not to be called."""

    def send_email(self, **request: Any) -> None:
        raise AssertionError(f"a mail: {request['Content']['Simple']['Subject']['Data']}")


@pytest.fixture
def dead_letters() -> DeadLetterQueue:
    return DeadLetterQueue()


@pytest.fixture
def stage(aws: None) -> Iterator[Stage]:
    stage = Stage()
    with clock.use_source(stage.now):
        stage.open()
        for number in range(7):
            customer = f"customer-{number}"
            Contacts(stage.client, "order").put(customer, {"name": "Alice", "email": "alice@example.com", "address": ADDRESS})
        yield stage


@pytest.fixture
def functions(stage: Stage, dead_letters: DeadLetterQueue) -> Functions:
    return Functions(stage, dead_letters)


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
def test_forged_event_moves_nothing(stage: Stage, functions: Functions, state: str, service: str, detail_type: str) -> None:
    if (state, detail_type) in TRUE:
        pytest.skip("no lie")
    order_id = an_order(stage, state)
    before = rows(stage)
    for consumer in CONSUMERS[service, detail_type]:
        functions.handler_of(consumer)(batch(an_event(service, detail_type, order_id, **WORST.get(detail_type, {}))), None)
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
def test_forged_event_is_quarantined_with_the_reason(
    stage: Stage, functions: Functions, dead_letters: DeadLetterQueue, state: str, service: str, detail_type: str, said: str
) -> None:
    order_id = an_order(stage, state)
    event = batch(an_event(service, detail_type, order_id, **WORST.get(detail_type, {})))
    assert functions.handler_of(CONSUMERS[service, detail_type][0])(event, None) == {"batchItemFailures": []}
    (reason,) = dead_letters.reasons
    assert said in reason


def test_unavailable_facts_leave_the_event_for_a_retry(stage: Stage, functions: Functions) -> None:
    order_id = an_order(stage, "REFUNDING")
    before = rows(stage)
    functions.silent = {facts_function_name(STAGE, "order")}
    for consumer in (payment_subscriber, inventory_subscriber):
        answer = functions.handler_of(consumer)(batch(an_event("order", "OrderCancelled", order_id, confirmed=True)), None)
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert rows(stage) == before


def test_true_event_moves_payment_and_stock(stage: Stage, functions: Functions) -> None:
    order_id = an_order(stage, "REFUNDING")
    for consumer in (payment_subscriber, inventory_subscriber):
        functions.handler_of(consumer)(batch(an_event("order", "OrderCancelled", order_id, confirmed=True)), None)
    payment, reservation = stage.payments.get(order_id), stage.reservations.get(order_id)
    assert payment is not None
    assert reservation is not None
    assert (payment["status"], reservation["status"]) == ("REFUNDED", "RESTOCKED")
