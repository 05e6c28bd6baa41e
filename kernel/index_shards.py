"""The shards of the sparse indexes `pending` and `due`: the one that a row is in, and those that a sweep reads.

A shard is a partition key of an index, and one partition takes 1,000 writes a second. The setting `index_shards` is the number
of shards of a stage. It may change while rows wait in the shards of the old number, so one sweep an hour reads all that there
may be.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zlib import crc32

COUNTS: Final = (4, 8, 16, 32, 64)
"""The numbers of shards that a stage may have."""


@dataclass(frozen=True)
class Share:
    """The part of a sweep that is one of `count` side by side: every `count`-th shard, from shard `number` on."""

    number: int = 0
    count: int = 1


ALL: Final = Share()


def share_in(event: Mapping[str, object]) -> Share:
    """Return the share that the event of a sweep names by `share` and `of`, or all."""
    number, of = event.get("share", 0), event.get("of", 1)
    assert isinstance(number, int)
    assert isinstance(of, int)
    return Share(number, of)


def count(environ: Mapping[str, str] = os.environ) -> int:
    """Return the number of shards of this function's stage."""
    return int(environ.get("INDEX_SHARDS", COUNTS[0]))


def shard_of(key: str, shards: int | None = None) -> str:
    """Return the shard that the item with this key is written to, of `shards` (if it is not given: of the stage's)."""
    return str(crc32(key.encode()) % (shards or count()))


def possible_shards_of(key: str) -> frozenset[str]:
    """Return the shard of the item with this key under each number of shards that its stage may have had."""
    return frozenset(shard_of(key, shards) for shards in COUNTS)


def read_at(moment: datetime, share: Share = ALL, shards: int | None = None) -> range:
    """Return the shards of a share of the sweep at this time: in the first minute of an hour, of all that there may be."""
    return range(share.number, COUNTS[-1] if moment.minute == 0 else shards or count(), share.count)
