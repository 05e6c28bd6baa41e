"""Presumptions: a row as a statement of it was made, so that the next step of the same run need not read it first.

A service writes its row, as text, into the statement that it gives the saga, and gets it back with the next command. Only that
service reads the text. The receipt of the statement covers it. It may be old by then, so it leads to a write or to a read and
never to an answer: the write's condition is the row's version, and a row of the same version has the same attributes here.
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
"""The attributes that change without a new version, so that a row of the same version may have others."""
UNUSED: Final = frozenset({"payment_token", "said", "timeline"})
"""What no step of the saga decides by."""


def text_of(row: Mapping[str, object]) -> str:
    """Return the row as JSON text, without the attributes above."""
    left_out = WITHOUT_VERSION | UNUSED
    return json.dumps({name: value for name, value in row.items() if name not in left_out}, separators=(",", ":"))


def row_of(statement: Mapping[str, object], kind: type[R]) -> R | None:
    """Return the row in the field `seen` of a statement whose receipt was checked; None if an older version made it."""
    seen = statement.get("seen")
    return cast(R, outside_json.read_object(seen)) if isinstance(seen, str) else None
