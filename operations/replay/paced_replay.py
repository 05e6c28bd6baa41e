"""Paced replay: from the archive through the staging queue to the consumers' own queues, no faster than asked, in order.

The archive keeps no order and knows no pace. So the replay is sent to the staging queue alone; the command
receives everything, sorts it, and forwards it. Of one order, an event goes to a consumer only when that consumer's queue has
emptied since the event before it. A message leaves the staging queue when all its consumers have it. So a command that dies
loses nothing: the rest returns to the queue, and another run goes on. Consumers drop duplicates.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from typing import Final, cast

from kernel import outside_json
from kernel.outside_json import OutsideJsonError
from operations.aws import stage_state
from operations.aws.service_client import in_parts
from operations.aws.target import Target
from operations.contracts import subscriptions
from operations.contracts.subscriptions import Consumer
from operations.errors import UserError, WrongUsageError
from operations.events.journal import BusEvent
from operations.plural import counted
from operations.polling import wait_for
from operations.progress import SILENT, Progress
from operations.replay import archive_replay
from operations.window import Window

STAGING_RULE: Final = "platform/staging-rule-arn"
STAGING_QUEUE: Final = "platform/staging-queue-url"
MOST_STAGED: Final = 100_000
"""SQS lets at most 120,000 messages of a queue be in flight."""
HIDDEN_SECONDS: Final = 900
"""How long the staged messages stay hidden if the command that forwards them is killed."""
BATCH: Final = 10
"""The most messages of one call of SQS."""
MAX_CALL_BYTES: Final = 1024 * 1024
"""The most bytes of one message, and of all messages of one SendMessageBatch."""
Queues = Sequence[tuple[Consumer, str]]
"""The consumers, each with the URL of its queue."""


@dataclass(frozen=True)
class Staged:
    """A message of the staging queue: its receipt, and the event in it as the bus delivered it."""

    receipt: str
    event: BusEvent

    @property
    def order(self) -> str:
        """The ordering key: the order, or the aggregate of an event about no order."""
        metadata = self.event["detail"]["metadata"]
        return str(metadata.get("order_id") or metadata["event_id"].rpartition("#")[0])

    @property
    def when(self) -> tuple[str, str]:
        """By which it is put in order: when it happened, and its id."""
        metadata = self.event["detail"]["metadata"]
        return metadata["occurred_at"], metadata["event_id"]


@dataclass(frozen=True)
class Delivery:
    """A staged message that is to go to a consumer's queue. `wave` is how many of its order go there before it."""

    staged: Staged
    queue_url: str
    wave: int


def rate(text: str) -> float:
    """Parse a rate such as `50/s`, `50` or `600/m` to events per second. Raises WrongUsageError.

    Example:
        >>> rate("600/m")
        10.0
    """
    number, _, unit = text.partition("/")
    try:
        found = float(number) / {"": 1, "s": 1, "m": 60}[unit]
    except (ValueError, KeyError):
        found = 0
    if not 0 < found <= 10_000:
        raise WrongUsageError(f"{text!r} is not a rate.", "Give events a second, such as 50/s, or a minute, such as 600/m.")
    return found


def consumers(target: Target, services: Sequence[str]) -> Queues:
    """Return the consumers of the services' subscriptions, each with the URL of its queue."""
    urls = stage_state.parameters(target, "-queue-url")
    found = subscriptions.consumers(dict.fromkeys(services))
    return [(consumer, urls[f"{consumer.name}-queue-url"]) for consumer in found]


def check_empty(target: Target) -> None:
    """Raise UserError if an earlier paced replay has not been handed on to its end."""
    staged = stage_state.depth(target, target.parameter(STAGING_QUEUE))
    if staged:
        raise UserError(
            f"The staging queue holds {counted(staged, 'event')} of an earlier paced replay.",
            "Deliver them with `orderctl replay resume`, then start this replay.",
        )


