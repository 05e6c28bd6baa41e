"""Forgeries: what somebody without the key can make of a service's true statement."""

from typing import Any

from kernel.receipts import RECEIPT, Keys, Kind, Receipts
from tests.support.receipts import receipts

OTHER_ORDER = "ord-" + "z" * 26
GUESSED = Receipts(Keys(lambda: "guessed", lambda: ["guessed"]))


def forgeries(kind: Kind, order_id: str, stated: dict[str, Any]) -> dict[str, Any]:
    """By name, each forgery of `stated`, which is of this kind and order and has a good receipt."""
    receipt = stated[RECEIPT]
    statement = {name: value for name, value in stated.items() if name != RECEIPT}
    others = [other for other in Kind if other is not kind]
    return {
        "nothing": None,
        "no object": [stated],
        "no receipt": statement,
        "an empty receipt": {**statement, RECEIPT: ""},
        "no text": {**statement, RECEIPT: 1},
        "a truncated receipt": {**statement, RECEIPT: receipt[:-1]},
        "a receipt in capitals": {**statement, RECEIPT: receipt.upper()},
        "a lone surrogate": {**statement, RECEIPT: "\ud800" * 64},
        "a guessed key": GUESSED.issue(kind, order_id, statement),
        "a receipt of another order": receipts().issue(kind, OTHER_ORDER, statement),
        **{f"a receipt of {other}": receipts().issue(other, order_id, statement) for other in others},
        "a field more": {**stated, "more": 1},
        **{f"without {name}": {key: value for key, value in stated.items() if key != name} for name in statement},
        **{f"another {name}": {**stated, name: _other(value)} for name, value in statement.items()},
    }


def _other(value: Any) -> Any:
    """A value of the same shape that says something else."""
    match value:
        case str():
            return f"{value}_"
        case int():
            return value + 1
        case dict():
            name = next(iter(value))
            return {**value, name: _other(value[name])}
        case list():
            return [_other(part) for part in value] or [1]
        case _:
            return "CUSTOMER"
