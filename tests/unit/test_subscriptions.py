"""Each consumer declares exactly the fields that its handler reads."""

import copy
from collections.abc import Callable
from functools import partial, reduce
from importlib import import_module
from itertools import product
from operator import getitem
from typing import Any

import pytest

from kernel.aggregate_store import marshal
from services.order.domain import states
from services.order.functions import intake, subscriber
from tests.support.choreography import ALICE, CONFIRMED, ORDER, REVOKED, DeadLetterQueue, OtherServices, batch
from tests.support.consumers import CONSUMED, SUBSCRIPTIONS, Schema, optional, versions
from tests.support.fake_clients import FakeClients
from tests.support.fields_read import fields_read, leaves
from tests.support.tables import create_table
from tests.unit.inventory.conftest import InventoryService, inventory, inventory_tables  # noqa: F401 - fixtures
from tests.unit.notification.conftest import NotificationService, notification  # noqa: F401 - fixtures
from tests.unit.order.conftest import (  # noqa: F401 - some are fixtures
    FAKES,
    catalogue,
    contacts,
    handle,
    order_service,
    order_store,
    owners,
    saga,
)
from tests.unit.payment.conftest import (  # noqa: F401 - fixtures
    PaymentService,
    payment,
    payment_clients,
    payment_environ,
    payment_tables,
)
from tests.unit.shipping.conftest import ShippingService, shipping  # noqa: F401 - fixtures

Event = dict[str, Any]
Receives = Callable[..., Any]


def samples(schema: Schema) -> list[Event]:
    """Return the examples of a schema as a rule delivers them, about ORDER if they are about an order."""
    source, detail_type = schema["x-source"].replace("*", "cdnow"), schema["x-detail-type"]
    details = copy.deepcopy(schema["examples"])
    for detail in details:
        if "order_id" in detail["metadata"]:
            detail["metadata"]["order_id"] = ORDER
    return [{"source": source, "detail-type": detail_type, "detail": detail} for detail in details]


def handles_intake(request: pytest.FixtureRequest) -> Receives:
    skus = [{"sku": f"CD-{number}", "amount": 1000, "currency": "USD"} for number in (1466, 1467)]
    catalogue().set_prices(skus)
    contacts().put("cdnow-00004", {"name": "A", "email": "a@example.com", "address": {}})
    return lambda *events: handle(intake, batch(*events))


def handles_fulfilment(request: pytest.FixtureRequest) -> Receives:
    others: OtherServices = request.getfixturevalue("owners")

    def receives(*events: Event) -> dict[str, Any]:
        order = {"pk": f"ORDER#{ORDER}", "order_id": ORDER, "customer_id": "alice", "correlation_id": "c", "version": 3}
        asked = {"reason": "CUSTOMER", "total": {"amount": 4998, "currency": "USD"}}
        going_back = events[0]["detail-type"] in ("PaymentRefunded", "StockReleased")
        waiting = events[0]["detail-type"] == "StockAllocated"
        status = states.REFUNDING if going_back else states.BACKORDERED if waiting else states.CANCEL_REQUESTED
        if events[0]["detail-type"] == "PaymentRefundedOutside":
            status = states.CONFIRMED
        row = {**order, **asked, "status": status, "fulfilment": states.FULFILMENT[0]}
        others.bear_out(events[0]["detail-type"], **events[0]["detail"]["data"])
        order_store().client.put_item(TableName="orders", Item=marshal(row))
        return handle(subscriber, batch(*map(was_restocked, events)))

    return receives


def handles_orders(request: pytest.FixtureRequest) -> Receives:
    service: ShippingService = request.getfixturevalue("shipping")
    service.dead_letters.reasons = request.getfixturevalue("dead_letters").reasons
    return service.receives


def was_restocked(event: Event) -> Event:
    """Return the StockReleased of goods that were sold."""
    if event["detail-type"] == "StockReleased":
        event["detail"]["data"]["restocked"] = True
    return event


def was_confirmed(event: Event) -> Event:
    """Return the OrderCancelled of an order that was confirmed before, if its version can express that."""
    if "confirmed" in event["detail"]["data"]:
        event["detail"]["data"]["confirmed"] = True
    return event


def handles_refunds(request: pytest.FixtureRequest) -> Receives:
    request.getfixturevalue("payment_tables")
    service: PaymentService = request.getfixturevalue("payment")
    service.owners.facts["order"] = REVOKED
    return lambda *events: service.subscriber(batch(*map(was_confirmed, events)), None)


