"""The function that checks an order 15 minutes after an event about it, and again while the order waits for something."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from audit.auditor import Verdict, is_overdue, judge, waits_of
from audit.checks.awaited import Awaited, Overdue, Waiting
from audit.order_rows import MARGIN, order_keys, read_orders
from audit.patience import PATIENCE, Limits, overdue
from audit.rows import StageRows
from audit.snapshot import Snapshot
from audit.tables import VARIABLES
from kernel import clock, outside_json
from kernel.batches import BatchResponse, SqsEvent, SqsRecord
from kernel.clients import AwsClient, Clients
from kernel.handler import Handler, lambda_handler
from kernel.inbox import DeadLetters
from kernel.logs import logger
from kernel.metrics import count
from kernel.outside_json import OutsideJsonError
from kernel.schemas import InvalidEventError
from kernel.settings import from_environment

LOOK_SECONDS: Final = 15 * 60
"""How long a message waits before the function looks at its order: the longest delay that SQS has."""
LOOKS: Final = "looks"
"""The message attribute that counts the looks at an order that waited for something."""


@dataclass(frozen=True)
class OrderChecks:
    """The check of the orders of messages. `sqs` sends a message to the function's own queue, for the next look."""

    rows: StageRows
    limits: Limits
    sqs: AwsClient
    queue_url: str
    dead_letters: DeadLetters

    def check(self, records: Sequence[SqsRecord]) -> BatchResponse:
        """Check the order of each message, log and count the findings. Return the messages to deliver again.

        Of two messages of one order, the one with fewer looks goes on: it may look at the order for longer.
        """
        most_looks_first = sorted(records, key=_looks, reverse=True)
        orders = {order_id: record for record in most_looks_first if (order_id := self._order_id(record))}
        failed: set[str] = set()
        try:
            self._check(orders)
        except Exception:  # one bad order fails the whole batch, so check each order by itself
            for order_id, record in orders.items():
                try:
                    self._check({order_id: record})
                except Exception:  # the boundary of an order: only its message is delivered again
                    logger.exception("order not checked", order_id=order_id)
                    failed.add(record["messageId"])
        return {"batchItemFailures": [{"itemIdentifier": message} for message in sorted(failed)]}

    def _order_id(self, record: SqsRecord) -> str | None:
        """Return the id of the order that a message is about, or None if the message is set aside."""
        try:
            event = outside_json.read_object(record["body"])
            detail = event.get("detail")
            metadata = detail.get("metadata") if isinstance(detail, dict) else None
            order_id = metadata.get("order_id") if isinstance(metadata, dict) else None
            if not isinstance(order_id, str) or not order_id:
                raise OutsideJsonError("detail.metadata.order_id", "is missing")
        except OutsideJsonError as error:
            self.dead_letters.quarantine(record, InvalidEventError("message", error.where, error.reason))
            return None
        return order_id

    def _check(self, orders: Mapping[str, SqsRecord]) -> None:
        now = clock.now()
        since, limits = clock.rfc3339(now - MARGIN), overdue(now, self.limits)

        def read(consistent: bool) -> Snapshot:
            own = [row for _, row in self.rows.at(order_keys(orders), consistent=consistent)]
            return read_orders(self.rows, [*orders], since, consistent=consistent, more={"order": own})

        verdict = judge(read, settled=False, overdue=limits)
        for order_id, record in orders.items():
            if self._is_unfinished(verdict, order_id, limits):
                self._look_again(record)
        for finding in verdict.findings:
            logger.error("invariant broken", invariant=finding.invariant, subject=finding.subject, what=finding.what)
        late = Counter(waiting.awaited for waiting in _waits(verdict, orders) if is_overdue(waiting, limits))
        count("OrderFindings", len(verdict.findings))
        count("OrdersNotEnded", late[Awaited.END])
        count("OrdersNotShipped", late[Awaited.PARCEL])
        count("NewsOverdue", late[Awaited.NEWS])

    def _is_unfinished(self, verdict: Verdict, order_id: str, limits: Overdue) -> bool:
        """Return True if the order moves, or waits for something that is not overdue; a back-order's stock may take days."""
        if order_id in verdict.grouped.unjudged_orders:
            return True
        waits = [waiting for waiting in _waits(verdict, [order_id]) if waiting.awaited is not Awaited.STOCK]
        return any(not is_overdue(waiting, limits) for waiting in waits)

    def _look_again(self, record: SqsRecord) -> None:
        """Send the message to the queue once more, unless everything must have been overdue by now."""
        looks = _looks(record) + 1
        longest = self.limits.abort_after_seconds + 2 * PATIENCE.total_seconds()
        if looks * LOOK_SECONDS <= longest:
            attributes = {LOOKS: {"DataType": "Number", "StringValue": str(looks)}}
            self.sqs.send_message(
                QueueUrl=self.queue_url, MessageBody=record["body"], DelaySeconds=LOOK_SECONDS, MessageAttributes=attributes
            )


def _looks(record: SqsRecord) -> int:
    """Return how often the message was sent again."""
    return int(record.get("messageAttributes", {}).get(LOOKS, {}).get("stringValue", "0"))


def _waits(verdict: Verdict, order_ids: Iterable[str]) -> list[Waiting]:
    """Return what the judged ones of these orders wait for."""
    judged = [verdict.grouped.orders.get(order_id) for order_id in order_ids if order_id not in verdict.grouped.unjudged_orders]
    return [waiting for records in judged if records and records.order for waiting in waits_of(records.order, records)]


@dataclass(frozen=True)
class QueueSettings:
    """The URLs of the function's queue and of its dead-letter queue."""

    queue_url: str
    dead_letter_queue_url: str


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of the queue of events."""
    rows = StageRows(clients.dynamodb, {table: environ[name] for table, name in VARIABLES.items()})
    queues = from_environment(QueueSettings, environ)
    dead_letters = DeadLetters(clients.sqs, queues.dead_letter_queue_url, queues.queue_url)
    checks = OrderChecks(rows, from_environment(Limits, environ), clients.sqs, queues.queue_url, dead_letters)

    def handle(event: SqsEvent, context: object) -> BatchResponse:
        return checks.check(event["Records"])

    return handle


handler = lambda_handler(bootstrap)
