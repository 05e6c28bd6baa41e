"""A shipping service in a moto account: its table, an order service to query, and a clock that the test moves."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.contact import Contact, Contacts
from kernel.statements import Quantity
from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.domain.carrier import CancelOutcome, Carrier, CarrierUnavailableError, ParcelStatus
from services.shipping.domain.model import ShipmentRow
from services.shipping.functions import booking, cancellation, subscriber, sweeper, webhook
from services.shipping.storage.breaker import BreakerStore
from services.shipping.storage.table import Shipments
from services.shipping.use_cases.carrier_calls import CarrierCalls
from services.shipping.use_cases.parcel_steps import ParcelSteps
from tests.support.choreography import (
    ALICE,
    CONFIRMED,
    ORDER,
    STAGE,
    Bus,
    DeadLetterQueue,
    OtherServices,
    an_event,
    batch,
)
from tests.support.fake_clients import FakeClients
from tests.support.outboxes import events_in
from tests.support.tables import create_table

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TRANSIT = timedelta(seconds=30)
SECRET = "shared-with-the-carrier"
ENVIRON = {
    "STAGE": STAGE,
    "TABLE_NAME": "shipments",
    "BUS_NAME": "bus",
    "OUTBOX_PASS_MINUTES": "1",
    "CONTACT_FUNCTION_ARN": "contact-function",
    "TRANSIT_SECONDS": str(int(TRANSIT.total_seconds())),
    "DEAD_LETTER_QUEUE_URL": "https://queue/dead",
    "CARRIER": "sandbox",
}


def order_ids(count: int) -> list[str]:
    """Orders of all shards."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["ord-" + letters[n // 26] * 25 + letters[n % 26] for n in range(count)]


class ShippingService:
    """The service as its queues, its schedule and its carrier call it. `carrier` may be exchanged at any time."""

    def __init__(self) -> None:
        self.contacts, self.bus, self.dead_letters = OtherServices(), Bus(), DeadLetterQueue()
        self.clients = FakeClients(functions=self.contacts, events=self.bus, sqs=self.dead_letters)
        self.carrier: Carrier = SandboxCarrier(lambda: SECRET)
        self.now = NOON
        self.shipments = Shipments(self.clients.dynamodb, "shipments")
        self._subscriber = subscriber.bootstrap(self.clients, ENVIRON)
        self._cancellation = cancellation.bootstrap(self.clients, ENVIRON)

    def confirmed(self, *order_ids: str, replay_name: str | None = None) -> dict[str, Any]:
        """Deliver OrderConfirmed of each order."""
        envelopes = [an_event("order", "OrderConfirmed", order_id) for order_id in order_ids]
        return self.receives(*({**envelope, "replay-name": replay_name} if replay_name else envelope for envelope in envelopes))

    def receives(self, *envelopes: dict[str, Any] | str) -> dict[str, Any]:
        """Deliver messages of the orders queue."""
        response: dict[str, Any] = self._subscriber(batch(*envelopes), None)
        return response

    def receives_cancellations(self, *envelopes: dict[str, Any] | str) -> dict[str, Any]:
        """Deliver messages of the cancellations queue."""
        response: dict[str, Any] = self._cancellation(batch(*envelopes), None)
        return response

    def receives_bookings(self, *envelopes: dict[str, Any] | str) -> dict[str, Any]:
        """Deliver messages of the bookings queue."""
        handler = booking.bootstrap(self.clients, ENVIRON, lambda clients, environ: self.carrier)
        response: dict[str, Any] = handler(batch(*envelopes), None)
        return response

    def scheduled_sweep(self, after: timedelta = timedelta(0)) -> dict[str, int]:
        """Run a sweep of the schedule `after` that time has passed."""
        self.now += after
        return self._sweep({"source": "aws.events"})

    def sweep(self, after: timedelta = timedelta(0)) -> dict[str, int]:
        """Run an operator's sweep `after` that time has passed."""
        self.now += after
        return self._sweep({})

    def _sweep(self, event: dict[str, str]) -> dict[str, int]:
        handler = sweeper.bootstrap(self.clients, ENVIRON, lambda clients, environ: self.carrier)
        done: dict[str, int] = handler(event, None)
        return done

    def steps(self) -> ParcelSteps:
        """Return the steps of the shipments, to be taken one by one."""
        contacts = Contacts(lambda: self.contacts, "contact-function")
        calls = CarrierCalls(BreakerStore(self.clients.dynamodb, "shipments"))
        return ParcelSteps(self.shipments, contacts, self.carrier, calls, TRANSIT)

    def post(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the webhook's response to a request of API Gateway's HTTP API."""
        handler = webhook.bootstrap(self.clients, ENVIRON, lambda clients, environ: self.carrier)
        response: dict[str, Any] = handler(request, None)
        return response

    def row(self, order_id: str = ORDER) -> ShipmentRow:
        """Return the order's shipment."""
        row = self.shipments.get(order_id)
        assert row
        return row

    def events(self, order_id: str = ORDER) -> list[dict[str, Any]]:
        """Return the events in the shipment's outbox."""
        return events_in(self.row(order_id).get("pending", []))

    def published(self, order_id: str = ORDER) -> list[str]:
        """Return the detail-types of the events in the shipment's outbox."""
        return [event["detail-type"] for event in self.events(order_id)]


class LateCarrier(SandboxCarrier):
    """A carrier that has not delivered yet, counts its bookings and cancellations, and does not respond while it is `away`."""

    def __init__(self) -> None:
        super().__init__(lambda: SECRET)
        self.prepared: list[str] = []
        self.booked: list[str] = []
        self.cancelled: list[str] = []
        self.away = False
        self.parcel = ParcelStatus.ON_ITS_WAY

    def prepare(self, order_id: str, contact: Contact, lines: Sequence[Quantity]) -> str | None:
        self.prepared.append(order_id)
        return f"booking-{len(self.prepared)}"

    def cancel(self, booking: str) -> CancelOutcome:
        self.cancelled.append(booking)
        return super().cancel(booking)

    def book(self, booking: str) -> str | None:
        if self.away:
            raise CarrierUnavailableError
        self.booked.append(booking)
        return super().book(booking)

    def track(self, booking: str) -> ParcelStatus:
        return self.parcel


@pytest.fixture
def late(shipping: ShippingService) -> LateCarrier:
    carrier = LateCarrier()
    shipping.carrier = carrier
    return carrier


@pytest.fixture
def shipping(dynamodb: Any) -> Iterator[ShippingService]:
    create_table(dynamodb, "shipments")
    service = ShippingService()
    service.contacts.contacts[ORDER] = ALICE
    service.contacts.facts["order"] = CONFIRMED
    with clock.use_source(lambda: service.now):
        yield service


def fake_secrets(values: Mapping[str, str]) -> Any:
    """Return a client of Secrets Manager that has these values, by ARN."""

    class FakeSecrets:
        def get_secret_value(self, SecretId: str, **_: Any) -> dict[str, Any]:  # noqa: N803
            return {"SecretString": values[SecretId], "CreatedDate": clock.now()}

    return FakeSecrets()
