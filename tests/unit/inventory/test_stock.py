"""Lines of an order or a replenishment, merged by SKU."""

from typing import Any

import pytest

from services.inventory.domain.stock import InvalidLinesError, Move, as_lines, merge, moves


def line(sku: str, quantity: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity}


def test_lines_of_one_sku_are_added_up() -> None:
    assert merge([line("B", 1), line("A", 2), line("B", 3)]) == {"A": 2, "B": 4}


def test_the_order_of_the_lines_does_not_matter() -> None:
    assert as_lines(merge([line("B", 1), line("A", 2)])) == as_lines(merge([line("A", 2), line("B", 1)]))


def test_fifty_skus_are_accepted_on_any_number_of_lines() -> None:
    assert len(merge([line(f"SKU-{number % 50}", 1) for number in range(120)])) == 50
    with pytest.raises(InvalidLinesError, match="51 SKUs; it must be 1 to 50"):
        merge([line(f"SKU-{number}", 1) for number in range(51)])


@pytest.mark.parametrize(
    ("line", "missing"),
    [({}, "sku"), ({"sku": "A"}, "quantity"), ({"quantity": 1}, "sku"), (None, "sku"), (5, "sku"), ("A", "sku")],
)
def test_line_without_a_field_is_refused_by_its_position(line: Any, missing: str) -> None:
    with pytest.raises(InvalidLinesError, match=f"^line 1 has no {missing}$"):
        merge([{"sku": "A", "quantity": 1}, line])


def test_order_without_lines_is_refused() -> None:
    with pytest.raises(InvalidLinesError, match="0 SKUs"):
        merge([])


@pytest.mark.parametrize("quantity", [0, -1, 1.5, 2.0, "2", None, True])
def test_quantity_that_is_no_integer_from_one_is_refused(quantity: Any) -> None:
    with pytest.raises(InvalidLinesError, match="the quantity of A"):
        merge([line("A", quantity)])


def test_quantity_above_the_limit_is_refused() -> None:
    with pytest.raises(InvalidLinesError, match="1000001 of A"):
        merge([line("A", 1_000_000), line("A", 1)])


@pytest.mark.parametrize("sku", ["", "a b", "A#1", "x" * 65, "é", "A\n", None, 3])
def test_malformed_sku_is_refused(sku: Any) -> None:
    with pytest.raises(InvalidLinesError, match="is not a SKU"):
        merge([line(sku, 1)])


def test_all_of_the_quantities_move() -> None:
    assert moves({"A": 2, "B": 1}, "available", "held") == (
        Move("A", 2, "available", "held"),
        Move("B", 1, "available", "held"),
    )
