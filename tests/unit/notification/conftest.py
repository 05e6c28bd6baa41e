"""A notification service in a moto account: its table, SES, an order service to query, and a clock that the test moves."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.ses import ses_backends

from kernel import clock
from services.notification.domain.model import NoteRow
from services.notification.functions import commands, feedback, subscriber, sweeper
from services.notification.functions.sweeper import ClaimSweeper
from services.notification.storage.suppressions import Suppressions
from services.notification.storage.table import Notes
from tests.support.choreography import ALICE, ORDER, REVOKED, STAGE, Bus, DeadLetterQueue, OtherServices, batch
from tests.support.fake_clients import FakeClients
from tests.support.outboxes import events_in
from tests.support.tables import create_table

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SENDER = "shop@example.com"
SUPPORT = "support@example.com"
UNKNOWN_AFTER = timedelta(minutes=15)
ENVIRON = {
    "STAGE": STAGE,
    "TABLE_NAME": "notes",
    "BUS_NAME": "bus",
    "OUTBOX_PASS_MINUTES": "1",
    "OLDER_VERSIONS": "NotificationSent.v1 NotificationFailed.v1",
    "CONTACT_FUNCTION_ARN": "contact-function",
    "SENDER_ADDRESS": SENDER,
    "CONFIGURATION_SET": "mails",
    "SHOP_NAME": "Test Shop",
    "SUPPORT_ADDRESS": SUPPORT,
    "DEAD_LETTER_QUEUE_URL": "https://queue/dead",
    "CLAIM_UNKNOWN_AFTER_SECONDS": str(int(UNKNOWN_AFTER.total_seconds())),
}
EVERYTHING = {**REVOKED, "backordered": True, "reason": "OUT_OF_STOCK"}
"""The facts of an order that waited, was confirmed, and was then cancelled: they confirm each kind of mail."""


class NotificationService:
    """The service as its queue, its schedule, SES and the operator call it, and the mails that SES has sent."""

    def __init__(self) -> None:
        self.contacts, self.bus, self.dead_letters = OtherServices(), Bus(), DeadLetterQueue()
        self.clients = FakeClients(functions=self.contacts, events=self.bus, sqs=self.dead_letters)
        self.now = NOON
        self.notes = Notes(self.clients.dynamodb, "notes")
        self.suppressions = Suppressions(self.clients.dynamodb, "notes")
        self.claim_sweeper = ClaimSweeper(self.notes, UNKNOWN_AFTER)
        self.command = commands.bootstrap(self.clients, ENVIRON)
        self._subscriber = subscriber.bootstrap(self.clients, ENVIRON)
        self._feedback = feedback.bootstrap(self.clients, ENVIRON)
        self._sweeper = sweeper.bootstrap(self.clients, ENVIRON)

    def receives(self, *envelopes: dict[str, Any] | str, times: int = 1) -> dict[str, Any]:
        """Deliver messages of the notices queue, for as many times by now."""
        response: dict[str, Any] = self._subscriber(batch(*envelopes, received=times), None)
        return response

    def receives_feedback(self, event: dict[str, Any]) -> dict[str, int]:
        """Deliver an event of SES."""
        done: dict[str, int] = self._feedback(event, None)
        return done

    def sweep(self, after: timedelta = timedelta(0)) -> dict[str, int]:
        """Run a sweep `after` that time has passed."""
        self.now += after
        done: dict[str, int] = self._sweeper({}, None)
        return done

    def note(self, kind: str = "confirmed", order_id: str = ORDER) -> NoteRow:
        """Return the order's note of this kind."""
        row = self.notes.get(f"{order_id}#{kind}")
        assert row
        return row

    def published(self, kind: str = "confirmed") -> list[tuple[str, dict[str, Any]]]:
        """Return the events in the note's outbox: (detail-type, data)."""
        events = events_in(self.note(kind).get("pending", []))
        return [(event["detail-type"], event["detail"]["data"]) for event in events]

    @property
    def sent(self) -> list[SimpleNamespace]:
        """The mails that SES accepted: `to`, `sender`, `subject`, `text`."""
        return [
            SimpleNamespace(to=mail.destinations["ToAddresses"], sender=mail.source, subject=mail.subject, text=mail.body)
            for backends in ses_backends.values()
            for backend in backends.values()
            for mail in backend.sent_messages
        ]

    def upon(self, moment: str, happening: Callable[[], Any]) -> None:
        """Run `happening` at the first `moment` of a call to AWS, one of botocore's events.

        If it returns a response, that is the call's.
        """
        client = {"sesv2": self.clients.ses, "dynamodb": self.clients.dynamodb}[moment.split(".")[1]]
        happened: list[str] = []

        def once(**_: Any) -> Any:
            if happened:
                return None
            happened.append(moment)
            return happening()

        client.meta.events.register(moment, once)


@pytest.fixture
def notification(dynamodb: Any) -> Iterator[NotificationService]:
    create_table(dynamodb, "notes")
    boto3.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    boto3.client("sesv2").create_configuration_set(ConfigurationSetName="mails")
    service = NotificationService()
    service.contacts.contacts[ORDER] = ALICE
    service.contacts.facts |= {"order": EVERYTHING, "shipping": {"status": "DISPATCHED", "tracking": "SBX-2c1d9f0a7b3e4d58"}}
    with clock.use_source(lambda: service.now):
        yield service
