"""Queues in memory that only hold messages: what an operator looks into, redrives and drops."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from itertools import count, islice
from typing import Final

CONSUMERS: Final = ("order/intake", "payment/cancellations", "shipping/orders", "notification/notices")
"""Subscriptions with a queue and a dead-letter queue."""
PATIENCE_SECONDS: Final = 60.0
"""How long a message waits at a gate at most."""
DEAD_LETTERS: Final = (*CONSUMERS, "payment/relay", "platform/quarantine")


@dataclass
class Held:
    """A message in a queue. A hidden one is in the hands of a reader."""

    id: str
    body: str
    attributes: Mapping[str, object]
    sent_at: datetime
    received: int = 0
    hidden: bool = False


@dataclass
class Gate:
    """A place in the work on a queue: the message `receipt` is deleted once a test opens the gate, or fails with `fault`."""

    receipt: str
    fault: Exception | None = None
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def pass_through(self, receipt: str) -> None:
        """Wait for the test if it is this message."""
        if receipt == self.receipt:
            self.reached.set()
            assert self.opened.wait(PATIENCE_SECONDS)
            if self.fault:
                raise self.fault


@dataclass
class HeldQueues:
    """SQS, as far as an operator uses it. `urls` are the parameters with the URL of each queue."""

    now: datetime
    gate: Gate | None = None
    held: dict[str, dict[str, Held]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def urls(self) -> dict[str, str]:
        """The URL of each queue, by the name of its parameter."""
        names = [*(f"{name}-queue-url" for name in CONSUMERS), *(f"{name}-dlq-url" for name in DEAD_LETTERS)]
        return {name: f"https://sqs.example/{name}" for name in names}

    def bury(self, name: str, body: str, **attributes: str) -> str:
        """Put a message into a dead-letter queue, and return its id."""
        given = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
        url = self.urls[f"{name}-dlq-url"]
        return str(self.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=given)["MessageId"])

    def bodies(self, parameter: str) -> list[str]:
        """Return the bodies of a queue's messages, the oldest first."""
        return [message.body for message in self._of(self.urls[parameter]).values()]

    def hidden(self, parameter: str) -> int:
        """Return how many messages of a queue are in the hands of a reader."""
        return sum(message.hidden for message in self._of(self.urls[parameter]).values())

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Mapping[str, object]) -> dict[str, str]:  # noqa: N803
        """Hold a message."""
        with self._lock:
            made = Held(f"message-{next(self._numbers)}", MessageBody, MessageAttributes, self.now)
            self._of(QueueUrl)[made.id] = made
        return {"MessageId": made.id}

    def receive_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        MaxNumberOfMessages: int,  # noqa: N803
        **request: object,
    ) -> dict[str, object]:
        """Return visible messages, hidden from now on."""
        with self._lock:
            visible = (message for message in self._of(QueueUrl).values() if not message.hidden)
            found = list(islice(visible, MaxNumberOfMessages))
            for message in found:
                message.hidden = True
                message.received += 1
        return {
            "ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(self.now)}},
            "Messages": [
                {
                    "MessageId": message.id,
                    "ReceiptHandle": message.id,
                    "Body": message.body,
                    "Attributes": {
                        "SentTimestamp": str(int(message.sent_at.timestamp() * 1000)),
                        "ApproximateReceiveCount": str(message.received),
                    },
                    "MessageAttributes": message.attributes,
                }
                for message in found
            ],
        }

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        """Make a message visible again."""
        assert VisibilityTimeout == 0
        self._of(QueueUrl)[ReceiptHandle].hidden = False

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, object]]) -> None:  # noqa: N803
        """Make messages visible again."""
        for entry in Entries:
            self.change_message_visibility(QueueUrl=QueueUrl, ReceiptHandle=str(entry["ReceiptHandle"]), VisibilityTimeout=0)

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        """Delete a message."""
        if self.gate:
            self.gate.pass_through(ReceiptHandle)
        with self._lock:
            del self._of(QueueUrl)[ReceiptHandle]

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> dict[str, dict[str, str]]:  # noqa: N803
        """Return the numbers of messages, visible and hidden."""
        hidden = [message.hidden for message in self._of(QueueUrl).values()]
        counts = {False: hidden.count(False), True: hidden.count(True)}
        return {"Attributes": {name: str(counts[name.endswith("NotVisible")]) for name in AttributeNames}}

    def _of(self, url: str) -> dict[str, Held]:
        return self.held.setdefault(url, {})
