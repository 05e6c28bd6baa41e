"""The batches that Lambda delivers from a queue or a stream, and the response that reports which records failed.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and with-ddb.html describe them; here are the fields that are read.
"""

from typing import NotRequired, TypedDict

from kernel.aggregate_store import Item


class SqsAttributes(TypedDict):
    """The attributes that SQS gives a message. Numbers are texts."""

    ApproximateReceiveCount: str


class MessageAttribute(TypedDict, total=False):
    """An attribute that the sender gave a message."""

    stringValue: str


class SqsRecord(TypedDict):
    """A message of a queue."""

    messageId: str
    body: str
    receiptHandle: NotRequired[str]
    attributes: NotRequired[SqsAttributes]
    messageAttributes: NotRequired[dict[str, MessageAttribute]]
    eventSourceARN: NotRequired[str]


class SqsEvent(TypedDict):
    """A batch of messages."""

    Records: list[SqsRecord]


class RowChange(TypedDict):
    """A write to a row. `NewImage` is the row after it, missing if the row was deleted."""

    SequenceNumber: str
    NewImage: NotRequired[Item]


class StreamRecord(TypedDict):
    """A record of a table's stream."""

    dynamodb: RowChange


class StreamEvent(TypedDict):
    """A batch of writes, in the order of each row."""

    Records: list[StreamRecord]


class FailedItem(TypedDict):
    """A record to deliver again: a message's id, or a sequence number."""

    itemIdentifier: str


class BatchResponse(TypedDict):
    """A partial batch response. Lambda delivers the failed records again; of a stream, also those after the first."""

    batchItemFailures: list[FailedItem]