def handles_restocks(request: pytest.FixtureRequest) -> Receives:
    service: InventoryService = request.getfixturevalue("inventory")
    service.replenish(blue=3)
    service.reserve(blue=1)
    service.commit()
    service.owners.facts["order"] = REVOKED
    return lambda *events: service.subscriber(batch(*map(was_confirmed, events)), None)


def handles_cancellations(request: pytest.FixtureRequest) -> Receives:
    service: ShippingService = request.getfixturevalue("shipping")
    service.dead_letters.reasons = request.getfixturevalue("dead_letters").reasons
    service.contacts.facts["order"] = {**CONFIRMED, "status": "CANCEL_REQUESTED"}
    return service.receives_cancellations


def handles_bookings(request: pytest.FixtureRequest) -> Receives:
    service: ShippingService = request.getfixturevalue("shipping")
    service.dead_letters.reasons = request.getfixturevalue("dead_letters").reasons
    service.confirmed(ORDER)
    return service.receives_bookings


def handles_notices(request: pytest.FixtureRequest) -> Receives:
    service: NotificationService = request.getfixturevalue("notification")
    service.dead_letters.reasons = request.getfixturevalue("dead_letters").reasons
    service.contacts.contacts[ORDER] = ALICE
    return service.receives


def handles_alone(service: str, request: pytest.FixtureRequest) -> Receives:
    """Return the handler of a service with one subscription that needs no more than its table."""
    create_table(request.getfixturevalue("dynamodb"), service)
    environ = {"TABLE_NAME": service, "DEAD_LETTER_QUEUE_URL": "https://queue/dead"}
    clients = FakeClients(sqs=request.getfixturevalue("dead_letters"))
    handle = import_module(f"services.{service}.functions.subscriber").bootstrap(clients, environ)
    return lambda *events: handle(batch(*events), None)


HANDLERS = {
    ("order", "intake"): handles_intake,
    ("order", "fulfilment"): handles_fulfilment,
    ("payment", "cancellations"): handles_refunds,
    ("inventory", "cancellations"): handles_restocks,
    ("shipping", "orders"): handles_orders,
    ("shipping", "bookings"): handles_bookings,
    ("shipping", "cancellations"): handles_cancellations,
    ("notification", "notices"): handles_notices,
}


@pytest.fixture
def dead_letters(order_service: None) -> DeadLetterQueue:  # noqa: F811
    FAKES["sqs"] = queue = DeadLetterQueue()
    return queue


@pytest.fixture(params=CONSUMED, ids=lambda one: f"{one[0]}-{one[1]}-{one[3]}")
def consumed(request: pytest.FixtureRequest) -> tuple[str, str, str, str]:
    found: tuple[str, str, str, str] = request.param
    return found


@pytest.fixture
def fields(consumed: tuple[str, str, str, str]) -> tuple[str, ...]:
    """Return the fields that the consumer declares to read."""
    return SUBSCRIPTIONS[consumed[:2]][consumed[2:]]


@pytest.fixture
def receives(request: pytest.FixtureRequest, consumed: tuple[str, str, str, str]) -> Receives:
    """Hands events to the subscription's own handler; fails if it does not take every one of them."""
    dead_letters: DeadLetterQueue = request.getfixturevalue("dead_letters")
    handler = HANDLERS.get(consumed[:2], partial(handles_alone, consumed[0]))(request)

    def receive(*events: Event) -> None:
        assert handler(*events) == {"batchItemFailures": []}
        assert dead_letters.reasons == []

    return receive


def test_every_subscription_is_tested() -> None:
    assert set(HANDLERS) <= set(SUBSCRIPTIONS)
    for service, name in set(SUBSCRIPTIONS) - set(HANDLERS):
        assert set(import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS) == {name}


def test_handler_reads_exactly_the_declared_fields(
    consumed: tuple[str, str, str, str], fields: tuple[str, ...], receives: Receives
) -> None:
    """Fresh, delivered again, and replayed: whichever way the handler goes."""
    with fields_read() as read:
        for event in (event for schema in versions(consumed[2:]) for event in samples(schema)):
            receives(event)
            receives(event, {**event, "replay-name": "monday"})
    assert leaves(read) == set(fields)


def test_handler_accepts_an_event_without_its_optional_fields(
    consumed: tuple[str, str, str, str], fields: tuple[str, ...], receives: Receives
) -> None:
    schema = versions(consumed[2:])[-1]
    for event, field in product(samples(schema), (field for field in fields if optional(schema, field))):
        *path, name = field.partition("[]")[0].split(".")
        reduce(getitem, path, event["detail"]).pop(name, None)
        receives(event)
