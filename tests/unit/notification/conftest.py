"""A notification service in a moto account: its table, SES, an order service to ask, and a clock that the test moves."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.ses import ses_backends

from kernel import clients, clock
from kernel.aggregate_store import Row
from services.notification.functions import subscriber, sweeper
from services.notification.storage import table
from tests.support.choreography import ALICE, ORDER, REVOKED, Bus, DeadLetterQueue, OtherServices, batch, other_services
from tests.support.tables import create_table

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SENDER = "shop@example.com"
UNKNOWN_AFTER = timedelta(minutes=15)


EVERYTHING = {**REVOKED, "backordered": True, "reason": "OUT_OF_STOCK"}
"""The facts of an order that waited, was confirmed, and was then cancelled: each of its mails is about what was so."""


class NotificationService:
    """The service as its queue and its schedule call it, and what SES has sent."""

    def __init__(self, contacts: OtherServices, bus: Bus, dead_letters: DeadLetterQueue) -> None:
        self.contacts, self.bus, self.dead_letters = contacts, bus, dead_letters
        self.now = NOON

    def receives(self, *envelopes: dict[str, Any] | str) -> dict[str, Any]:
        return subscriber.handler(batch(*envelopes), None)

    def sweep(self, after: timedelta = timedelta(0)) -> dict[str, int]:
        self.now += after
        return sweeper.handler({}, None)

    def note(self, kind: str = "confirmed", order_id: str = ORDER) -> Row:
        row = table.notes().get(f"{order_id}#{kind}")
        assert row
        return row

    def told(self, kind: str = "confirmed") -> list[tuple[str, dict[str, Any]]]:
        """Return the note's published events: (detail-type, data)."""
        events = [json.loads(text) for text in self.note(kind).get("pending", [])]
        return [(event["detail-type"], event["detail"]["data"]) for event in events]

    @property
    def sent(self) -> list[SimpleNamespace]:
        """The mails that SES took: `to`, `sender`, `subject`, `text`."""
        return [
            SimpleNamespace(to=mail.destinations["ToAddresses"], sender=mail.source, subject=mail.subject, text=mail.body)
            for backends in ses_backends.values()
            for backend in backends.values()
            for mail in backend.sent_messages
        ]

    def upon(self, moment: str, happening: Callable[[], Any]) -> None:
        """Let `happening` happen at that moment of a call to AWS (one of botocore's events), the first time; what it returns is
        the answer, where it returns one."""
        client = {"sesv2": clients.ses, "dynamodb": clients.dynamodb}[moment.split(".")[1]]()
        happened: list[str] = []

        def once(**_: Any) -> Any:
            if happened:
                return None
            happened.append(moment)
            return happening()

        client.meta.events.register(moment, once)


@pytest.fixture
def notification(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[NotificationService]:
    create_table(dynamodb, "notes")
    boto3.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    boto3.client("sesv2").create_configuration_set(ConfigurationSetName="mails")
    for name, value in {
        "TABLE_NAME": "notes",
        "BUS_NAME": "bus",
        "CONTACT_FUNCTION_ARN": "contact-function",
        "SENDER_ADDRESS": SENDER,
        "CONFIGURATION_SET": "mails",
        "DEAD_LETTER_QUEUE_URL": "https://queue/dead",
        "CLAIM_UNKNOWN_AFTER_SECONDS": str(int(UNKNOWN_AFTER.total_seconds())),
    }.items():
        monkeypatch.setenv(name, value)
    service = NotificationService(other_services(monkeypatch), Bus(), DeadLetterQueue())
    service.contacts.contacts[ORDER] = ALICE
    service.contacts.facts |= {"order": EVERYTHING, "shipping": {"status": "DISPATCHED", "tracking": "SBX-2c1d9f0a7b3e4d58"}}
    monkeypatch.setattr(clients, "events", lambda: service.bus)
    monkeypatch.setattr(clients, "sqs", lambda: service.dead_letters)
    cached = (table.notes, table.suppressions, subscriber.settings, sweeper.settings)
    for built in cached:
        built.cache_clear()
    with clock.held_by(lambda: service.now):
        yield service
    for built in cached:
        built.cache_clear()
