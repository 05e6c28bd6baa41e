"""The parts that every service's relay and sweeper share: the relay itself, and the loops of a sweep."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from kernel import clock, logs
from kernel.aggregate_store import AggregateStore, KeyedStore, R
from kernel.batches import BatchResponse, StreamEvent
from kernel.clients import Clients
from kernel.facts import OwnerFacts
from kernel.handler import Handler
from kernel.identifiers import order_id_in
from kernel.index_shards import ALL, Share
from kernel.logs import logger
from kernel.metrics import count
from kernel.orphans import LOOK_AGAIN_AFTER, is_orphan
from kernel.relay import Outbox, relay_records, republish
from kernel.settings import from_environment
from kernel.table_pass import OpenRows, Slice, slice_at
from kernel.timeouts import SWEEP_BEGINS_SECONDS
from kernel.workers import SweepSettings, Tally, work_on


@dataclass(frozen=True)
class OutboxSettings:
    """The table of the outbox, its bus, and after how many seconds a pending event counts as stale.

    `older_versions` are the older versions of events that are published too: `NotificationSent.v1 OrderCancelled.v1`.
    The sweeps of `outbox_pass_minutes` read every row of the table once.
    """

    table_name: str
    bus_name: str
    republish_after_seconds: int = 120
    outbox_pass_minutes: int = 1440
    older_versions: str = ""

    def outbox(self, clients: Clients) -> Outbox:
        """Return the outbox, reached by these clients."""
        declared = frozenset(self.older_versions.split())
        return Outbox(clients.dynamodb, clients.events, self.table_name, self.bus_name, declared)


def bootstrap_relay(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return a relay: it publishes the pending events that its table's stream brings; see `relay_records`."""
    outbox = from_environment(OutboxSettings, environ).outbox(clients)

    def handle(event: StreamEvent, context: object) -> BatchResponse:
        relayed = relay_records(outbox, event["Records"])
        count("EventsNotPublished", relayed.unpublishable)
        return relayed.response()

    return handle


def sweep(*parts: Callable[[], dict[str, int]]) -> dict[str, int]:
    """Run each part of a sweep, also after one that fails; return how much they did.

    Raises what the first part that failed raised, once all have run.
    """
    done: dict[str, int] = {}
    failure: Exception | None = None
    for part in parts:
        try:
            done |= part()
        except Exception as fault:  # the boundary of a part
            logger.exception("part of a sweep failed")
            failure = failure or fault
    if failure:
        raise failure
    return done


def move_each(
    rows: KeyedStore[R],
    due: Iterable[str],
    move: Callable[[str], bool],
    metric: str,
    *,
    moved: str = "moved",
    failed: str = "failed",
    begun: datetime | None = None,
    at_once: int = 1,
    patience: int | None = None,
) -> dict[str, int]:
    """Let `move` take each row that is due a step further, `at_once` rows at a time; return how many moved and how many failed.

    The counts have the names `moved` and `failed`. A row that fails harms no other: it is logged, counted in `metric`, and
    comes up again after all others that are due. No further row is begun SWEEP_BEGINS_SECONDS after `begun` (if it is not
    given: after now). `patience` rows in a row that do not move are enough as well: what they all need is down.
    """
    done = Tally()
    still: list[str] = []
    until = (begun or clock.now()) + timedelta(seconds=SWEEP_BEGINS_SECONDS)

    def step(row_id: str) -> None:
        if clock.now() >= until or (patience is not None and len(still) >= patience):
            return
        is_moved = False
        with logs.about(order_id=order_id_in(row_id)):
            try:
                is_moved = move(row_id)
            except Exception:  # the boundary of a row
                logger.exception("row not moved", row=rows.key(row_id))
                done.add("failed")
                _put_last(rows, row_id)
        if is_moved:
            done.add("moved")
            still.clear()
        else:
            still.append(row_id)

    try:
        work_on(due, step, at_once)
    finally:
        count(metric, done.counts["failed"])
    return {moved: done.counts["moved"], failed: done.counts["failed"]}


def release_if_orphan(
    rows: AggregateStore[R], order_id: str, unsettled: Container[str], release: Callable[[R], None], facts: OwnerFacts
) -> bool:
    """Release the money or goods of an unsettled row, if its order does not need them; return whether they were released.

    A needed row is due again after LOOK_AGAIN_AFTER. Raises what `release` and `OwnerFacts.of` raise.
    """
    row = rows.get(order_id)
    if row is None or row["status"] not in unsettled:
        return False
    logs.follow(row["correlation_id"])
    if not is_orphan(facts.order(order_id)):
        rows.postpone(order_id, clock.now() + LOOK_AGAIN_AFTER)
        return False
    logger.error("row without an order", row=row["pk"], status=row["status"])
    release(row)
    return True


def _put_last(rows: KeyedStore[R], row_id: str) -> None:
    """Let a row come up after all others that are due, if that can be written: on a hot row it cannot."""
    try:
        rows.postpone(row_id, clock.now())
    except (BotoCoreError, ClientError) as error:
        logger.warning("row not postponed", row=rows.key(row_id), error=type(error).__name__)


def republish_stale(
    outbox: Outbox,
    older_than: timedelta,
    part: Slice,
    at_once: int = 1,
    share: Share = ALL,
    opened: OpenRows | None = None,
) -> dict[str, int]:
    """Publish the events that the relay left in the outbox for longer than this; return how many, as `republished`."""
    done = republish(outbox, older_than, part, at_once=at_once, share=share, opened=opened)
    if done.events:
        logger.warning("events republished", count=done.events)
    count("EventsRepublished", done.events)
    count("EventsNotPublished", done.rows_left)
    return {"republished": done.events}


def bootstrap_republish(
    clients: Clients, environ: Mapping[str, str], opened: OpenRows | None = None
) -> Callable[[Share], dict[str, int]]:
    """Return the part of a sweep that publishes what the relay left, in the share of the shards; see `republish_stale`.

    It also makes rows due that are left open, as `opened` says.
    """
    settings = from_environment(OutboxSettings, environ)
    outbox, at_once = settings.outbox(clients), from_environment(SweepSettings, environ).sweep_at_once
    older_than, minutes = timedelta(seconds=settings.republish_after_seconds), settings.outbox_pass_minutes

    def republish_share(share: Share) -> dict[str, int]:
        return republish_stale(outbox, older_than, slice_at(clock.now(), minutes, share), at_once, share, opened)

    return republish_share