def start(target: Target, chosen: Window, now: datetime, *, catch_up: bool = False) -> str:
    """Start the replay of a window that was checked into the staging queue; its name."""
    return archive_replay.start(target, chosen, [target.parameter(STAGING_RULE)], now, paced=True, catch_up=catch_up)


def collect(
    target: Target, ended: Callable[[], bool], seen: Callable[[int], None], progress: Progress = SILENT
) -> list[Staged]:
    """Take what the staging queue holds, until `ended` says that no more comes and it is empty."""
    client, url = target.client("sqs", read_timeout=30), target.parameter(STAGING_QUEUE)
    found: dict[str, Staged] = {}
    try:
        while True:
            over = ended()  # checked before the queue, so that events that came meanwhile are still found
            answer = client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=BATCH, VisibilityTimeout=HIDDEN_SECONDS, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                try:
                    found[message["MessageId"]] = Staged(message["ReceiptHandle"], _read(message["Body"]))
                except OutsideJsonError as error:  # every consumer set it aside when it was published
                    progress.warning("An event was skipped", str(error))
                    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            seen(len(found))
            if len(found) > MOST_STAGED:
                raise UserError(
                    f"More than {MOST_STAGED:,} events are staged, too many to sort.",
                    "Purge the staging queue, then replay shorter windows one after another.",
                )
            if over and not answer.get("Messages"):
                return list(found.values())
    except BaseException:
        put_back(target, found.values())
        raise


def _read(body: str) -> BusEvent:
    """Return the domain event in a message. Raises OutsideJsonError for one that cannot be put in order."""
    event = outside_json.read_object(body)
    detail = event.get("detail")
    metadata = detail.get("metadata") if isinstance(detail, dict) else None
    for name in ("event_id", "occurred_at"):
        if not isinstance(metadata, dict) or not isinstance(metadata.get(name), str):
            raise OutsideJsonError(f"detail.metadata.{name}", "is missing")
    return cast(BusEvent, event)


def in_waves(staged: Iterable[Staged], queues: Queues) -> list[list[Delivery]]:
    """Yield the deliveries in waves: each has at most one event of an order for a queue, the earliest first."""
    sent: Counter[tuple[str, str]] = Counter()
    waves: list[list[Delivery]] = []
    for message in sorted(staged, key=lambda each: each.when):
        for url in _queues_for(message.event, queues):
            wave = sent[message.order, url]
            sent[message.order, url] += 1
            if wave == len(waves):
                waves.append([])
            waves[wave].append(Delivery(message, url, wave))
    return waves


def hand_on(
    target: Target,
    staged: Sequence[Staged],
    queues: Queues,
    a_second: float,
    deadline_seconds: float,
    sent: Callable[[int], None],
) -> int:
    """Send the staged messages to their consumers' queues, at most `a_second` per second. Return the number sent.

    Between two waves, the queues have `deadline_seconds` to empty. Raises UserError if one does not. If it ends early, the
    unsent messages return to the staging queue.
    """
    waves = in_waves(staged, queues)
    owed = Counter(delivery.staged.receipt for wave in waves for delivery in wave)
    left = {message.receipt: message for message in staged}
    clock, total = target.clock, 0
    held_until = clock.now() + HIDDEN_SECONDS / 2
    try:
        _delete(target, left, [receipt for receipt in left if not owed[receipt]])  # no chosen subscription is for them
        for wave in waves:
            if wave is not waves[0]:
                _await_empty(target, {delivery.queue_url for delivery in wave}, deadline_seconds)
            for part in _by_queue(wave):
                began = clock.now()
                _send(target, part)
                total += len(part)
                owed.subtract(delivery.staged.receipt for delivery in part)
                _delete(target, left, [delivery.staged.receipt for delivery in part if not owed[delivery.staged.receipt]])
                sent(total)
                if clock.now() > held_until:
                    _hide(target, left.values(), HIDDEN_SECONDS)
                    held_until = clock.now() + HIDDEN_SECONDS / 2
                clock.sleep(max(0.0, began + len(part) / a_second - clock.now()))
    finally:
        put_back(target, left.values())
    return total


