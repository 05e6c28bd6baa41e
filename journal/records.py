"""The records of a delivery stream, and the result of each: a line of the journal, or a failure."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Literal, NotRequired, TypedDict

from journal.lines import NotJournaledError, line_of
from kernel import outside_json
from kernel.logs import logger
from kernel.outside_json import OutsideJsonError


class StreamRecord(TypedDict):
    """A record of a delivery stream: its data in Base64, and its arrival in milliseconds since 1970."""

    recordId: str
    approximateArrivalTimestamp: int
    data: str


class StreamBatch(TypedDict):
    """The records that Firehose sends to its transformation."""

    records: list[StreamRecord]


class PartitionKeys(TypedDict):
    """The keys that the prefix of an object is made of."""

    hour: str


class Metadata(TypedDict):
    """The part of a result that chooses its object."""

    partitionKeys: PartitionKeys


class Result(TypedDict):
    """The result of a record. Firehose writes the data of a failed one below the prefix of errors."""

    recordId: str
    result: Literal["Ok", "ProcessingFailed"]
    data: str
    metadata: NotRequired[Metadata]


class Results(TypedDict):
    """The results of a batch: one for each record.

    https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html describes the form.
    """

    records: list[Result]


def result_of(record: StreamRecord) -> Result:
    """Return the line of a record, or its failure, which is logged."""
    arrived = datetime.fromtimestamp(record["approximateArrivalTimestamp"] / 1000, UTC)
    try:
        line = line_of(outside_json.read_object(b64decode(record["data"])), arrived)
        data = b64encode(line.text.encode()).decode()
    except (NotJournaledError, OutsideJsonError) as error:
        logger.error("not journaled", record_id=record["recordId"], reason=str(error))
        return {"recordId": record["recordId"], "result": "ProcessingFailed", "data": record["data"]}
    keys: PartitionKeys = {"hour": line.hour}
    return {"recordId": record["recordId"], "result": "Ok", "data": data, "metadata": {"partitionKeys": keys}}
