"""The published events, read from the journal. The archive can only be replayed: it shows no more than a count and a size."""

import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Final, NotRequired, TypedDict, cast

from journal.lines import EVENTS, HOUR_CHARACTERS
from kernel import clock, outside_json
from kernel.clients import AwsClient
from operations.aws.target import Target
from operations.distinct import Distinct
from operations.window import Window

BUCKET: Final = "journal/bucket-name"
AT_ONCE: Final = 8
"""The objects that are opened before their turn."""
GZIP: Final = b"\x1f\x8b"
_WRITTEN: Final = re.compile(r"-(\d{4}(?:-\d{2}){5})-[^/]*$")
"""The time in the name of an object, which Firehose gives it: that of its oldest record, about."""


BusEvent = TypedDict(
    "BusEvent", {"id": str, "source": str, "detail-type": str, "time": str, "replay-name": NotRequired[str], "detail": Any}
)
"""An event as the bus delivers it: a replayed one has the `time` that it had at first. A publisher may state it.

Its `detail` is a JSON value; `metadata` and `data` are in that of a domain event.
"""


@dataclass(frozen=True)
class Published:
    """An event as the bus first delivered it, when that was, its size in bytes, and how often it was put on the bus."""

    event: BusEvent
    put_at: str
    size: int
    times_put: int

    @property
    def event_id(self) -> str:
        """The domain event's own id, or the envelope's of an event without one."""
        return str(self.metadata.get("event_id") or self.event["id"])

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The event's metadata; empty if it has none."""
        detail = self.event["detail"]
        metadata = detail.get("metadata") if isinstance(detail, dict) else None
        return metadata if isinstance(metadata, dict) else {}

    @property
    def occurred_at(self) -> str:
        """The time that the event states, in RFC 3339 (UTC). It is that of the put for a channel's event that states none."""
        try:
            return clock.rfc3339(clock.from_rfc3339(str(self.metadata.get("occurred_at"))))
        except (ValueError, OverflowError):
            return self.put_at

    @property
    def detail_type(self) -> str:
        """The type of the event."""
        return str(self.event["detail-type"])

    @property
    def version(self) -> int:
        """The version of its schema; several of one event may have been published side by side. 1 if it states none."""
        version = self.metadata.get("event_version")
        return version if isinstance(version, int) else 1

    @property
    def source(self) -> str:
        """The source of the event."""
        return str(self.event["source"])

    @property
    def identity(self) -> tuple[str, str, int]:
        """The source, id and version of the event: equal for each time that it was put."""
        return self.source, self.event_id, self.version


def in_window(target: Target, window: Window, progress: Callable[[int], None] = lambda hours: None) -> Iterator[Published]:
    """Yield each put of an event in the window, hour by hour. `progress` receives the number of hours read.

    An event that was put twice comes twice; a put that was delivered twice comes once. Within an hour, the order is that of the
    objects. At most one line and the blocks of a few objects are in memory.
    """
    for done, hour in enumerate(_hours(window), start=1):
        with Distinct() as puts:
            for put in map(_published, _lines(target, _objects(target, hour))):
                if window.start <= clock.from_rfc3339(put.put_at) < window.end and puts.add(put.event["id"]):
                    yield put
        progress(done)


def about(target: Target, windows: Sequence[Window], ids: Sequence[str], expected: Iterable[str] = ()) -> list[Published]:
    """Return the events of these windows with one of the ids, their own or their order's, by when they were first put.

    Only the objects written in the windows are read. If an event with one of the ids in `expected` is in none of them, it was
    published or written late, and the other objects of the same hours are read too.
    """
    near: list[str] = []
    far: list[str] = []
    for hour in sorted({hour for window in windows for hour in _hours(window)}):
        for name in _objects(target, hour):
            written = _written(name)
            is_near = written is None or any(window.start <= written < window.end for window in windows)
            (near if is_near else far).append(name)
    sought = [json.dumps(each, ensure_ascii=False).encode() for each in ids]

    def found_in(names: Sequence[str]) -> Iterator[Published]:
        lines = (line for line in _lines(target, names) if any(text in line for text in sought))
        return (put for put in map(_published, lines) if put.event_id in ids or put.metadata.get("order_id") in ids)

    found = list(found_in(near))
    if set(expected) - {put.event_id for put in found}:
        found += found_in(far)
    return _grouped({put.event["id"]: put for put in found}.values())


def created(target: Target) -> datetime:
    """Return the moment since when S3 has the journal's bucket as it is. The journal may lack events from before it.

    A change of the bucket, such as of its policy, may move it to a later time
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Bucket.html): then the journal counts as younger than it is.
    """
    name = target.parameter(BUCKET)
    pages = target.client("s3").get_paginator("list_buckets").paginate(Prefix=name)
    (found,) = [bucket["CreationDate"] for page in pages for bucket in page["Buckets"] if bucket["Name"] == name]
    moment: datetime = found
    return moment


def empty(target: Target, bucket: str) -> None:
    """Delete every object of the journal's bucket, so that the bucket can be deleted."""
    client = target.client("s3")
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        if keys := [{"Key": found["Key"]} for found in page.get("Contents", ())]:
            client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def _objects(target: Target, hour: str) -> Iterator[str]:
    """Yield the keys of an hour's objects."""
    pages = (
        target.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=target.parameter(BUCKET), Prefix=f"{EVENTS}{hour}/")
    )
    return (found["Key"] for page in pages for found in page.get("Contents", ()))


def _written(name: str) -> datetime | None:
    """Return the time in an object's name, or None if it has none."""
    found = _WRITTEN.search(name)
    return datetime.strptime(found[1], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC) if found else None


def _lines(target: Target, names: Iterable[str]) -> Iterator[bytes]:
    """Yield the lines of the objects, in turn. The next few objects are already open, so that no turn waits for S3."""
    client, bucket = target.client("s3", max_pool_connections=2 * AT_ONCE), target.parameter(BUCKET)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for part in _in_turn(pool, client, bucket, names):
            with part as body:
                yield from body


def _in_turn(pool: ThreadPoolExecutor, client: AwsClient, bucket: str, names: Iterable[str]) -> Iterator[IO[bytes]]:
    opened = []
    for name in names:
        opened.append(pool.submit(_open, client, bucket, name))
        if len(opened) == AT_ONCE:
            yield opened.pop(0).result()
    while opened:
        yield opened.pop(0).result()


def _open(client: AwsClient, bucket: str, name: str) -> IO[bytes]:
    """Return an object as a stream of lines, decompressed if it is compressed."""
    body = io.BufferedReader(client.get_object(Bucket=bucket, Key=name)["Body"])
    return cast(IO[bytes], gzip.GzipFile(fileobj=body)) if body.peek(len(GZIP)).startswith(GZIP) else body


def _published(line: bytes) -> Published:
    event = outside_json.read_object(line)
    return Published(cast(BusEvent, event), event["time"], len(line.rstrip()), 1)


def _grouped(puts: Iterable[Published]) -> list[Published]:
    """Return one of each event and version, by its first put, with the number of its puts."""
    first: dict[tuple[str, str, int], Published] = {}
    times: Counter[tuple[str, str, int]] = Counter()
    for put in sorted(puts, key=lambda put: (put.put_at, put.event_id, put.event["id"])):
        first.setdefault(put.identity, put)
        times[put.identity] += 1
    return [replace(put, times_put=times[key]) for key, put in first.items()]


def _hours(window: Window) -> Iterator[str]:
    at = window.start.replace(minute=0, second=0, microsecond=0)
    while at < window.end:
        yield at.isoformat()[:HOUR_CHARACTERS]
        at += timedelta(hours=1)
