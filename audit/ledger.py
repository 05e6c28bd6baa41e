"""The records of the gateway's ledger: one for each operation on an order's payment."""

import re
from collections.abc import Iterator
from typing import Final

from audit.attributes import is_a

OUTCOMES: Final = {
    "intent": ("PREPARED",),
    "authorize": ("AUTHORIZED", "DECLINED"),
    "capture": ("CAPTURED", "CAPTURE_REFUSED"),
    "refund": ("REFUNDED", "REFUND_REFUSED", "OUTSIDE"),
    "void": ("VOIDED",),
    "keys": ("SPENT",),
}
"""The operations that the ledger records, and the outcomes of each. A refund's further attempts are `refund-2` ...

`capture-keys` and the like count the spent idempotency keys of an operation.
"""
REFUSALS: Final = ("DECLINED", "CAPTURE_REFUSED", "REFUND_REFUSED")
"""Outcomes with a reason."""
PAID_BACK: Final = frozenset({"REFUNDED", "OUTSIDE"})
"""Outcomes of a refund after which the customer has the money: through the gateway, or in another way."""
_ATTEMPT = re.compile("refund-([2-9]|[1-9][0-9]+)")
_KEYS = re.compile("(intent|authorize|capture|void|refund(-([2-9]|[1-9][0-9]+))?)-keys")


def operation_of(name: object) -> str | None:
    """Return the operation of a record by its `sk`, a key of `OUTCOMES`, or None if it has none."""
    if not isinstance(name, str):
        return None
    if _ATTEMPT.fullmatch(name):
        return "refund"
    if _KEYS.fullmatch(name):
        return "keys"
    return name if name in OUTCOMES and name != "keys" else None


def faults_in(row: object) -> Iterator[str]:
    """Yield the faults of one record. Accepts any value as a record."""
    operation = operation_of(row.get("sk")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or operation is None or not is_a("order_id", row.get("pk")):
        yield "is no record of an order's intent, authorize, capture, refund or void"
        return
    outcome = row.get("outcome")
    if outcome not in OUTCOMES[operation]:
        yield f"its outcome {outcome!r} is none of {row['sk']}'s"
    if not is_a("moment", row.get("recorded_at")):
        yield "recorded_at is missing or malformed"
    if (outcome == "OUTSIDE") != ("reference" in row and operation == "refund"):
        yield "a refund paid outside has a reference, and nothing else has"
    if operation == "keys" and not is_a("positive", row.get("spent")):
        yield "counts no spent keys"
    if operation not in ("void", "keys") and not is_a("money", {name: row.get(name) for name in ("amount", "currency")}):
        yield "has no amount and currency"
    if (outcome in REFUSALS) != ("reason" in row) or not is_a("text", row.get("reason", "-")):
        yield "a refusal has a reason, and nothing else has"
