"""The sweeper: every minute it gives up the claims that are too old; whether their mails were sent stays unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kernel import clock, logs
from kernel.aggregate_store import VersionConflictError
from kernel.clients import Clients
from kernel.entrypoints import bootstrap_republish, move_each, sweep
from kernel.handler import Handler, lambda_handler
from kernel.index_shards import ALL, Share, share_in
from kernel.logs import logger
from kernel.metrics import count
from kernel.settings import from_environment
from kernel.table_pass import OpenRows
from services.notification.domain import decisions, states
from services.notification.storage.table import Notes, notes_of

PER_SHARD: Final = 1000
"""How many claims of a shard one sweep gives up; the rest are due in the next."""


@dataclass(frozen=True)
class SweeperSettings:
    """After how many seconds a claim counts as abandoned (above the subscriber's time-out); how many are given up at once."""

    claim_unknown_after_seconds: int
    sweep_at_once: int = 1


@dataclass(frozen=True)
class ClaimSweeper:
    """The steps that a sweep takes with claimed notes. `unknown_after` is the age at which a claim counts as abandoned."""

    notes: Notes
    unknown_after: timedelta
    at_once: int = 1

    def give_up_each(self, share: Share = ALL) -> dict[str, int]:
        """Give up each claim of these shards that is too old; return how many, as `given_up`, and how many failed."""
        claimed_before = clock.now() - self.unknown_after
        due = self.notes.due(claimed_before, PER_SHARD, share=share)
        done = move_each(
            self.notes,
            due,
            lambda note_id: self.give_up(note_id, claimed_before),
            "ClaimsNotGivenUp",
            moved="given_up",
            at_once=self.at_once,
        )
        count("SendingUnknown", done["given_up"])
        return done

    def give_up(self, note_id: str, claimed_before: datetime) -> bool:
        """Fail the note if it was claimed at or before that time; return whether it was."""
        note = self.notes.get(note_id)
        decision = decisions.give_up(note, claimed_before)
        if note is None or decision is None:
            return False
        logs.follow(note["correlation_id"])
        try:
            self.notes.write(note_id, note, decision, decisions.notice_of(note).causation)
        except VersionConflictError:  # the delivery ended after all, or another sweep was faster
            return False
        logger.warning("result of a mail stays unknown", order_id=note["order_id"], kind=note["kind"])
        return True


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the sweep's handler. It may run at any time, also beside another sweep, and returns how much it did."""
    settings = from_environment(SweeperSettings, environ)
    unknown_after = timedelta(seconds=settings.claim_unknown_after_seconds)
    sweeper = ClaimSweeper(notes_of(clients, environ), unknown_after, settings.sweep_at_once)
    open_claims = OpenRows(states.TRANSITIONS.aggregate, frozenset({states.CLAIMED}), unknown_after)
    republish = bootstrap_republish(clients, environ, open_claims)

    def handle(event: Mapping[str, object], context: object) -> dict[str, int]:
        share = share_in(event)
        return sweep(lambda: sweeper.give_up_each(share), lambda: republish(share))

    return handle


handler = lambda_handler(bootstrap)
