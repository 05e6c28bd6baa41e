"""Forged commands: no goods are held, sold or released without the order's own statement, and nothing is written."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from kernel.commands import InvalidCommandError
from kernel.receipts import CANCELLING, CONFIRMING, Kind, ReceiptRefusedError
from services.inventory.functions.commands import StockCommands
from tests.support.forged_receipts import assert_refused, forgeries, other_decisions
from tests.support.receipts import decision, wanted
from tests.support.spy import Spy
from tests.unit.inventory.conftest import InventoryService, lines, order

ORDER = order()
NEEDS: dict[str, tuple[str, Kind, Callable[[str], dict[str, Any]]]] = {
    "reserve": ("wanted", Kind.WANTED, lambda order_id: wanted(order_id, lines(blue=2))),
    "commit": ("decision", Kind.DECISION, lambda order_id: decision(order_id, CONFIRMING)),
    "release": ("decision", Kind.DECISION, lambda order_id: decision(order_id, CANCELLING)),
}
"""Each command, with the statement that it needs: its field, its kind, and a true one."""


@pytest.fixture(params=["nothing reserved", "held", "sold", "waiting"])
def books(request: pytest.FixtureRequest, inventory: InventoryService) -> Callable[[], Any]:
    """All rows of the inventory's table, now."""
    inventory.replenish(blue=1 if request.param == "waiting" else 10)
    if request.param != "nothing reserved":
        inventory.reserve(if_short="BACK_ORDER" if request.param == "waiting" else "REJECT", blue=2)
    if request.param == "sold":
        inventory.commit()
    return lambda: inventory.rows


def invoke(inventory: InventoryService, command: str, order_id: Any = ORDER, **fields: Any) -> Any:
    cause = {"correlation_id": "c", "causation_id": "c"}
    return inventory.commands({"command": command, "order_id": order_id, **cause, **fields}, None)


def test_every_command_that_moves_goods_needs_a_receipt() -> None:
    assert set(NEEDS) == set(StockCommands(None, None, None).table)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", NEEDS)
def test_forged_commands_move_nothing(inventory: InventoryService, books: Callable[[], Any], command: str) -> None:
    field, kind, true = NEEDS[command]
    assert_refused(books, partial(invoke, inventory), command, field, forgeries(kind, ORDER, true(ORDER)))


@pytest.mark.parametrize("command", ["commit", "release"])
def test_forged_use_of_a_true_decision_moves_nothing(
    inventory: InventoryService, books: Callable[[], Any], command: str
) -> None:
    """The statement is the order's own, and is no decision to do this."""
    needed = NEEDS[command][2](ORDER)["outcome"]
    assert_refused(books, partial(invoke, inventory), command, "decision", other_decisions(ORDER, needed))


@pytest.mark.parametrize("order_id", ["anything at all", "", None, 7, ORDER[:-1], ORDER.upper(), ORDER + "\n"])
@pytest.mark.parametrize("command", NEEDS)
def test_forged_order_ids_leave_no_row(inventory: InventoryService, command: str, order_id: Any) -> None:
    field, _, true = NEEDS[command]
    with pytest.raises(InvalidCommandError, match="order_id"):
        invoke(inventory, command, order_id, **{field: true(str(order_id))})
    assert inventory.rows == []


def test_request_that_no_order_made_is_refused(inventory: InventoryService) -> None:
    with pytest.raises(InvalidCommandError, match="if_short"):
        invoke(inventory, "reserve", wanted=wanted(ORDER, lines(blue=2), "STEAL"))
    assert inventory.rows == []


def test_repeated_true_statement_is_the_same_hold(inventory: InventoryService) -> None:
    inventory.replenish(blue=10)
    stated = wanted(ORDER, lines(blue=2))
    assert invoke(inventory, "reserve", wanted=stated) == invoke(inventory, "reserve", wanted=stated)
    assert inventory.stock() == (8, 2, 0)


@pytest.mark.parametrize(("command", "outcome"), [("commit", "CONFIRMING"), ("release", "CANCELLING")])
def test_settlement_reads_no_row_of_the_reservations_own_statement(
    inventory: InventoryService, command: str, outcome: str
) -> None:
    about = {"order_id": order(0), "correlation_id": "c", "causation_id": "e"}
    inventory.replenish(blue=10)
    held = inventory("reserve", **about, wanted=wanted(order(0), lines(blue=1)))
    inventory.database.client = spy = Spy(inventory.client)
    settled = inventory(command, **about, decision=decision(order(0), outcome), before=held)
    assert spy.calls == ["transact_write_items"]
    again = inventory(command, **about, decision=decision(order(0), outcome), before=held)
    assert again["outcome"] == settled["outcome"]


@pytest.mark.parametrize(("command", "outcome"), [("commit", "CONFIRMING"), ("release", "CANCELLING")])
def test_forged_row_moves_no_goods(inventory: InventoryService, command: str, outcome: str) -> None:
    about = {"order_id": order(0), "correlation_id": "c", "causation_id": "e"}
    inventory.replenish(blue=10)
    held = inventory("reserve", **about, wanted=wanted(order(0), lines(blue=1)))
    forged = {**held, "seen": held["seen"].replace('"quantity":1', '"quantity":9')}
    for before in (forged, {}, "text", {"outcome": "HELD", "seen": held["seen"]}):
        with pytest.raises(ReceiptRefusedError):
            inventory(command, **about, decision=decision(order(0), outcome), before=before)
    assert inventory.stock() == (9, 1, 0)
