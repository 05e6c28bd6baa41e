"""The inbox of a subscriber: it reads each message of a batch by its schema, hands it over, and retries or quarantines it.

A failed message is retried with back-off. One bad message never delays, repeats or loses its neighbours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Generic

from botocore.exceptions import BotoCoreError, ClientError

from kernel import logs, outside_json, schemas, versions
from kernel.aggregate_store import Causation
from kernel.batches import BatchResponse, FailedItem, SqsEvent, SqsRecord
from kernel.clients import AwsClient, Clients
from kernel.events import D_co, DomainEvent
from kernel.identifiers import shown
from kernel.logs import logger
from kernel.measures import Measure, Metric
from kernel.metrics import count, emit
from kernel.naming import CHANNEL_PREFIX, catches_up, is_source
from kernel.outside_json import OutsideJsonError
from kernel.schemas import InvalidEventError
from kernel.subscriptions import ReplayPolicy
from kernel.traces import correlation_id_of, span_of

REPLAYED: Final = Metric("EventsReplayed", "Count", "deliveries of replayed events that a subscriber handled")
FIRST_RETRY_SECONDS = 5
LONGEST_RETRY_SECONDS = 900
ATTEMPTS = "redrive_attempts"
"""The message attribute that counts how often a dead letter was given another try."""
ORIGIN = "origin"
"""The message attribute of a quarantined letter that names the queue it came from: `order/intake`."""


@dataclass(frozen=True)
class Delivery(Generic[D_co]):
    """An event as the bus delivered it. `replay_name` is set when it comes out of the archive."""

    event: DomainEvent[D_co]
    replay_name: str | None = None
    repeated: bool = False
    """Whether the message was delivered before, or comes out of the archive: what it asks for may be done already."""

    @property
    def order_id(self) -> str:
        """The id of the order that the event is about. Raises InvalidEventError for an event about no order."""
        if self.event.order_id is None:
            raise InvalidEventError(f"{self.event.detail_type} from {self.event.source}", "metadata.order_id", "is missing")
        return self.event.order_id

    @property
    def causation(self) -> Causation:
        """The cause of what the event leads to: its correlation id, and its own id."""
        return Causation(self.event.correlation_id, self.event.event_id)

    @property
    def is_live(self) -> bool:
        """True for an event that is not replayed: its publisher may wait for the result."""
        return self.replay_name is None

    def is_for(self, replay_policy: ReplayPolicy) -> bool:
        """Return True if a subscription with this replay policy handles the event."""
        return self.replay_name is None or replay_policy is ReplayPolicy.REAPPLY or catches_up(self.replay_name)


LambdaHandler = Callable[[SqsEvent, object], BatchResponse]
"""Of an event and a context."""
Handler = Callable[[Delivery[Any]], None]
Handlers = Mapping[tuple[str, str], Handler]
"""Handlers by (source, detail-type); a source may end in `*`."""


@dataclass(frozen=True)
class DeadLetters:
    """The queue's dead-letter queue. A message that can never succeed is quarantined there at once, with the reason."""

    sqs: AwsClient
    queue_url: str
    source_url: str = ""
    """The queue itself, if failed messages are to be delivered again by our own schedule and not by its visibility time-out."""

    def retry_with_backoff(self, record: SqsRecord) -> None:
        """Deliver a failed message again in 5 seconds, then 10, then 20 ..., at last every 15 minutes."""
        if not self.source_url:
            return
        received = int(record["attributes"]["ApproximateReceiveCount"])
        self.sqs.change_message_visibility(
            QueueUrl=self.source_url,
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=min(FIRST_RETRY_SECONDS * 2 ** (received - 1), LONGEST_RETRY_SECONDS),
        )

    def quarantine(self, record: SqsRecord, error: InvalidEventError) -> None:
        """Send the message on as it came. Raises what SQS raises; the message is then delivered again."""
        reason = "".join(sign if sign.isprintable() else "?" for sign in str(error))  # SQS takes no control characters
        attributes = {"reason": reason, "field": error.field or "-", "queue": record.get("eventSourceARN", "-")}
        tried = record.get("messageAttributes", {}).get(ATTEMPTS, {}).get("stringValue")
        if tried:
            attributes[ATTEMPTS] = tried
        self.sqs.send_message(
            QueueUrl=self.queue_url,
            MessageBody=record["body"],
            MessageAttributes={name: {"DataType": "String", "StringValue": value[:1024]} for name, value in attributes.items()},
        )


def queue_handler(
    clients: Clients, environ: Mapping[str, str], handlers: Handlers, replay_policy: ReplayPolicy
) -> LambdaHandler:
    """Return the Lambda handler of a subscription's queue: it responds with a partial batch response, as `receive` says.

    The variable DEAD_LETTER_QUEUE_URL names the dead-letter queue, QUEUE_URL the queue itself.
    """
    dead_letters = DeadLetters(clients.sqs, environ["DEAD_LETTER_QUEUE_URL"], environ.get("QUEUE_URL", ""))
    schemas.prepare(handlers)

    def handle(event: SqsEvent, context: object) -> BatchResponse:
        return receive(event["Records"], handlers, dead_letters, replay_policy)

    return handle


