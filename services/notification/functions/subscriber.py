"""The notices' subscriber: each event that concerns the customer becomes a mail, at most one of each kind per order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from kernel.clients import Clients
from kernel.contact import Contacts
from kernel.errors import RetryableError
from kernel.facts import OrderFacts, OwnerFacts, ShipmentFacts, contradicted
from kernel.handler import Handler, lambda_handler
from kernel.inbox import Delivery, queue_handler
from kernel.logs import logger
from kernel.settings import from_environment
from services.notification.adapters.ses import Accepted, NotSentError, Refused, SesMailer, Unknown
from services.notification.domain import decisions, mails, states
from services.notification.domain.decisions import Notice
from services.notification.domain.mails import Mail, Shop
from services.notification.domain.model import FailureReason, NoteDecision, NoteRow
from services.notification.schemas.consumed import OrderBackorderedData, OrderCancelledData, OrderConfirmedData
from services.notification.storage.suppressions import Suppressions
from services.notification.storage.table import Notes, notes_of, suppressions_of
from services.notification.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS

Noticed = OrderBackorderedData | OrderConfirmedData | OrderCancelledData
"""The data that the subscriber reads of an event. It reads none of a shipment's."""
CONFIRMED_BY_ORDER: Final[Mapping[str, Callable[[OrderFacts], bool]]] = {
    "OrderBackordered": lambda order: order["backordered"],
    "OrderConfirmed": lambda order: order["confirmed"],
    "OrderCancelled": lambda order: order["revoked"] or order["status"] == "CANCELLED",
}
"""The facts that an order must state, now or of its past, before its customer gets the mail about its event."""
DISPATCHED: Final = ("DISPATCHED", "DELIVERED")
"""The statuses of a shipment that was dispatched."""


class ClaimInProgressError(RetryableError):
    """Another delivery has claimed the note and may have crashed: this one must come back to see how it ended."""


@dataclass(frozen=True)
class MailSettings:
    """The function that has the contacts, the sender of the mails, their SES configuration set, and what they say of the shop.

    `tracking_url` is the carrier's page of a parcel, with `{tracking}` in it; empty for a carrier without one.
    """

    contact_function_arn: str
    sender_address: str
    configuration_set: str
    shop_name: str
    support_address: str
    tracking_url: str = ""


@dataclass(frozen=True)
class Notices:
    """The sending of a mail for each event that concerns the customer."""

    notes: Notes
    suppressions: Suppressions
    contacts: Contacts
    facts: OwnerFacts
    mailer: SesMailer
    shop: Shop

    def notify(self, delivery: Delivery[Noticed]) -> None:
        """Send the customer the mail about the event, unless it was sent or an attempt ended without a known result.

        If another delivery has claimed the note, sending could send a second mail, and acknowledging could lose the mail,
        because that delivery may have sent nothing. So this one comes back until the note is SENT, FAILED (the sweeper gives up
        claims that are too old) or UNSENT; then it sends.

        Raises ClaimInProgressError, NotSentError, ContactUnavailableError, and what botocore and `confirmed_by_owner` raise.
        The message is then delivered again, unless the event's owner contradicts it.
        """
        event = delivery.event
        notice = Notice(delivery.order_id, mails.KINDS[event.detail_type], event.correlation_id, event.event_id)
        note = self.notes.get(notice.note_id) if delivery.repeated else None  # if it exists after all, the claim finds it
        self._retry_while_claimed(note)
        if not decisions.is_open(note):
            return
        addressed = self.contacts.of(notice.order_id, purchase=True, stated=event.data)
        contact, purchase, facts = addressed.contact, addressed.purchase, self.confirmed_by_owner(delivery, addressed.order)
        if contact is None or purchase is None:
            self._fail(notice, note, decisions.NO_CONTACT)
            return
        if self.suppressions.get(contact.email) is not None:
            self._fail(notice, note, decisions.ADDRESS_REFUSED)
            return
        mail = mails.compose(notice.kind, self.shop, notice.order_id, contact, purchase, facts)
        claim = uuid4().hex  # a nonce: distinguishes this attempt's claim if the response to the write is lost
        claimed = self._apply(notice, note, lambda row: decisions.claim(row, notice, claim))
        if claimed.get("claim") == claim:
            self.send_claimed(notice, claimed, contact.email, mail)
        else:
            self._retry_while_claimed(claimed)

    def confirmed_by_owner(self, delivery: Delivery[Noticed], order: OrderFacts | None) -> OrderFacts | ShipmentFacts:
        """Return the facts that the mail is about, from the row of the event's owner: the order, or its shipment.

        Raises InvalidEventError for an event that the row does not confirm, and what `OwnerFacts.of` raises.
        """
        event = delivery.event
        if event.detail_type == "ShipmentDispatched":
            shipment = self.facts.shipment(delivery.order_id)
            if order is None or shipment is None or shipment["status"] not in DISPATCHED:
                raise contradicted(event, "shipping", shipment)
            return shipment
        if order is None or not CONFIRMED_BY_ORDER[event.detail_type](order):
            raise contradicted(event, "order", order)
        return order

    def send_claimed(self, notice: Notice, claimed: NoteRow, to: str, mail: Mail) -> None:
        """Send the mail that the note is claimed for, and record the result. Raises NotSentError."""
        claim = claimed["claim"]
        try:
            outcome = self.mailer.send(to, mail)
        except NotSentError:
            self._apply(notice, claimed, lambda row: decisions.unclaim(row, claim))
            raise
        match outcome:
            case Accepted(message_id):
                self._apply(notice, claimed, lambda row: decisions.send(row, claim, message_id))
            case Refused():
                self._apply(notice, claimed, lambda row: decisions.refuse(row, claim))
            case Unknown(error):
                logger.warning("result of a mail unknown", order_id=notice.order_id, kind=notice.kind, error=error)
                self.notes.make_due(claimed)

    def _fail(self, notice: Notice, note: NoteRow | None, reason: FailureReason) -> None:
        """Fail the note without an attempt. Raises ClaimInProgressError if another delivery has begun one."""
        self._retry_while_claimed(self._apply(notice, note, lambda row: decisions.fail_unsent(row, notice, reason)))

    def _retry_while_claimed(self, note: NoteRow | None) -> None:
        """Raise ClaimInProgressError if the note is claimed, and let the sweeper find it: its delivery may have crashed."""
        if note is not None and note["status"] == states.CLAIMED:
            self.notes.make_due(note)
            raise ClaimInProgressError(f"{note['pk']} is claimed, and the result is unknown; the message comes back")

    def _apply(self, notice: Notice, seen: NoteRow | None, decide: Callable[[NoteRow | None], NoteDecision | None]) -> NoteRow:
        """Take the step that `decide` chooses for the note, last read as `seen`; return the note afterwards."""
        return self.notes.create_or_apply(notice.note_id, decide, notice.causation, seen=seen, presume_absent=seen is None)


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of the notices queue."""
    settings = from_environment(MailSettings, environ)
    functions = clients.functions  # each event needs it, so it is made with the handler
    notices = Notices(
        notes_of(clients, environ),
        suppressions_of(clients, environ),
        Contacts(lambda: functions, settings.contact_function_arn),
        OwnerFacts(lambda: functions, environ),
        SesMailer(clients.ses, settings.sender_address, settings.support_address, settings.configuration_set),
        Shop(settings.shop_name, settings.support_address, settings.tracking_url),
    )
    handlers = dict.fromkeys(SUBSCRIPTIONS["notices"], notices.notify)
    return queue_handler(clients, environ, handlers, REPLAY_POLICY["notices"])


handler = lambda_handler(bootstrap)
