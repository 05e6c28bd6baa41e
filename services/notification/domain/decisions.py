"""The note's decisions, each a plain function of the row: the step to take, or None where there is nothing to do."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard

from kernel import clock
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, Causation, Decision, Row, due_at
from services.notification.domain import states
from services.notification.domain.states import TRANSITIONS

NO_CONTACT, ADDRESS_REFUSED, SENDING_UNKNOWN = "NO_CONTACT", "ADDRESS_REFUSED", "SENDING_UNKNOWN"

LEAVE_CLAIM = ("claim", *DUE_INDEX_ATTRIBUTES)
"""What a note loses when it is no longer claimed."""


@dataclass(frozen=True)
class Notice:
    """What the customer is to be told: of which order, which kind, and because of which event."""

    order_id: str
    kind: str
    correlation_id: str
    causation_id: str

    @property
    def note_id(self) -> str:
        """`<order_id>#<kind>`: the natural key by which there is one mail of a kind per order."""
        return f"{self.order_id}#{self.kind}"

    @property
    def cause(self) -> Causation:
        """What the note's events are caused by."""
        return Causation(self.correlation_id, self.causation_id)


def notice_of(row: Row) -> Notice:
    """Return the notice that a note was written for."""
    return Notice(row["order_id"], row["kind"], row["correlation_id"], row["causation_id"])


def is_open(row: Row | None) -> bool:
    """Whether a delivery may still send: nobody began, or what was begun certainly sent nothing."""
    return row is None or row["status"] == states.UNSENT


def claim(row: Row | None, notice: Notice, by: str, now: datetime) -> Decision | None:
    """Take the note for one attempt at sending, known by the nonce `by`; `next_due` is since when it is claimed."""
    if not is_open(row):
        return None
    due = due_at(f"{TRANSITIONS.aggregate}#{notice.note_id}", now)
    return Decision(TRANSITIONS["claim"], set={**vars(notice), "claim": by, **due})


def send(row: Row | None, by: str, message_id: str) -> Decision | None:
    """SES accepted the mail that the claim `by` was for."""
    if not _claimed(row, by):
        return None
    return Decision(TRANSITIONS["send"], set={"message_id": message_id}, remove=LEAVE_CLAIM, data={"kind": row["kind"]})


def unclaim(row: Row | None, by: str) -> Decision | None:
    """Release the claim of the attempt `by`, which certainly sent nothing. The next delivery may send."""
    return Decision(TRANSITIONS["unclaim"], remove=LEAVE_CLAIM) if _claimed(row, by) else None


def refuse(row: Row | None, by: str) -> Decision | None:
    """SES takes the address for none."""
    return _fail(notice_of(row), ADDRESS_REFUSED) if _claimed(row, by) else None


def fail_unsent(row: Row | None, notice: Notice, reason: str) -> Decision | None:
    """There is nobody to write to (NO_CONTACT, ADDRESS_REFUSED), unless another delivery found somebody."""
    return _fail(notice, reason) if is_open(row) else None


def give_up(row: Row | None, claimed_before: datetime) -> Decision | None:
    """Fail a note whose claim has expired. Whether the mail was sent stays unknown."""
    if row is None or row["status"] != states.CLAIMED or row["next_due"] > clock.rfc3339(claimed_before):
        return None
    return _fail(notice_of(row), SENDING_UNKNOWN)


def _claimed(row: Row | None, by: str) -> TypeGuard[Row]:
    return row is not None and row["status"] == states.CLAIMED and row["claim"] == by


def _fail(notice: Notice, reason: str) -> Decision:
    data = {"kind": notice.kind, "reason": reason}
    return Decision(TRANSITIONS["fail"], set={**vars(notice), "reason": reason}, remove=LEAVE_CLAIM, data=data)
