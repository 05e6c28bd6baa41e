"""The AWS calls that each function and role makes, recorded in the simulation. The policies allow these and no others.

Write the file: `python -m simulation calls --write`
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("calls.json")
SANDBOX: Final = "sandbox"
ADAPTERS: Final = "adapters"
KINDS_OF_STAGES: Final = (SANDBOX, ADAPTERS)
"""A stage with the sandbox gateway and carrier, and one with Stripe and EasyPost."""
STACKS: Final = ("order", "payment", "inventory", "shipping", "notification", "audit", "journal")
"""The stacks with recorded calls. A new service is not among them until the simulation plays it."""

FROM_THE_SENDER: Final = "from the stage's sender"
"""The part of a mail identity that a function may use: one address."""


@dataclass(frozen=True, order=True)
class Call:
    """A kind of call: the function or role that makes it (`order/api`), the action, the resource, and the part of it.

    The resource is `table order`, `index order/due`, `queue order/intake` ... The part is how the keys of rows start
    (`ORDER#`), the attributes of a scan, or the source and detail-type of an event; empty for the whole resource.
    """

    by: str
    action: str
    on: str
    only: str = ""


Recorded = Mapping[str, frozenset[Call]]
"""The calls of each kind of stage."""


@cache
def load(file: Path = FILE) -> Recorded:
    """Return the recorded calls."""
    found: dict[str, list[list[str]]] = json.loads(file.read_text(encoding="utf-8"))
    return {kind: frozenset(Call(*line) for line in lines) for kind, lines in found.items()}


def as_text(recorded: Mapping[str, Iterable[Call]]) -> str:
    """Return the file's text: one line for each call."""
    parts = []
    for kind in KINDS_OF_STAGES:
        lines = ",\n".join(f"    {json.dumps(astuple(call))}" for call in sorted(recorded[kind]))
        parts.append(f"  {json.dumps(kind)}: [\n{lines}\n  ]")
    return "{\n" + ",\n".join(parts) + "\n}\n"
