"""A shipping service in a moto account: its table, an order service to ask, and a clock that the test moves."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel import clients, clock
from kernel.aggregate_store import Row
from kernel.contact import Contact
from services.shipping.carriers import factory
from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.domain.carrier import CarrierUnavailableError, Parcel
from services.shipping.functions import subscriber, sweeper
from services.shipping.storage import table
from tests.support.choreography import (
    ALICE,
    CONFIRMED,
    ORDER,
    Bus,
    DeadLetterQueue,
    OtherServices,
    an_event,
    batch,
    other_services,
)
from tests.support.tables import create_table

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TRANSIT = timedelta(seconds=30)


class ShippingService:
    """The service as its queue and its schedule call it."""

    def __init__(self, contacts: OtherServices, bus: Bus, dead_letters: DeadLetterQueue) -> None:
        self.contacts, self.bus, self.dead_letters = contacts, bus, dead_letters
        self.now = NOON

    def confirmed(self, *order_ids: str, replay_name: str | None = None) -> dict[str, Any]:
        """OrderConfirmed arrives, of each order."""
        envelopes = [an_event("order", "OrderConfirmed", order_id) for order_id in order_ids]
        return self.receives(*({**envelope, "replay-name": replay_name} if replay_name else envelope for envelope in envelopes))

    def receives(self, *envelopes: dict[str, Any] | str) -> dict[str, Any]:
        return subscriber.handler(batch(*envelopes), None)

    def sweep(self, after: timedelta = timedelta(0)) -> dict[str, int]:
        self.now += after
        return sweeper.handler({}, None)

    def row(self, order_id: str = ORDER) -> Row:
        row = table.shipments().get(order_id)
        assert row
        return row

    def events(self, order_id: str = ORDER) -> list[dict[str, Any]]:
        """Return the shipment's published events."""
        return [json.loads(text) for text in self.row(order_id).get("pending", [])]

    def told(self, order_id: str = ORDER) -> list[str]:
        return [event["detail-type"] for event in self.events(order_id)]


class LateCarrier(SandboxCarrier):
    """Has delivered nothing yet, counts the parcels it took and gave back, and gives no answer while it is `away`."""

    def __init__(self) -> None:
        super().__init__(lambda: "of no use here")
        self.prepared: list[str] = []
        self.booked: list[str] = []
        self.cancelled: list[str] = []
        self.away = False
        self.parcel = Parcel.ON_ITS_WAY

    def prepare(self, order_id: str, contact: Contact, lines: Sequence[Mapping[str, Any]]) -> str | None:
        self.prepared.append(order_id)
        return f"booking-{len(self.prepared)}"

    def cancel(self, booking: str) -> None:
        self.cancelled.append(booking)

    def book(self, booking: str) -> str | None:
        if self.away:
            raise CarrierUnavailableError
        self.booked.append(booking)
        return super().book(booking)

    def find(self, booking: str) -> Parcel:
        return self.parcel


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> LateCarrier:
    carrier = LateCarrier()
    monkeypatch.setattr(sweeper, "carrier", lambda: carrier)
    return carrier


@pytest.fixture
def shipping(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShippingService]:
    create_table(dynamodb, "shipments")
    for name, value in {
        "TABLE_NAME": "shipments",
        "BUS_NAME": "bus",
        "CONTACT_FUNCTION_ARN": "contact-function",
        "TRANSIT_SECONDS": str(int(TRANSIT.total_seconds())),
        "DEAD_LETTER_QUEUE_URL": "https://queue/dead",
        "CARRIER": "sandbox",
    }.items():
        monkeypatch.setenv(name, value)
    service = ShippingService(other_services(monkeypatch), Bus(), DeadLetterQueue())
    service.contacts.contacts[ORDER] = ALICE
    service.contacts.facts["order"] = CONFIRMED
    monkeypatch.setattr(clients, "events", lambda: service.bus)
    monkeypatch.setattr(clients, "sqs", lambda: service.dead_letters)
    cached = (table.shipments, sweeper.settings, factory.carrier)
    for built in cached:
        built.cache_clear()
    with clock.held_by(lambda: service.now):
        yield service
    for built in cached:
        built.cache_clear()
