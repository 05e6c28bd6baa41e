"""Gap: a DynamoDB stream mapping ignores `batchItemFailures`, `MaximumRetryAttempts` and `BisectBatchOnFunctionError`. It
continues after a failed record, which is lost.

This extension does the same as AWS:

- With `ReportBatchItemFailures`, the checkpoint moves to the lowest failed sequence number, and the rest of the batch is
  retried from there.
- A batch that fails as a whole is retried, in halves if the mapping bisects.
- After `MaximumRetryAttempts` (unlimited if not set) or `MaximumRecordAgeInSeconds`, the rest of the batch is skipped, and
  a description goes to the on-failure destination.
- If the mapping bisects, neither a moved checkpoint nor a split counts as an attempt.

A mapping runs one batch at a time, because a table has one shard in the engine. Different mappings run in parallel.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock

from laptop.emulator.extensions.engine_functions import Document, EngineChangedError, EngineFunction, wrap

Mapping = Document
Record = Document


@dataclass(frozen=True)
class Segment:
    """A segment of the stream from `start` up to `end` (exclusive), and the number of its failures."""

    start: int
    end: int
    failures: int = 0


# By mapping, the segments of its last batch that must still be tried, in order. Empty if it can read the next batch.
_unfinished: dict[str, list[Segment]] = {}
_busy: set[str] = set()
_lock = Lock()


def register() -> None:
    """Replace the engine's poller of DynamoDB streams."""
    from ministack.services import dynamodb, lambda_svc

    for owner, name in (
        (dynamodb, "stream_records_since"),
        (dynamodb, "stream_start_position"),
        (dynamodb, "stream_end_position"),
        (lambda_svc, "_apply_filter_criteria"),
        (lambda_svc, "_send_ddb_stream_failure_record"),
        (lambda_svc, "_dynamodb_stream_positions"),
        (lambda_svc, "_iter_all_esms"),
    ):
        if not hasattr(owner, name):
            raise EngineChangedError(f"{owner.__name__} has no {name}")
    wrap(lambda_svc, "_poll_dynamodb_streams", lambda original: poll)
    wrap(lambda_svc, "_release_esm_poll_state", _forgetting)


def after_failure(segment: Segment, failed_at: int, *, attempts: int | None, bisects: bool) -> tuple[list[Segment], bool]:
    """Return the segments to try next after `segment` failed at position `failed_at`, and True if it is given up.

    `attempts` is the number of retries of a segment, or None for no limit.
    """
    if failed_at > segment.start:
        # The records before it are done. With bisection this is a split, which does not count as an attempt.
        rest = Segment(failed_at, segment.end, segment.failures + (0 if bisects else 1))
        given_up = not bisects and attempts is not None and rest.failures > attempts
        return [rest], given_up
    if bisects and segment.end - segment.start > 1:
        middle = (segment.start + segment.end) // 2
        return [replace(segment, end=middle), replace(segment, start=middle)], False
    again = replace(segment, failures=segment.failures + 1)
    return [again], attempts is not None and again.failures > attempts


def poll() -> bool:
    """Start a batch for each mapping of a DynamoDB stream that has one due."""
    from ministack.services import lambda_svc

    started = False
    for account, region, mapping in lambda_svc._iter_all_esms():
        with _tenant(account, region):
            work = _due(mapping)
            if work is None:
                continue
            with _lock:
                _busy.add(mapping["UUID"])
            lambda_svc._dispatch_esm_batch(mapping["UUID"], _run, mapping, *work)
            started = True
    return started


def _due(mapping: Mapping) -> tuple[Mapping, str, Segment] | None:
    """Return the function, the table and the segment that this mapping must run now, or None."""
    from ministack.services import dynamodb, lambda_svc

    mapping_id, source = mapping["UUID"], mapping.get("EventSourceArn", "")
    if mapping_id in _busy or not mapping.get("Enabled", True) or ":dynamodb:" not in source or "/stream/" not in source:
        return None
    table = source.split("/stream/")[0].split("/")[-1]
    if (dynamodb._tables.get(table) or {}).get("LatestStreamArn") != source:
        return None
    if lambda_svc._esm_backoff_until.get(mapping_id, 0) > time.time():
        return None
    function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if function is None:
        return None
    oldest, end = dynamodb.stream_start_position(table), dynamodb.stream_end_position(table)
    with lambda_svc._dynamodb_stream_positions_lock:
        first = oldest if mapping.get("StartingPosition", "LATEST") == "TRIM_HORIZON" else end
        position = max(lambda_svc._dynamodb_stream_positions.setdefault(mapping_id, first), oldest)
        lambda_svc._dynamodb_stream_positions[mapping_id] = position
    waiting = _unfinished.get(mapping_id)
    if waiting:
        return function, table, waiting[0]
    if position >= end:
        return None
    return function, table, Segment(position, min(end, position + int(mapping.get("BatchSize", 100))))


