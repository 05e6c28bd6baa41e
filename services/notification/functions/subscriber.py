"""The notices' subscriber: what the customer should know becomes a mail, one of each kind per order at most."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from uuid import uuid4

from aws_lambda_powertools import Logger

from kernel import clock
from kernel.aggregate_store import Decision, Row
from kernel.contact import contact_of
from kernel.errors import RetryableError
from kernel.events import DomainEvent
from kernel.facts import Facts, contradicted, facts_of
from kernel.inbox import Delivery, subscribe
from kernel.settings import from_environment
from services.notification.adapters import mailer
from services.notification.domain import decisions, mails, states
from services.notification.domain.decisions import Notice
from services.notification.storage import table
from services.notification.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS

logger = Logger()


STATED: Mapping[str, Callable[[Facts], bool]] = {
    "OrderBackordered": lambda order: order["backordered"],
    "OrderConfirmed": lambda order: order["confirmed"],
    "OrderCancelled": lambda order: order["revoked"] or order["status"] == "CANCELLED",
}
"""What an order must state of itself, now or for what it was before, for the customer to read of its event."""
DISPATCHED = ("DISPATCHED", "DELIVERED")
"""The statuses of a shipment that has gone."""


class ClaimInProgressError(RetryableError):
    """Another delivery has claimed the note, or stopped after its claim: this message must come back."""


@dataclass(frozen=True)
class Settings:
    """Whom to ask for contacts, who the mails are from, and by which SES configuration set they go."""

    contact_function_arn: str
    sender_address: str
    configuration_set: str


@cache
def settings() -> Settings:
    """Return the settings that this function was deployed with."""
    return from_environment(Settings)


def notify(delivery: Delivery) -> None:
    """Write to the customer, unless that is done, or somebody began it and it is not known how it ended.

    A note found CLAIMED is another delivery's, which is at it, or died at it. To send could be a second mail; to acknowledge
    could lose the mail, for the other may yet find out that it sent nothing. So this delivery comes back until the note is
    SENT, FAILED (the sweeper gives up claims that are too old), or UNSENT; then it sends.
    Raises ClaimInProgressError, mailer.NotSentError, ContactUnavailableError, and what botocore and `confirmed_by_owner`
    raise; but for an event
    that its owner contradicts, the message is then delivered again.
    """
    event = delivery.event
    assert event.order_id is not None
    notice = Notice(event.order_id, mails.KINDS[event.detail_type], event.correlation_id, event.event_id)
    note = table.notes().get(notice.note_id)
    retry_while_claimed(note)
    if not decisions.is_open(note):
        return
    asked = contact_of(notice.order_id, settings().contact_function_arn)
    contact, known = asked.contact, confirmed_by_owner(event, asked.order)
    if contact is None or table.suppressions().get(contact.email) is not None:
        reason = decisions.NO_CONTACT if contact is None else decisions.ADDRESS_REFUSED
        retry_while_claimed(advance(notice, note, lambda row: decisions.fail_unsent(row, notice, reason)))
        return
    mail = mails.compose(notice.kind, contact.name, notice.order_id, known)
    claim = uuid4().hex  # a nonce: tells this attempt's claim from another's where the write's answer was lost
    claimed = advance(notice, note, lambda row: decisions.claim(row, notice, claim, clock.now()))
    if claimed.get("claim") == claim:
        send_claimed(notice, claimed, contact.email, mail)
    else:
        retry_while_claimed(claimed)


def confirmed_by_owner(event: DomainEvent, order: Facts | None) -> Facts:
    """Return the facts that the mail is about, from the row of the event's owner: the order, or its shipment.

    Raises InvalidEventError for an event that the row does not bear out, and what `facts_of` raises.
    """
    if event.detail_type == "ShipmentDispatched":
        assert event.order_id is not None
        shipment = facts_of("shipping", event.order_id)
        if order is None or shipment is None or shipment["status"] not in DISPATCHED:
            raise contradicted(event, "shipping", shipment)
        return shipment
    if order is None or not STATED[event.detail_type](order):
        raise contradicted(event, "order", order)
    return order


def retry_while_claimed(note: Row | None) -> None:
    """Raise ClaimInProgressError for a note that another delivery is processing."""
    if note is not None and note["status"] == states.CLAIMED:
        raise ClaimInProgressError(f"{note['pk']} is claimed, and not known to be sent or not")


def send_claimed(notice: Notice, claimed: Row, to: str, mail: mails.Mail) -> None:
    """Send the mail that the note is claimed for, and write down what became of it. Raises mailer.NotSentError."""
    claim = claimed["claim"]
    try:
        outcome = mailer.send(settings().sender_address, to, mail, settings().configuration_set)
    except mailer.NotSentError:
        advance(notice, claimed, lambda row: decisions.unclaim(row, claim))
        raise
    match outcome:
        case mailer.Accepted(message_id):
            advance(notice, claimed, lambda row: decisions.send(row, claim, message_id))
        case mailer.Refused():
            advance(notice, claimed, lambda row: decisions.refuse(row, claim))
        case mailer.Unknown(error):
            logger.warning("sending unknown", order_id=notice.order_id, kind=notice.kind, error=error)


def advance(notice: Notice, seen: Row | None, decide: Callable[[Row | None], Decision | None]) -> Row:
    """Take the step that `decide` chooses on the note last seen as `seen`; the note afterwards."""
    return table.notes().create_or_apply(notice.note_id, decide, notice.cause, seen=seen, presume_absent=seen is None)


def handler(event: Mapping[str, object], context: object) -> dict[str, object]:
    """Consume the notices queue's batch. Return a partial batch response."""
    return subscribe(event, dict.fromkeys(SUBSCRIPTIONS["notices"], notify), REPLAY_POLICY["notices"])
