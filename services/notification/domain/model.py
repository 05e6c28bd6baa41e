"""The form of a note's item."""

from typing import Literal

from kernel.aggregate_store import AggregateRow, Decision, SweptAttributes

Kind = Literal["backordered", "confirmed", "cancelled", "dispatched"]
"""The kind of a mail. An order gets at most one mail of a kind."""
FailureReason = Literal["NO_CONTACT", "ADDRESS_REFUSED", "SENDING_UNKNOWN"]
"""Why a mail will not be sent. SENDING_UNKNOWN: it may have been sent, and is not sent again."""


class NoteAttributes(SweptAttributes, total=False):
    """The attributes that a note's decisions set. It is due since its claim, once its delivery has left it claimed."""

    order_id: str
    kind: Kind
    correlation_id: str
    causation_id: str
    """The id of the event that the mail is about."""
    claim: str
    """The nonce of the attempt that has claimed the note."""
    message_id: str
    """The id under which SES accepted the mail."""
    reason: FailureReason


class NoteRow(AggregateRow, NoteAttributes):
    """A note as DynamoDB keeps it: no name, no address."""


NoteDecision = Decision[NoteAttributes]