def _run(mapping: Mapping, function: Mapping, table: str, segment: Segment) -> None:
    """Invoke the function with a segment of the stream, and record the rest of it."""
    from ministack.services import dynamodb, lambda_svc

    mapping_id = mapping["UUID"]
    try:
        records = dynamodb.stream_records_since(table, segment.start, segment.end - segment.start)
        wanted = lambda_svc._apply_filter_criteria(records, mapping)
        if not wanted:
            _advance(mapping_id, segment, [])
            return
        result = lambda_svc._execute_function(function, {"Records": wanted})
        failed = _first_failed(result, wanted, mapping)
        _log(mapping, table, wanted, failed, result)
        if failed is None:
            lambda_svc._esm_backoff_until.pop(mapping_id, None)
            _advance(mapping_id, segment, [])
            return
        failed_at = segment.start + next(i for i, record in enumerate(records) if record is failed)
        if failed is wanted[0]:
            # Records the filter dropped before it are not a part done.
            failed_at = segment.start
        attempts = int(mapping.get("MaximumRetryAttempts", -1))
        left, given_up = after_failure(
            segment,
            failed_at,
            attempts=None if attempts < 0 else attempts,
            bisects=bool(mapping.get("BisectBatchOnFunctionError")),
        )
        condition = _aged(mapping, wanted) or ("RetryAttemptsExhausted" if given_up else None)
        if condition:
            lost = [record for record in wanted if _sequence(record) >= _sequence(failed)]
            lambda_svc._send_ddb_stream_failure_record(mapping, function, lost, mapping["EventSourceArn"], result, condition)
            left = []
        else:
            lambda_svc._esm_backoff_until[mapping_id] = time.time() + lambda_svc._ESM_BACKOFF_SECONDS
        _advance(mapping_id, segment, left)
    finally:
        with _lock:
            _busy.discard(mapping_id)


def _advance(mapping_id: str, done: Segment, left: list[Segment]) -> None:
    """Replace `done` by its rest, and move the checkpoint to the first record that is not done."""
    from ministack.services import lambda_svc

    queue = [*left, *_unfinished.get(mapping_id, [])[1:]]
    with lambda_svc._dynamodb_stream_positions_lock:
        if mapping_id not in lambda_svc._dynamodb_stream_positions:
            return  # deleted meanwhile
        _unfinished[mapping_id] = queue
        lambda_svc._dynamodb_stream_positions[mapping_id] = queue[0].start if queue else done.end


def _first_failed(result: Mapping, batch: list[Record], mapping: Mapping) -> Record | None:
    """Return the first record to try again, or None if the whole batch is done."""
    if result.get("error"):
        return batch[0]
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        return None
    body = result.get("body")
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return batch[0]
    failures = (body or {}).get("batchItemFailures") if isinstance(body, dict) or body is None else [None]
    if not failures:
        return None
    by_number = {str(record["dynamodb"]["SequenceNumber"]): record for record in batch}
    failed = [by_number.get(str((failure or {}).get("itemIdentifier"))) for failure in failures]
    # An answer AWS cannot read means that all of it failed.
    return batch[0] if None in failed else min((f for f in failed if f is not None), key=_sequence)


def _aged(mapping: Mapping, batch: list[Record]) -> str | None:
    limit = int(mapping.get("MaximumRecordAgeInSeconds") or -1)
    oldest = min(float(record["dynamodb"].get("ApproximateCreationDateTime", time.time())) for record in batch)
    return "MaxRecordAgeExceeded" if 0 < limit < time.time() - oldest else None


def _sequence(record: Record) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


def _log(mapping: Mapping, table: str, batch: list[Record], failed: Record | None, result: Mapping) -> None:
    from ministack.services import lambda_svc

    outcome = f"OK - {len(batch)} records" if failed is None else f"FAILED from {_sequence(failed)}"
    mapping["LastProcessingResult"] = outcome
    lambda_svc.logger.info("stream %s -> %s: %s", table, mapping["FunctionName"], outcome)
    if failed is not None:
        lambda_svc.logger.warning("%s: %s\n%s", mapping["FunctionName"], result.get("body"), result.get("log", ""))
    elif result.get("log"):
        lambda_svc.logger.info("%s output:\n%s", mapping["FunctionName"], result["log"])


def _forgetting(original: EngineFunction) -> EngineFunction:
    def release(mapping_id: str) -> object:
        _unfinished.pop(mapping_id, None)
        return original(mapping_id)

    return release


@contextmanager
def _tenant(account: str, region: str) -> Iterator[None]:
    from ministack.services import lambda_svc

    tokens = lambda_svc._request_account_id.set(account), lambda_svc._request_region.set(region)
    try:
        yield
    finally:
        lambda_svc._request_account_id.reset(tokens[0])
        lambda_svc._request_region.reset(tokens[1])
