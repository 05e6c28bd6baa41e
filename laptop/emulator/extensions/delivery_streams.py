"""Gap: the engine delivers no event to a delivery stream, and a stream writes an object for each record, never compressed.

With this extension records gather for some seconds, whatever the stream's buffers say, and share an object of their prefix.
A record that its transformation refuses is written below the prefix of errors, as the document that AWS writes. The records of
the last seconds are lost when the engine stops.
"""

import base64
import gzip
import json
import threading
import time
from collections import defaultdict
from contextvars import copy_context
from typing import Final
from uuid import uuid4

from laptop.emulator.extensions.engine_functions import Document, EngineFunction, wrap
from laptop.emulator.extensions.target_dlq import EventView

GATHERING_SECONDS: Final = 2.0
"""An operator of the laptop does not wait for the minutes of AWS."""
Record = tuple[str, bytes]
"""A record's id and data."""

_waiting: defaultdict[str, list[Record]] = defaultdict(list)
"""The records of each stream, by its name."""
_lock = threading.Lock()


def register() -> None:
    """Deliver events to delivery streams, and let these write in batches."""
    from ministack.services import eventbridge, firehose

    def around(original: EngineFunction) -> EngineFunction:
        def invoke_target(target: Document, event: Document, rule: Document, view: EventView | None = None) -> object:
            if ":firehose:" not in target.get("Arn", ""):
                return original(target, event, rule, view)
            envelope = (view or eventbridge._pattern_event_view(event)).event_with_detail()
            _gather(target["Arn"].rpartition("/")[2], (firehose._record_id(), json.dumps(envelope).encode()))
            return None

        return invoke_target

    wrap(eventbridge, "_invoke_target", around)
    wrap(firehose, "_deliver_records_to_s3", lambda original: _deliver)


def _gather(name: str, record: Record) -> None:
    """Keep the record for the stream's next batch. The first record of a batch starts its clock."""
    with _lock:
        _waiting[name].append(record)
        if len(_waiting[name]) == 1:
            timer = threading.Timer(GATHERING_SECONDS, copy_context().run, (_flush, name))  # the context has the account
            timer.daemon = True
            timer.start()


def _flush(name: str) -> None:
    from ministack.services import firehose

    with _lock:
        records = _waiting.pop(name, [])
    stream = firehose._streams.get(name)
    for destination in stream["destinations"] if stream else ():
        _deliver(stream, destination, records)


def _deliver(stream: Document, destination: Document, records: list[Record]) -> None:
    """Transform the records, and write an object for each prefix. `stream` and `destination` are the engine's."""
    from ministack.services import firehose

    config, now = destination["config"], time.gmtime()
    keys: dict[str, Document] = {}
    objects: defaultdict[str, list[bytes]] = defaultdict(list)
    failed = dict(records)
    for record_id, data in firehose._apply_lambda_processors(stream, destination, records, partition_sink=keys):
        try:
            prefix = firehose._evaluate_prefix(config.get("Prefix", ""), now, None, keys.get(record_id))
        except firehose._DeliveryError:  # the transformation failed as a whole, so the record has no key
            continue
        objects[prefix].append(data)
        del failed[record_id]
    if failed:
        prefix = firehose._evaluate_prefix(config.get("ErrorOutputPrefix", ""), now, error_type="processing-failed")
        documents = [{"rawData": base64.b64encode(data).decode()} for data in failed.values()]
        objects[prefix] = [f"{json.dumps(document)}\n".encode() for document in documents]
    compressed = config.get("CompressionFormat") == "GZIP"
    moment = time.strftime("%Y-%m-%d-%H-%M-%S", now)
    for prefix, lines in objects.items():
        name = f"{prefix}{stream['name']}-{stream.get('version', 1)}-{moment}-{uuid4()}"
        body = b"".join(lines)
        bucket = firehose._s3_bucket_from_arn(config["BucketARN"])
        firehose._put_s3_object(bucket, f"{name}{'.gz' * compressed}", gzip.compress(body) if compressed else body)
