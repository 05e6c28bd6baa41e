"""Rows in statements: the row that a statement was made of, so that the next step of the same run need not read it again.

A service writes its row, as text, into the statement that it gives to the saga, and gets it back with the next command. Only
that service reads the text, and the receipt of the statement covers it. The row may have moved on since: a step is written on
condition that its version is the same, and is decided anew on the row as it is if not.
"""

import json
from collections.abc import Mapping
from typing import Final, TypeVar, cast

from kernel import outside_json

R = TypeVar("R", bound=Mapping[str, object])
"""The form of a row."""
WITHOUT_VERSION: Final = frozenset(
    {"pending", "pending_since", "pending_shard", "due_shard", "next_due", "lease_owner", "lease_until", "tried_at"}
    | {"attempts", "unavailable"}
)
"""The attributes that change without a new version: a row of the same version may have others."""
UNUSED: Final = frozenset({"payment_token", "said", "timeline"})
"""The attributes by which no step of the saga decides."""


def text_of(row: Mapping[str, object]) -> str:
    """Return the row as JSON text, without the attributes above."""
    left_out = WITHOUT_VERSION | UNUSED
    return json.dumps({name: value for name, value in row.items() if name not in left_out}, separators=(",", ":"))


def row_of(statement: Mapping[str, object], kind: type[R]) -> R | None:
    """Return the row in the field `seen` of a statement whose receipt was checked; None if an older version made it."""
    seen = statement.get("seen")
    return cast(R, outside_json.read_object(seen)) if isinstance(seen, str) else None
