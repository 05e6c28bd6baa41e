"""The rows of a stage before and after a replay: the tables with a difference, or none."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final, TypedDict

from operations.aws import stage_state
from operations.aws.stage_state import TableRow
from operations.aws.target import Target

MOST_KEYS: Final = 20
Snapshot = Mapping[str, Mapping[tuple[str, str], str]]
"""A hash of each row, by the parameter of its table and by its key."""


class Changed(TypedDict):
    """A table with rows that are new, other than before, or gone: how many, and the keys of some of them."""

    table: str
    new: int
    changed: int
    gone: int
    keys: list[str]


def snapshot(target: Target) -> Snapshot:
    """Return the hashes of all rows. It reads every table whole."""
    return {
        table: {(row["pk"], row.get("sk", "")): _digest(row) for row in rows}
        for table, rows in stage_state.all_rows(target).items()
    }


def between(before: Snapshot, after: Snapshot) -> list[Changed]:
    """Return the tables with a difference."""
    found: list[Changed] = []
    for table, rows in after.items():
        earlier = before.get(table, {})
        changed = {key for key, digest in rows.items() if key in earlier and earlier[key] != digest}
        new, gone = rows.keys() - earlier.keys(), earlier.keys() - rows.keys()
        if new or changed or gone:
            keys = [" ".join(filter(None, key)) for key in sorted(new | changed | gone)[:MOST_KEYS]]
            found.append(
                {
                    "table": table.partition("/")[0],
                    "new": len(new),
                    "changed": len(changed),
                    "gone": len(gone),
                    "keys": keys,
                }
            )
    return found


def _digest(row: TableRow) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()
