"""The journal's objects as its delivery streams write them, for tests of its readers."""

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from journal.lines import line_of
from kernel import clock
from kernel.clients import AwsClient


def create_bucket(client: AwsClient, name: str) -> None:
    """Create the journal's bucket."""
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": client.meta.region_name})


def write(client: AwsClient, bucket: str, events: Iterable[Mapping[str, Any]], written: datetime | None = None) -> None:
    """Write an object of these events, which are of one hour. Its name has the time of the first of them, or `written`."""
    lines = [line_of(event, clock.from_rfc3339(str(event["time"]))) for event in events]
    (hour,) = {line.hour for line in lines}
    moment = written or clock.from_rfc3339(str(json.loads(lines[0].text)["time"]))
    key = f"events/{hour}/Journal-Stream-1-{moment:%Y-%m-%d-%H-%M-%S}-{uuid4()}.gz"
    client.put_object(Bucket=bucket, Key=key, Body=gzip.compress("".join(line.text for line in lines).encode()))
