"""The search for histories: its effects name real transitions, and it finds the paths of the tables."""

import pytest

from audit.histories import EFFECTS, MOST_VERSIONS, is_reachable, states_after, statuses_after
from audit.row_kinds import KINDS
from kernel.transitions import TransitionTable

TABLES = {kind.moves_by.aggregate: kind.moves_by for kinds in KINDS.values() for kind in kinds.values() if kind.moves_by}


@pytest.mark.parametrize("aggregate", EFFECTS)
def test_effects_name_transitions_of_the_table(aggregate: str) -> None:
    assert EFFECTS[aggregate].keys() <= {step.name for step in TABLES[aggregate].transitions}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_status_is_reachable_and_no_history_is_endless(table: TransitionTable) -> None:
    assert frozenset().union(*(statuses_after(table, steps) for steps in range(1, 12))) == table.statuses
    assert states_after(table, MOST_VERSIONS + 1) == frozenset()


@pytest.mark.parametrize(
    ("row", "reachable"),
    [
        ({"status": "CONFIRMED", "version": 3, "fulfilment": "NONE"}, True),
        ({"status": "CONFIRMED", "version": 4, "fulfilment": "NONE"}, False),
        ({"status": "CONFIRMED", "version": 6, "fulfilment": "DELIVERED"}, True),
        ({"status": "PENDING", "version": 3, "fulfilment": "NONE", "backordered_at": "", "resumed_at": ""}, True),
        ({"status": "PENDING", "version": 3, "fulfilment": "NONE", "resumed_at": ""}, False),
        ({"status": "CANCELLED", "version": 4, "fulfilment": "NONE", "reason": "CAPTURE_REFUSED"}, True),
        ({"status": "CANCELLED", "version": 4, "fulfilment": "NONE", "reason": "CUSTOMER"}, False),
        ({"status": "REFUNDING", "version": 6, "fulfilment": "NONE", "reason": "CUSTOMER", "refunded": True}, True),
    ],
)
def test_order_is_reachable_only_with_matching_marks(row: dict[str, object], reachable: bool) -> None:
    assert is_reachable(TABLES["ORDER"], row) is reachable


def test_each_refund_attempt_takes_two_steps() -> None:
    row = {"status": "REFUND_REFUSED", "total": {}, "payment_token": "", "reason": ""}
    assert is_reachable(TABLES["PAY"], {**row, "version": 8, "refund_attempt": 2})
    assert not is_reachable(TABLES["PAY"], {**row, "version": 6, "refund_attempt": 2})