def receive(
    records: list[SqsRecord],
    handlers: Handlers,
    dead_letters: DeadLetters,
    replay_policy: ReplayPolicy = ReplayPolicy.REAPPLY,
) -> BatchResponse:
    """Hand each SQS record to the handler of its event; return which records failed.

    A replayed event is handed over as `replay_policy` says, else it is done with.

    A message that its schema or its handler refuses (InvalidEventError), or that has no handler, goes to the dead-letter
    queue with the reason. A replayed one is only counted: its first delivery has its letter, and the archive keeps it. If the
    handler raises another error, only that message is reported as failed, and SQS delivers it again soon.
    """
    failures: list[FailedItem] = []
    replayed = 0
    for record in records:
        with logs.about(message_id=record["messageId"], attempt=_attempt(record)):
            try:
                try:
                    delivery = parse(record["body"])
                    if delivery.replay_name is not None or _was_delivered(record):
                        delivery = replace(delivery, repeated=True)
                    _log(delivery)
                    handle = _handler_of(handlers, delivery.event)
                    if delivery.is_for(replay_policy):
                        handle(delivery)
                        replayed += delivery.replay_name is not None
                        logger.info("event handled")
                    else:
                        logger.info("replayed event skipped")
                except InvalidEventError as error:
                    if is_replayed(record["body"]):
                        logger.warning("replayed event refused", reason=str(error))
                        count("ReplayedEventsRefused", 1)
                        continue
                    logger.warning("message quarantined", reason=str(error))
                    dead_letters.quarantine(record, error)
            except Exception:  # the boundary of the batch: whatever it was, only this message is delivered again
                logger.exception("message failed")
                failures.append({"itemIdentifier": record["messageId"]})
                _retry_with_backoff(dead_letters, record)
    if replayed:
        emit([Measure(REPLAYED, replayed)])
    return {"batchItemFailures": failures}


def _log(delivery: Delivery) -> None:
    """Write the ids of a delivered event into the lines of its log; those of a channel only as far as they are fit for it.

    A replayed event is handled in a span of its own, which is linked to the event's.
    """
    event, replay_name = delivery.event, delivery.replay_name
    logs.follow(event.correlation_id, event.event_id)
    logs.add(event=event.detail_type, event_id=event.event_id, order_id=event.order_id, causation_id=event.causation_id)
    if replay_name is not None:
        again, first = (
            span_of(event.correlation_id, cause).span_id for cause in (f"{event.event_id}#{replay_name}", event.event_id)
        )
        logs.add(replay_name=replay_name, span_id=again, linked_span_id=first)
    if event.source.startswith(CHANNEL_PREFIX):
        correlation_id = correlation_id_of(event.correlation_id)
        logs.add(event_id=shown(event.event_id), correlation_id=shown(correlation_id), causation_id=shown(event.causation_id))


def _attempt(record: SqsRecord) -> int:
    """Return how often SQS has delivered the message by now."""
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", "1"))


def _was_delivered(record: SqsRecord) -> bool:
    """Return whether SQS has delivered the message before, or an operator redrove it."""
    return _attempt(record) > 1 or ATTEMPTS in record.get("messageAttributes", {})


def _retry_with_backoff(dead_letters: DeadLetters, record: SqsRecord) -> None:
    try:
        dead_letters.retry_with_backoff(record)
    except (BotoCoreError, ClientError):  # then the queue's own visibility time-out brings it back
        logger.warning("back-off of a message not set")


def parse(body: str) -> Delivery:
    """Parse an SQS body that an EventBridge rule wrote, in its newest known version. Raises InvalidEventError."""
    try:
        envelope = outside_json.read_object(body)
        source, detail_type, detail = envelope["source"], envelope["detail-type"], envelope["detail"]
    except OutsideJsonError as error:
        raise InvalidEventError("message", error.where, error.reason) from None
    except KeyError:
        raise InvalidEventError("message", "", "is not an EventBridge event (source, detail-type, detail)") from None
    replay_name = envelope.get("replay-name")
    if not isinstance(replay_name, str | None):
        raise InvalidEventError("message", "replay-name", "must be text")
    schemas.validate(source, detail_type, detail)
    detail = versions.upcast(source, detail_type, detail)
    return Delivery(DomainEvent.from_parts(source, detail_type, detail), replay_name)


def is_replayed(body: str) -> bool:
    """Return whether the message comes out of the archive, also where its event is refused."""
    try:
        return isinstance(outside_json.read_object(body).get("replay-name"), str)
    except OutsideJsonError:
        return False


def _handler_of(handlers: Handlers, event: DomainEvent) -> Handler:
    for (source, detail_type), handler in handlers.items():
        if is_source(source, event.source) and detail_type == event.detail_type:
            return handler
    raise InvalidEventError(f"{event.detail_type} from {event.source}", "", "no handler here is for this event")
