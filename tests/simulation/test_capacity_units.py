"""DynamoDB's units by its documentation: items by their bytes, writes by the larger image, twice in a transaction."""

from typing import Any

import pytest

from simulation.engine import capacity
from simulation.engine.capacity import Index

BY_CUSTOMER = Index("customer", "at", ("status",))


def item(size: int, **more: str) -> dict[str, Any]:
    """Return an item of so many bytes, with the texts `more` among its attributes."""
    named = {"pk": {"S": "a"}} | {name: {"S": value} for name, value in more.items()}
    return named | {"x": {"S": "." * (size - capacity.size(named) - 1)}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"S": "é"}, 2),
        ({"N": "0"}, 1),
        ({"N": "1200"}, 2),
        ({"N": "-123.5"}, 4),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"L": [{"S": "ab"}, {"S": "c"}]}, 8),
        ({"M": {"k": {"S": "abc"}}}, 8),
    ],
)
def test_value_has_the_bytes_of_the_documentation(value: dict[str, Any], expected: int) -> None:
    assert capacity.size({"a": value}) == 1 + expected


def test_type_without_a_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="SS"):
        capacity.size({"a": {"SS": ["x"]}})


@pytest.mark.parametrize(
    ("old", "new", "units"), [(None, 1024, 1), (None, 1025, 2), (2049, 100, 3), (100, None, 1), (None, None, 1)]
)
def test_write_costs_by_the_larger_image(old: int | None, new: int | None, units: int) -> None:
    assert capacity.write_units(old and item(old), new and item(new)) == units


def test_item_in_a_transaction_counts_twice() -> None:
    action = {"TableName": "t", "Key": {"pk": {"S": "a"}}}
    request = {"TransactItems": [{"Update": action}, {"Put": {"TableName": "t", "Item": item(10)}}]}
    assert [factor for _, _, factor in capacity.written("TransactWriteItems", request)] == [2, 2]
    assert list(capacity.written("UpdateItem", action)) == [("t", {"pk": {"S": "a"}}, 1)]


@pytest.mark.parametrize(("size", "consistent", "units"), [(4096, True, 1), (4097, True, 2), (4096, False, 0.5), (0, True, 1)])
def test_read_costs_by_four_kilobytes(size: int, consistent: bool, units: float) -> None:
    answer = {"Item": item(size)} if size else {}
    assert capacity.read_units("GetItem", {"TableName": "t", "ConsistentRead": consistent}, answer) == units


def test_batch_counts_each_key_also_one_without_an_item() -> None:
    request = {"RequestItems": {"t": {"Keys": [{}, {}], "ConsistentRead": True}}}
    assert capacity.read_units("BatchGetItem", request, {"Responses": {"t": [item(5000)]}}) == 3


def test_query_counts_the_sum_of_its_items() -> None:
    answer = {"Items": [item(3000), item(3000)]}
    assert capacity.read_units("Query", {"TableName": "t"}, answer) == 1
    assert capacity.read_units("Query", {"TableName": "t"}, {"Items": []}) == 0.5


def test_index_costs_a_write_for_each_entry_that_comes_goes_or_changes() -> None:
    entry = item(50, customer="c", at="1", status="new")

    def units(old: Any, new: Any) -> int:
        return capacity.index_units(BY_CUSTOMER, ("pk",), old, new)

    assert units(None, entry) == 1
    assert units(entry, None) == 1
    assert units(entry, entry | {"other": {"S": "y"}}) == 0
    assert units(entry, entry | {"status": {"S": "old"}}) == 1
    assert units(entry, entry | {"at": {"S": "2"}}) == 2
    assert units(None, item(50)) == 0
