"""Mails: at most one of each kind for an order, and no claim is given up while its mail may still be sent."""

from collections import defaultdict
from typing import Final

from simulation.engine.dynamodb import Change
from simulation.engine.faults import Mode
from simulation.engine.mail import Mailboxes
from simulation.engine.scheduler import SECOND, Task
from simulation.stage import deployment
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import status_of, text_of

SUBJECTS: Final = {
    "confirmed": "is confirmed",
    "cancelled": "has been cancelled",
    "dispatched": "is on its way",
    "backordered": "is on back-order",
}
"""By kind of mail, the end of its subject."""


class Mails:
    """The mails of one world, and the invocations that claimed them."""

    def __init__(self, record: Record, mailboxes: Mailboxes) -> None:
        self.record = record
        self.mailboxes = mailboxes
        self.claimed_in: dict[str, set[str]] = defaultdict(set)
        """By note, the invocations that claimed it."""
        self.claimed_at: dict[str, int] = {}
        """By note, when it was last claimed, in microseconds."""

    def note_written(self, change: Change, task: Task | None) -> None:
        """Record a write of a mail's row, and the invocation that claims it."""
        self.record.note_end((change.table, change.key), ended=status_of(change.new) in ("SENT", "FAILED"))
        if status_of(change.new) == "CLAIMED" and task is not None:
            self.claimed_in[change.key].add(_invocation_of(task.name))
            if text_of(change.new, "claim") != text_of(change.old, "claim"):  # a sweep that postpones the note claims nothing
                self.claimed_at[change.key] = self.record.now()
        self.claim_is_given_up_late(change)

    def claim_is_given_up_late(self, change: Change) -> None:
        """Check that a mail's sending counts as unknown only once the function that was sending it is over."""
        if text_of(change.new, "reason") != "SENDING_UNKNOWN" or status_of(change.old) != "CLAIMED":
            return
        seconds = (self.record.now() - self.claimed_at[change.key]) / SECOND
        sending = deployment.infrastructure("notification")["SUBSCRIBER_SECONDS"]
        if seconds < sending and not self._clock_was_wrong(change.key):
            self.record.fail(
                "rows_agree_with_outside_systems",
                f"{change.key} is given up {seconds:.0f} s after its claim; it may be sent for {sending} s",
            )

    def one_mail_per_order_and_kind(self) -> None:
        """Check that no two mails have the same subject."""
        seen: set[str] = set()
        for mail in self.mailboxes.sent:
            if mail.subject in seen:
                self.record.fail("one_mail_per_order_and_kind", f"two mails went out: {mail.subject}")
            seen.add(mail.subject)

    def sent(self, order_id: str, kind: str) -> int:
        """Return the number of mails of this kind that went out for the order."""
        number = order_id.removeprefix("ord-")[:10].upper()
        subject = f"Your order {number[:5]}-{number[5:]} {SUBJECTS[kind]}"
        return sum(mail.subject == subject for mail in self.mailboxes.sent)

    def was_struck(self, note: str) -> bool:
        """Return True if a fault struck an invocation that claimed the note, or a write of the note itself."""
        claimed = tuple(self.claimed_in[note])
        return any(
            note in boundary or mode is Mode.CLOCK_JUMP or any(one in boundary for one in claimed)
            for boundary, mode in self.record.struck.items()
            if mode not in (Mode.SLOW, Mode.LASTING) or "row " in boundary
        )

    def _clock_was_wrong(self, note: str) -> bool:
        """Return True if a clock jumped, or was off in the claim of the note or in a sweep that gives claims up."""
        judges = ("notification-sweeper", *self.claimed_in[note])
        return any(
            mode is Mode.CLOCK_JUMP or (mode is Mode.SKEWED and any(judge in boundary for judge in judges))
            for boundary, mode in self.record.struck.items()
        )


def _invocation_of(task: str) -> str:
    """Return the invocation that a write came from: a copy's is that of its boundary."""
    return task.removeprefix("copy of [").rpartition(" > ")[0] if task.startswith("copy of [") else task
