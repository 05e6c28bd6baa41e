"""The sweeper: every minute, claims too old to be alive are given up: whether their mails went out stays unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from aws_lambda_powertools import Logger

from kernel import clock
from kernel.aggregate_store import VersionConflictError
from kernel.entrypoints import move_each, republish_stale_outbox, sweep
from kernel.metrics import count
from kernel.settings import from_environment
from services.notification.domain import decisions
from services.notification.storage import table

logger = Logger()
PER_SHARD: Final = 100
"""How many claims of a shard one sweep gives up; the rest are due in the next."""


@dataclass(frozen=True)
class Settings:
    """After how many seconds a claim is taken for dead: above the subscriber's time-out."""

    claim_unknown_after_seconds: int


@cache
def settings() -> Settings:
    """Return the settings that this function was deployed with."""
    return from_environment(Settings)


def give_up(note_id: str, claimed_before: datetime) -> bool:
    """Fail the note if its claim is as old as that; whether it was."""
    note = table.notes().get(note_id)
    change = decisions.give_up(note, claimed_before)
    if note is None or change is None:
        return False
    try:
        table.notes().write(note_id, note, change, decisions.notice_of(note).cause)
    except VersionConflictError:  # whoever claimed it is alive after all, or another sweep was faster
        return False
    logger.warning("sending stays unknown", order_id=note["order_id"], kind=note["kind"])
    return True


def give_up_each() -> dict[str, int]:
    """Give up each claim that is too old."""
    notes, claimed_before = table.notes(), clock.now() - timedelta(seconds=settings().claim_unknown_after_seconds)
    due = notes.due(claimed_before, PER_SHARD)
    done = move_each(notes, due, lambda note_id: give_up(note_id, claimed_before), "ClaimsNotGivenUp", moved="given_up")
    count("SendingUnknown", done["given_up"])
    return done


def handler(event: Mapping[str, object], context: object) -> dict[str, int]:
    """One sweep, whatever the event. Safe to run at any time, any number at once; answers how much it did."""
    return sweep(give_up_each, republish_stale_outbox)