def put_back(target: Target, staged: Iterable[Staged]) -> None:
    """Let others see the messages again at once."""
    _hide(target, staged, 0)


def _queues_for(event: BusEvent, queues: Queues) -> list[str]:
    return sorted({url for consumer, url in queues if consumer.takes(event)})


def _by_queue(wave: Iterable[Delivery]) -> Iterable[list[Delivery]]:
    """Yield a wave in batches, each for one queue, still the earliest first."""
    waiting: defaultdict[str, list[Delivery]] = defaultdict(list)
    for delivery in wave:
        batch = waiting[delivery.queue_url]
        batch.append(delivery)
        if len(batch) == BATCH:
            yield waiting.pop(delivery.queue_url)
    yield from waiting.values()


def _send(target: Target, part: Sequence[Delivery]) -> None:
    """Send a batch; what SQS refuses is sent again. Raises UserError if SQS keeps refusing."""
    client = target.client("sqs")
    waiting = {str(number): _body(delivery.staged.event) for number, delivery in enumerate(part)}
    for attempt in count():
        answers = [client.send_message_batch(QueueUrl=part[0].queue_url, Entries=call) for call in _calls(waiting)]
        refused = [failed for answer in answers for failed in answer.get("Failed", [])]
        if not refused:
            return
        if attempt == 4:
            raise UserError(
                f"A queue refused {counted(len(refused), 'event')}: {refused[0].get('Message')}.",
                "Deliver them with `orderctl replay resume`.",
            )
        waiting = {entry["Id"]: waiting[entry["Id"]] for entry in refused}
        target.clock.sleep(0.1 * 2**attempt)


def _body(event: BusEvent) -> str:
    """Return the text of an event. Escapes make it longer, so an event that is too long with them is without them."""
    text = json.dumps(event)
    return text if len(text) <= MAX_CALL_BYTES else json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _calls(bodies: Mapping[str, str]) -> Iterator[list[dict[str, str]]]:
    """Yield the entries of each SendMessageBatch, by their ids, so that no call is too long."""
    call, size = list[dict[str, str]](), 0
    for number, body in bodies.items():
        length = len(body.encode())
        if call and size + length > MAX_CALL_BYTES:
            yield call
            call, size = [], 0
        call.append({"Id": number, "MessageBody": body})
        size += length
    if call:
        yield call


def _await_empty(target: Target, urls: Iterable[str], deadline_seconds: float) -> None:
    clock = target.clock
    ends = clock.now() + deadline_seconds
    for url in urls:
        left = wait_for(partial(stage_state.depth, target, url), lambda depth: not depth, ends - clock.now(), clock)
        if left:
            raise UserError(
                f"The queue {url.rpartition('/')[2]} has not emptied in {deadline_seconds:g} s. "
                f"Left: {counted(left, 'message')}.",
                "When it is empty, continue with `orderctl replay resume`.",
            )


def _delete(target: Target, left: dict[str, Staged], receipts: Sequence[str]) -> None:
    client, url = target.client("sqs"), target.parameter(STAGING_QUEUE)
    for part in in_parts(dict.fromkeys(receipts), BATCH):
        entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(part)]
        client.delete_message_batch(QueueUrl=url, Entries=entries)
        for receipt in part:
            left.pop(receipt)


def _hide(target: Target, staged: Iterable[Staged], seconds: int) -> None:
    client, url = target.client("sqs"), target.parameter(STAGING_QUEUE)
    for part in in_parts((message.receipt for message in staged), BATCH):
        entries = [{"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": seconds} for n, receipt in enumerate(part)]
        client.change_message_visibility_batch(QueueUrl=url, Entries=entries)
