"""Forgeries: the statements that a caller without the key can make from a service's true statement."""

from collections.abc import Callable, Mapping
from contextlib import suppress

from kernel.receipts import CANCELLING, CONFIRMING, RECEIPT, Keys, Kind, ReceiptRefusedError, Receipts, Statement
from tests.support.receipts import decision, receipts

OTHER_ORDER = "ord-" + "z" * 26
OUTCOMES = (CONFIRMING, CANCELLING, "PENDING", "BACKORDERED", "CONFIRMED", "CANCELLED", "CANCEL_REQUESTED", "REFUNDING")
GUESSED = Receipts(Keys(lambda: "guessed", lambda: ["guessed"]))


def forgeries(kind: Kind, order_id: str, stated: Statement) -> dict[str, object]:
    """By name, each forgery of `stated`, which is of this kind and order and has a good receipt."""
    receipt = str(stated[RECEIPT])
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


def _other(value: object) -> object:
    """Return another value of the same shape."""
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


def assert_refused(
    rows: Callable[[], object], invoke: Callable[..., object], command: str, field: str, statements: Mapping[str, object]
) -> None:
    """See that the command refuses each of the statements, by name, for its receipt, and leaves the rows as they were."""
    before, answered = rows(), {}
    for name, stated in statements.items():
        with suppress(ReceiptRefusedError):
            answered[name] = invoke(command, **{field: stated})
    assert (answered, rows()) == ({}, before)


def other_decisions(order_id: str, needed: str) -> dict[str, object]:
    """Return the true decisions of the order, by outcome, except for the needed one."""
    return {outcome: decision(order_id, outcome) for outcome in OUTCOMES if outcome != needed}
