"""SQS and its event source mapping: at least once, in no order, visibility time-outs, a dead-letter queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Required, TypedDict

from simulation.engine.api import Response
from simulation.engine.dynamodb import RefusalError
from simulation.engine.faults import Kind, Mode
from simulation.engine.functions import Answered, Functions
from simulation.engine.network import Network
from simulation.engine.scheduler import SECOND, Span

POLL: Final = 200_000
"""How long, in microseconds, messages gather before a poll takes them."""
RETENTION: Final = 3600 * SECOND
"""How long a queue keeps a message. A simulated queue keeps for an hour what AWS keeps for days."""


class SqsRequest(TypedDict, total=False):
    """The parameters of SendMessage and ChangeMessageVisibility; each has its own part of these."""

    QueueUrl: Required[str]
    MessageBody: str
    MessageAttributes: Mapping[str, object]
    ReceiptHandle: str
    VisibilityTimeout: int


class Record(TypedDict):
    """A message as Lambda gives it to a function."""

    messageId: str
    receiptHandle: str
    body: str
    attributes: dict[str, str]
    messageAttributes: dict[str, object]
    eventSource: str
    eventSourceARN: str


@dataclass
class Message:
    """A message in a queue. `about` names it in the history."""

    id: str
    body: str
    about: str
    attributes: Mapping[str, object] = field(default_factory=dict)
    receives: int = 0
    visible_at: int = 0
    sent_at: int = 0


class Queue:
    """A queue, its dead letters, and the function it feeds."""

    def __init__(
        self,
        name: str,
        function: str,
        batch_size: int,
        max_receives: int,
        visibility_seconds: int,
        network: Network,
        functions: Functions,
        delay_seconds: int = 0,
    ) -> None:
        self.name = name
        self.batch_size = batch_size
        self.max_receives = max_receives
        self.visibility = visibility_seconds * SECOND
        self.delay = delay_seconds * SECOND
        """How long each new message stays hidden."""
        self.function = function
        self.network = network
        self.scheduler = network.scheduler
        self.functions = functions
        self.messages: dict[str, Message] = {}
        self.dead: list[Message] = []
        self.batches: list[tuple[str, list[Message], Answered | None, tuple[str, ...]]] = []
        """Every batch handed over: its name, messages, answer, and the boundaries that were struck meanwhile."""
        self.arrived: dict[str, str] = {}
        """The last message about each event that ever came, by the event's id."""
        self.stands_still: Span | None = None
        """When nothing is handed over."""
        self.expired: list[Message] = []
        """The messages that expired without being received."""
        self._sent = 0
        self._poll_at: int | None = None

    def send(self, body: str, about: str, attributes: Mapping[str, object] | None = None) -> str:
        """Send a new message. Return its id."""
        self._sent += 1
        now = self.scheduler.now
        visible_at = now + self.delay
        message = Message(f"{self.name}-{self._sent}", body, about, attributes or {}, visible_at=visible_at, sent_at=now)
        self.messages[message.id] = message
        self.arrived[about] = body
        self._wake(visible_at + POLL)
        return message.id

    def hide(self, receipt: str, seconds: int) -> None:
        """Let a message that was handed out be visible again in so many seconds."""
        message_id, _, receives = receipt.rpartition("-")
        message = self.messages.get(message_id)
        if message is not None and message.receives == int(receives):
            message.visible_at = self.scheduler.now + seconds * SECOND
            self._wake(message.visible_at)

    def redrive(self) -> int:
        """Send the dead letters to the queue again; return how many there were."""
        letters, self.dead = self.dead, []
        for letter in letters:
            self.send(letter.body, letter.about)
        return len(letters)

    def _wake(self, when: int) -> None:
        if self._poll_at is None or when < self._poll_at:
            self._poll_at = when
            self.scheduler.at(when, self._poll)

    def _poll(self) -> None:
        now = self.scheduler.now
        if self._poll_at is None or now < self._poll_at:
            return
        self._poll_at = None
        if self.stands_still is not None and self.stands_still.holds(now):
            self._wake(self.stands_still.end)
            return
        for message in [message for message in self.messages.values() if message.sent_at + RETENTION <= now]:
            self.expired.append(self.messages.pop(message.id))
        visible = [message for message in self.messages.values() if message.visible_at <= now]
        if visible:
            chance = self.network.chance
            visible.sort(key=lambda message: chance.bits(f"{self.name} {message.about} {message.receives}"))
            self._receive(visible[: self.batch_size])
        waiting = [message.visible_at for message in self.messages.values()]
        if waiting:
            self._wake(max(min(waiting), now + POLL))

    def _receive(self, batch: list[Message]) -> None:
        taken = []
        for message in batch:
            if message.receives >= self.max_receives:
                del self.messages[message.id]
                self.dead.append(message)
                continue
            message.receives += 1
            message.visible_at = self.scheduler.now + self.visibility
            taken.append(message)
        if not taken:
            return
        name = f"queue {self.name} [{taken[0].about} {taken[0].receives}]"
        self.scheduler.spawn(name, lambda: self._hand_over(name, taken))

    def _hand_over(self, name: str, batch: list[Message]) -> None:
        mode, latency = self.network.draw(name, Kind.QUEUE)
        event = {"Records": [self._record(message) for message in batch]}
        if mode is not None:
            self.network.history.add(self.scheduler.now, f"FAULT {mode}: {name}")
        if mode is Mode.DELAYED:
            latency += int(self.network.chance.between(f"delay {name}", 1.0, 400.0) * SECOND)
        if mode is Mode.DOUBLED:  # SQS hands a message out twice, though it is invisible
            self.functions.start(self.function, event, f"{name} (again)")
        if mode is Mode.THROTTLED:
            return
        self.scheduler.sleep(latency)
        struck_before = len(self.network.plan.struck)
        result = self.functions.invoke(self.function, event, name)
        struck = (*([] if mode is None else [name]), *islice(self.network.plan.struck, struck_before, None))
        answered = result if isinstance(result, Answered) else None
        self.batches.append((name, batch, answered, struck))
        if answered is None or mode is Mode.ANSWER_LOST:
            return
        failed = answered.failed_items
        for message in batch:
            if message.id not in failed:
                self.messages.pop(message.id, None)

    def _record(self, message: Message) -> Record:
        return {
            "messageId": message.id,
            "receiptHandle": f"{message.id}-{message.receives}",
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receives)},
            "messageAttributes": dict(message.attributes),
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:eu-west-1:123456789012:{self.name}",
        }


class Sqs:
    """The SQS API on these queues: SendMessage to a dead-letter queue, and ChangeMessageVisibility."""

    def __init__(self, queues: Mapping[str, Queue]) -> None:
        self.queues = queues

    def __call__(self, operation: str, request: SqsRequest, boundary: str) -> Response:
        """Respond to SendMessage to `.../<queue>-dlq`, or ChangeMessageVisibility in `.../<queue>`. Raises RefusalError."""
        name = request["QueueUrl"].rpartition("/")[2]
        queue = self.queues.get(name.removesuffix("-dlq"))
        if queue is None:
            raise RefusalError("AWS.SimpleQueueService.NonExistentQueue", name)
        if operation == "ChangeMessageVisibility":
            queue.hide(request["ReceiptHandle"], request["VisibilityTimeout"])
            return {}
        if operation != "SendMessage":
            raise NotImplementedError(f"SQS has no {operation} here")
        queue.dead.append(Message(boundary, request["MessageBody"], boundary, request.get("MessageAttributes", {})))
        return {"MessageId": boundary}


__all__ = ["Message", "Queue", "Sqs"]
