"""How long clients wait, and the ladders that are built of it."""

import pytest

from kernel.timeouts import OverBudgetError, Patience, assert_ascending


def test_longest_call_counts_every_attempt_and_back_off() -> None:
    assert Patience(attempts=1, connect=1.0, read=5.0).seconds == 6.0
    assert Patience(attempts=3, connect=0.5, read=1.0).seconds == 3 * 1.5 + 1 + 2


def test_too_short_time_out_is_named() -> None:
    assert_ascending(("a call", 3), ("its task", 4), ("its function", 4))
    with pytest.raises(OverBudgetError, match=r"its task takes up to 4 s, but its function is 3\.5 s"):
        assert_ascending(("a call", 3), ("its task", 4), ("its function", 3.5))
