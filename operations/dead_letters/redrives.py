"""Give dead letters another try, set those aside that keep failing, or drop them, with a copy kept.

A message goes back to its subscription's own queue, never to the bus: other consumers had the event already. It is sent first
and deleted after. A command that dies in between leaves it in both places, and the consumer deduplicates.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence, Set, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, TypedDict

from kernel.clients import AwsClient
from kernel.inbox import ATTEMPTS, ORIGIN, parse
from kernel.schemas import InvalidEventError
from operations.aws import stage_state
from operations.aws.service_client import in_parts
from operations.aws.target import Target
from operations.dead_letters import messages
from operations.dead_letters.messages import Message
from operations.errors import UserError, WrongUsageError
from operations.plural import counted

QUARANTINE: Final = "platform/quarantine"
"""The dead-letter queue of messages that were redriven too often."""
MAX_ATTEMPTS: Final = 3
AWS_TICK: Final = timedelta(seconds=1)
"""AWS states the time of a response in whole seconds."""
HOLD_SECONDS: Final = 120
"""How long a message that is being redriven or dropped is hidden from others."""
PATIENCE_SECONDS: Final = 10.0
"""How long a redrive or drop waits for messages that another reader holds: a look at a queue hides its messages meanwhile."""
EMPTY_LOOKS: Final = 2
"""How often a queue must look empty to be so: SQS's numbers of messages are approximate."""
REFUSED_BY_SQS: Final = frozenset({"InvalidParameterValue", "InvalidMessageContents"})
"""SQS's errors about a message itself: it is too long for its queue, or has characters that SQS does not take."""
REDRIVEN, KEPT, QUARANTINED, DROPPED = "redriven", "kept", "quarantined", "dropped"


class Outcome(TypedDict):
    """The result of redriving or dropping one message. `event` and `order_id` are those of its body, if it names them."""

    id: str
    event: object
    order_id: object
    outcome: str
    why: str


@dataclass(frozen=True)
class Chosen:
    """Which messages of a queue: those of `ids`, or all if it is None; at most `limit`, or any number if it is None."""

    ids: frozenset[str] | None
    limit: int | None = None


def chosen(ids: Sequence[str] | None, *, everything: bool, limit: int | None = None) -> Chosen:
    """Return what the options choose. Raises UserError if they choose nothing, or both."""
    if bool(ids) == everything:
        raise WrongUsageError("Choose messages by --id, or all of them by --all.", "Give one of the two options.")
    return Chosen(None if everything else frozenset(ids or ()), limit)


def redrivable(target: Target) -> frozenset[str]:
    """Return the names of the dead-letter queues with messages that have a queue to go back to."""
    ending = "-queue-url"
    return frozenset({QUARANTINE, *(name.removesuffix(ending) for name in stage_state.parameters(target, ending))})


def redrive(target: Target, name: str, which: Chosen, max_attempts: int, report: Callable[[Outcome], None]) -> list[Outcome]:
    """Send the chosen messages of the queue `name` back to the queue they failed in; and return the outcomes.

    A message that its schema refuses today stays. After `max_attempts` redrives, a message goes to quarantine.
    Raises UserError if the queue holds no messages of a subscription.
    """
    url, queues = _url(target, name), stage_state.parameters(target, "-url")
    client, results = target.client("sqs"), []
    kept: list[str] = []
    sent: set[bytes] = set()
    try:
        for message in _taken(target, name, which, sent, kept):
            origin = _attributes(message).get(ORIGIN, name)
            if f"{origin}-queue-url" in queues:
                try:
                    attempts = 0 if name == QUARANTINE else messages.redrives_of(_attributes(message))
                    sent.add(_attempt(message, attempts + 1))
                    outcome, why = _redriven(client, queues, message, origin, attempts, max_attempts)
                except client.exceptions.ClientError as error:  # the boundary of a message
                    code = error.response["Error"]["Code"]
                    if code not in REFUSED_BY_SQS:
                        raise
                    outcome, why = KEPT, f"SQS refuses it: {code}"
            elif name == QUARANTINE:  # it holds messages of all queues: one without a queue stops no other
                outcome, why = KEPT, f"the stage has no queue {origin} to send it to"
            else:
                kept.append(message["ReceiptHandle"])
                raise UserError(f"{name} holds {messages.content_of(name)}.", "They have no queue to go back to.")
            if outcome == KEPT:
                kept.append(message["ReceiptHandle"])
            else:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            results.append(_result(message, outcome, why))
            report(results[-1])
    finally:
        _put_back(client, url, kept)
    return results


def _redriven(
    client: AwsClient,
    queues: Mapping[str, str],
    message: Message,
    origin: str,
    attempts: int,
    max_attempts: int,
) -> tuple[str, str]:
    """Send a message where it belongs now: what became of it, and why. It is still in the queue that it was found in."""
    problem = refusal(message["Body"])
    if problem is not None:
        return KEPT, problem
    if attempts >= max_attempts:
        _send(client, queues[f"{QUARANTINE}-dlq-url"], message, {**_attributes(message), ORIGIN: origin})
        return QUARANTINED, f"already redriven {counted(attempts, 'time')}"
    _send(client, queues[f"{origin}-queue-url"], message, {ATTEMPTS: str(attempts + 1)})
    return REDRIVEN, f"attempt {attempts + 1}, to {origin}"


def copies(name: str, now: datetime) -> str:
    """Return the usual name of the file for copies of a queue's messages: `dead-letters-order-intake-20261123T120000.jsonl`."""
    return f"dead-letters-{name.replace('/', '-')}-{now:%Y%m%dT%H%M%S}.jsonl"


