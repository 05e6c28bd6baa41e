"""Gap: SQS has no `StartMessageMoveTask`, `ListMessageMoveTasks` and `CancelMessageMoveTask`, the redrive of a
dead-letter queue. With this extension a move happens at once, at any rate.

As on AWS, only a message that a queue's redrive policy has moved there has a source to go back to. To move another one (of
a rule's target, or of a stream's on-failure destination), the request must name the destination.
"""

import json
import time
from collections.abc import Callable

from laptop.emulator.extensions.engine_functions import Document, EngineChangedError

Request = Document
Queue = Document
# The moves made since the start, newest first: AWS lists the last ten of a queue.
_moves: list[Document] = []
_LISTED = 10


def register() -> None:
    """Add the three actions, unless the engine supports them itself."""
    from ministack.services import sqs

    if "SendMessage" not in sqs._HANDLERS:
        raise EngineChangedError("SQS keeps its actions elsewhere")
    actions: dict[str, Callable[[Request, str], Request]] = {
        "StartMessageMoveTask": start,
        "ListMessageMoveTasks": listing,
        "CancelMessageMoveTask": cancel,
    }
    for name, action in actions.items():
        sqs._HANDLERS.setdefault(name, action)


def start(request: Request, _url: str) -> Request:
    from ministack.core.responses import new_uuid
    from ministack.services import sqs

    source_arn, destination_arn = request.get("SourceArn", ""), request.get("DestinationArn")
    source = _queue(source_arn)
    if not any(_dead_letters_of(queue) == source_arn for queue in sqs._queues.values()):
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    destination = _queue(destination_arn) if destination_arn else None
    now = time.time()
    waiting = [message for message in source["messages"] if message["visible_at"] <= now]
    moved, reason = 0, None
    for message in waiting:
        origin = message["sys"].get("DeadLetterQueueSourceArn")
        to = destination or (sqs._queue_by_arn(origin) if origin else None)
        if to is None:
            reason = "CouldNotDetermineMessageSource"
            break
        source["messages"].remove(message)
        to["messages"].append(_anew(message, now))
        moved += 1
    move: Document = {
        "TaskHandle": new_uuid(),
        "Status": "FAILED" if reason else "COMPLETED",
        "SourceArn": source_arn,
        "ApproximateNumberOfMessagesMoved": moved,
        "ApproximateNumberOfMessagesToMove": len(waiting),
        "StartedTimestamp": int(now * 1000),
    }
    if destination_arn:
        move["DestinationArn"] = destination_arn
    if reason:
        move["FailureReason"] = reason
    _moves.insert(0, move)
    sqs.esm_wake.set()
    return {"TaskHandle": move["TaskHandle"]}


def listing(request: Request, _url: str) -> Request:
    # AWS shows the handle of a running move only; here none runs by the time it can be listed.
    found = [move for move in _moves if move["SourceArn"] == request.get("SourceArn")][: int(request.get("MaxResults", 1))]
    return {"Results": [{key: value for key, value in move.items() if key != "TaskHandle"} for move in found[:_LISTED]]}


def cancel(request: Request, _url: str) -> Request:
    from ministack.services import sqs

    raise sqs._Err("ResourceNotFoundException", "The move has ended.", 404)


def _queue(arn: str | None) -> Queue:
    from ministack.services import sqs

    queue: Queue | None = sqs._queue_by_arn(arn or "")
    if queue is None:
        raise sqs._Err("ResourceNotFoundException", f"The queue {arn} does not exist.", 404)
    return queue


def _dead_letters_of(queue: Queue) -> str | None:
    try:
        policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    except ValueError:
        return None
    return policy.get("deadLetterTargetArn") if isinstance(policy, dict) else None


def _anew(message: Request, now: float) -> Request:
    """Return the moved message as a new one, with its own id and receive count."""
    from ministack.core.responses import new_uuid

    kept = {key: value for key, value in message["sys"].items() if key != "DeadLetterQueueSourceArn"}
    return {
        **message,
        "id": new_uuid(),
        "sent_at": now,
        "visible_at": now,
        "receive_count": 0,
        "first_receive_at": None,
        "receipt_handle": None,
        "sys": {**kept, "SentTimestamp": str(int(now * 1000))},
    }
