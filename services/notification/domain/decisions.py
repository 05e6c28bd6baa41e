"""The note's decisions, each a plain function of its row: the step to take, or None if there is nothing to do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeGuard

from kernel import clock
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, Causation, Decision
from services.notification.domain import states
from services.notification.domain.model import FailureReason, Kind, NoteAttributes, NoteDecision, NoteRow
from services.notification.domain.states import TRANSITIONS
from services.notification.schemas.models import NotificationFailedV2Data, NotificationSentV2Data

NO_CONTACT: Final = "NO_CONTACT"
ADDRESS_REFUSED: Final = "ADDRESS_REFUSED"
SENDING_UNKNOWN: Final = "SENDING_UNKNOWN"
CLAIM_ATTRIBUTES: Final = ("claim", *DUE_INDEX_ATTRIBUTES)
"""The attributes to remove from a note that is no longer claimed."""


@dataclass(frozen=True)
class Notice:
    """The mail that an event calls for: its order and kind, and the event's ids."""

    order_id: str
    kind: Kind
    correlation_id: str
    causation_id: str

    @property
    def note_id(self) -> str:
        """`<order_id>#<kind>`: the natural key, by which an order gets one mail of a kind."""
        return f"{self.order_id}#{self.kind}"

    @property
    def causation(self) -> Causation:
        """The cause of the note's events."""
        return Causation(self.correlation_id, self.causation_id)

    @property
    def attributes(self) -> NoteAttributes:
        """The notice as the note stores it."""
        return {
            "order_id": self.order_id,
            "kind": self.kind,
            "correlation_id": self.correlation_id,
            "causation_id": self.causation_id,
        }


def notice_of(row: NoteRow) -> Notice:
    """Return the notice that a note was written for."""
    return Notice(row["order_id"], row["kind"], row["correlation_id"], row["causation_id"])


def is_open(row: NoteRow | None) -> bool:
    """Return whether a delivery may send: no attempt has begun, or the last one certainly sent nothing."""
    return row is None or row["status"] == states.UNSENT


def claim(row: NoteRow | None, notice: Notice, by: str) -> NoteDecision | None:
    """Claim the note for one attempt at sending, known by the nonce `by`."""
    return Decision(TRANSITIONS["claim"], set={**notice.attributes, "claim": by}) if is_open(row) else None


def send(row: NoteRow | None, by: str, message_id: str) -> NoteDecision | None:
    """Record that SES accepted the mail of the claim `by`."""
    if not _is_claimed(row, by):
        return None
    data = NotificationSentV2Data(kind=row["kind"])
    return Decision(TRANSITIONS["send"], set={"message_id": message_id}, remove=CLAIM_ATTRIBUTES, data=data)


def unclaim(row: NoteRow | None, by: str) -> NoteDecision | None:
    """Release the note: the attempt `by` certainly sent nothing, so the next delivery may send."""
    return Decision(TRANSITIONS["unclaim"], remove=CLAIM_ATTRIBUTES) if _is_claimed(row, by) else None


def refuse(row: NoteRow | None, by: str) -> NoteDecision | None:
    """Fail the note of the claim `by`: SES rejects the address."""
    return _fail(notice_of(row), ADDRESS_REFUSED) if _is_claimed(row, by) else None


def fail_unsent(row: NoteRow | None, notice: Notice, reason: FailureReason) -> NoteDecision | None:
    """Fail the note without an attempt (NO_CONTACT, ADDRESS_REFUSED), unless another delivery has begun one."""
    return _fail(notice, reason) if is_open(row) else None


def give_up(row: NoteRow | None, claimed_before: datetime) -> NoteDecision | None:
    """Fail a note with a claim so old that its delivery has ended: it stays unknown whether the mail was sent."""
    if row is None or row["status"] != states.CLAIMED or row["updated_at"] > clock.rfc3339(claimed_before):
        return None
    return _fail(notice_of(row), SENDING_UNKNOWN)


def _is_claimed(row: NoteRow | None, by: str) -> TypeGuard[NoteRow]:
    return row is not None and row["status"] == states.CLAIMED and row["claim"] == by


def _fail(notice: Notice, reason: FailureReason) -> NoteDecision:
    data = NotificationFailedV2Data(kind=notice.kind, reason=reason)
    failed: NoteAttributes = {**notice.attributes, "reason": reason}
    return Decision(TRANSITIONS["fail"], set=failed, remove=CLAIM_ATTRIBUTES, data=data)
