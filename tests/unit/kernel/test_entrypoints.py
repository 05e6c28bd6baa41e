"""A sweep with parts and rows that fail: the others go on."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kernel.aggregate_store import KeyedStore, each_shard
from kernel.entrypoints import move_each, sweep

CONFLICT = ClientError({"Error": {"Code": "TransactionConflictException", "Message": "ongoing"}}, "UpdateItem")


class Skus(KeyedStore):
    """Rows; the postponement of a `hot` one meets a transaction."""

    def __init__(self, *hot: str) -> None:
        super().__init__(None, "stock", "SKU")
        self.hot = hot
        self.postponed: list[str] = []

    def postpone(self, row_id: str, until: datetime) -> None:
        if row_id in self.hot:
            raise CONFLICT
        self.postponed.append(row_id)


def fail_on(*failing: str) -> Any:
    """Return a move that fails on these rows."""

    def move(row_id: str) -> bool:
        if row_id in failing:
            raise CONFLICT
        return True

    return move


def test_failed_row_goes_behind_the_others() -> None:
    skus = Skus()
    assert move_each(skus, ["a", "b", "c"], fail_on("a"), "StockNotLookedAt") == {"moved": 2, "failed": 1}
    assert skus.postponed == ["a"]


def test_row_that_cannot_be_postponed_stops_no_other() -> None:
    done = move_each(Skus("a"), ["a", "b", "c"], fail_on("a"), "StockNotLookedAt", moved="looked_at")
    assert done == {"looked_at": 2, "failed": 1}


def test_rows_moved_before_the_index_fails_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    def due() -> Iterator[str]:
        yield "a"
        raise CONFLICT

    with pytest.raises(ClientError):
        move_each(Skus(), due(), fail_on("a"), "StockNotLookedAt")
    assert '"StockNotLookedAt":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_rows_that_do_not_move_end_the_part_when_its_patience_is_over() -> None:
    tried: list[str] = []

    def hangs(row_id: str) -> bool:
        tried.append(row_id)
        return row_id == "c"

    done = move_each(Skus(), "abcdefgh", hangs, "RefundsNotAskedFor", patience=2)
    assert (tried, done["moved"]) == (["a", "b"], 0)
    move_each(Skus(), "cacbde", hangs, "RefundsNotAskedFor", patience=2)
    assert tried[2:] == ["c", "a", "c", "b", "d"]


@pytest.mark.parametrize("at_once", [1, 4])
def test_rows_at_once_are_all_counted(at_once: int) -> None:
    done = move_each(Skus(), [str(row) for row in range(50)], fail_on("3", "40"), "StockNotLookedAt", at_once=at_once)
    assert done == {"moved": 48, "failed": 2}


def test_failed_shard_stops_no_other() -> None:
    def items_of(shard: str) -> list[str]:
        if shard == "1":
            raise CONFLICT
        return [f"row of {shard}"]

    shards = each_shard(range(4), items_of)
    assert [next(shards), next(shards), next(shards)] == ["row of 0", "row of 2", "row of 3"]
    with pytest.raises(ClientError):
        next(shards)


def test_failed_part_of_a_sweep_stops_no_other() -> None:
    done = []

    def part(name: str, fault: Exception | None = None) -> Any:
        def run() -> dict[str, int]:
            done.append(name)
            if fault:
                raise fault
            return {name: 1}

        return run

    with pytest.raises(ClientError):
        sweep(part("rows", CONFLICT), part("republished"))
    assert done == ["rows", "republished"]
    assert sweep(part("rows"), part("republished")) == {"rows": 1, "republished": 1}
