"""Watch the bus: a rule and a queue of our own, for as long as we watch, and gone when we stop."""

import contextlib
import json
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from kernel import outside_json
from kernel.naming import SOURCE_PREFIX
from kernel.outside_json import OutsideJsonError
from operations.aws.target import Target
from operations.errors import UserError
from operations.progress import SILENT, Progress

EVERYTHING = {"source": [{"prefix": SOURCE_PREFIX}]}


@contextmanager
def watched(target: Target, pattern: Mapping[str, object]) -> Iterator[str]:
    """Create a queue for the events that `pattern` matches from now on, and yield its URL."""
    name = f"orderflow-tail-{uuid.uuid4().hex[:12]}"
    sqs, events = target.client("sqs", read_timeout=30), target.client("events")
    bus = target.parameter("platform/bus-name")
    url = sqs.create_queue(QueueName=name, Attributes={"MessageRetentionPeriod": "3600"})["QueueUrl"]
    try:
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        rule = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))["RuleArn"]
        try:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(_policy(arn, rule))})
            put = events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "tail", "Arn": arn}])
            if put["FailedEntryCount"]:
                raise UserError(
                    f"The bus rejected the queue: {put['FailedEntries'][0].get('ErrorMessage', name)}.",
                    "Run the command again.",
                )
            yield url
        finally:
            with contextlib.suppress(events.exceptions.ResourceNotFoundException):
                events.remove_targets(Rule=name, EventBusName=bus, Ids=["tail"])
            events.delete_rule(Name=name, EventBusName=bus)
    finally:
        sqs.delete_queue(QueueUrl=url)


def received(
    target: Target, url: str, timeout_seconds: float | None, progress: Progress = SILENT
) -> Iterator[dict[str, object]]:
    """Yield the events that arrive in the queue until `timeout_seconds` have passed; without end if it is None."""
    sqs = target.client("sqs", read_timeout=30)
    ends = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    while ends is None or time.monotonic() < ends:
        left = 5.0 if ends is None else min(5.0, max(0.0, ends - time.monotonic()))
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=math.ceil(left))
        messages = answer.get("Messages", [])
        for message in messages:
            try:
                yield outside_json.read_object(message["Body"])
            except OutsideJsonError as error:
                progress.warning("An event cannot be shown", str(error))
        if messages:
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)


@contextmanager
def watching(target: Target) -> Iterator[Callable[[float], Iterator[dict[str, object]]]]:
    """Watch all domain events, and yield a function that yields those that arrive within so many seconds."""
    with watched(target, EVERYTHING) as url:
        yield partial(received, target, url)


def _policy(queue_arn: str, rule_arn: str) -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
            }
        ],
    }