def drop(target: Target, name: str, which: Chosen, file: Path, report: Callable[[Outcome], None]) -> list[Outcome]:
    """Take the chosen messages out of the queue `name`, each after its copy is in `file`, a line of JSON. Return the dropped
    ones.
    """
    url, client, results = _url(target, name), target.client("sqs"), []
    with file.open("a", encoding="utf-8") as kept:
        for message in _taken(target, name, which):
            kept.write(json.dumps({**messages.describe(message), "queue": name, "attributes": _attributes(message)}) + "\n")
            kept.flush()
            os.fsync(kept.fileno())
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            results.append(_result(message, DROPPED, f"copied to {file}"))
            report(results[-1])
    return results


@contextmanager
def reporting(
    show: Callable[[Outcome], object], record: Callable[[list[object]], object]
) -> Iterator[Callable[[Outcome], None]]:
    """Yield the `report` of a redrive or drop, which calls `show` with each outcome.

    At the end, also of work that broke off, `record` receives the `order_id` of each message that has left its queue, whatever
    its body names there. It is not called if none has.
    """
    outcomes: list[Outcome] = []

    def report(outcome: Outcome) -> None:
        outcomes.append(outcome)
        show(outcome)

    try:
        yield report
    finally:
        if moved := [one["order_id"] for one in outcomes if one["outcome"] != KEPT]:
            record(moved)


def refusal(body: str) -> str | None:
    """Return the reason why the inbox would refuse a message today, or None if it would accept it."""
    try:
        parse(body)
    except InvalidEventError as error:
        return str(error)
    return None


def _taken(target: Target, name: str, which: Chosen, sent: Set[bytes] = frozenset(), kept: Sized = ()) -> Iterator[Message]:
    """Yield the chosen messages of a queue, each once, hidden from other readers. Put back the others.

    Of all messages, those are chosen that were sent before the first response. `sent` are the attempts that the command made
    since, `kept` the messages that it has not deleted. Messages that another reader holds are awaited.
    """
    url, client = _url(target, name), target.client("sqs")
    waiting: dict[str, Message] = {}
    looked: set[str] = set()
    began: datetime | None = None
    given = known = empty = 0
    until = target.clock.now() + PATIENCE_SECONDS
    try:
        while (which.limit is None or given < which.limit) and (which.ids is None or not which.ids <= looked):
            answer = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=messages.MAX_MESSAGES,
                VisibilityTimeout=HOLD_SECONDS,
                WaitTimeSeconds=messages.WAIT_SECONDS,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            )
            began = began or parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
            found = {message["MessageId"]: message for message in answer.get("Messages", [])}
            waiting |= found
            fresh = [message_id for message_id in found if message_id not in looked]
            looked.update(fresh)
            known = 0 if fresh else known + len(found)
            if not found:
                held = stage_state.depth(target, url) - len(waiting) - len(kept)
                empty = 0 if held > 0 and target.clock.now() < until else empty + 1
                if empty < EMPTY_LOOKS:
                    continue
            if not found or known >= len(looked):  # a long run receives messages again: SQS hides them for a while only
                break
            empty, until = 0, target.clock.now() + PATIENCE_SECONDS
            for message_id in fresh:
                is_chosen = _was_there(found[message_id], began, sent) if which.ids is None else message_id in which.ids
                if is_chosen and (which.limit is None or given < which.limit):
                    given += 1
                    yield waiting.pop(message_id)
    finally:
        _put_back(client, url, [message["ReceiptHandle"] for message in waiting.values()])
    if which.ids is not None and (missing := which.ids - looked):
        raise UserError(
            f"{name} has no message {', '.join(sorted(missing))}.", f"List its messages with `orderctl dlq show {name}`."
        )


def _was_there(message: Message, began: datetime, sent: Set[bytes]) -> bool:
    """Return whether a message was sent before the command began, by SQS's clock: the operator's may be wrong.

    SQS keeps the time of the first send when it moves a message to a dead-letter queue, so a message that fails for the last
    time meanwhile counts too.

    A message of the very second in which the command began was there, unless it is one that the command sent.
    """
    sent_at = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
    if sent_at < began:
        return True
    redrives = messages.redrives_of(_attributes(message))
    return sent_at < began + AWS_TICK and _attempt(message, redrives) not in sent


def _attempt(message: Message, redrives: int) -> bytes:
    """Return a digest of a message's body and how often it was redriven: equal if the message fails again and comes back."""
    return hashlib.sha256(f"{redrives} {message['Body']}".encode(errors="surrogatepass")).digest()


def _url(target: Target, name: str) -> str:
    urls = stage_state.parameters(target, messages.ENDING)
    if f"{name}{messages.ENDING}" not in urls:
        known = ", ".join(sorted(found.removesuffix(messages.ENDING) for found in urls)) or "none"
        raise UserError(f"There is no dead-letter queue {name}.", f"Choose one of: {known}.")
    return urls[f"{name}{messages.ENDING}"]


def _send(client: AwsClient, url: str, message: Message, attributes: Mapping[str, str]) -> None:
    client.send_message(
        QueueUrl=url,
        MessageBody=message["Body"],
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )


def _put_back(client: AwsClient, url: str, receipts: Sequence[str]) -> None:
    """Make messages visible again. A message that SQS refuses to show is visible already, or will be when its time is over."""
    for part in in_parts(receipts, messages.MAX_MESSAGES):
        entries = [{"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": 0} for n, receipt in enumerate(part)]
        client.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def _attributes(message: Message) -> dict[str, str]:
    return {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}


def _result(message: Message, outcome: str, why: str) -> Outcome:
    letter = messages.describe(message)
    return {"id": letter["id"], "event": letter["event"], "order_id": letter["order_id"], "outcome": outcome, "why": why}
