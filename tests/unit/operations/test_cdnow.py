"""The CDNOW rows: their form, the order that each becomes, and that none is dropped or counted twice."""

import csv
import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import schemas
from operations.orders import cdnow
from operations.orders.cdnow import Purchase

REPOSITORY = Path(__file__).parents[3]
SAMPLE = REPOSITORY / "data" / "cdnow" / "CDNOW_sample.txt"
FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)

purchases = st.builds(
    Purchase,
    customer=st.from_regex(r"[0-9]{5}", fullmatch=True),
    date=st.dates().map(lambda day: day.strftime("%Y%m%d").rjust(8, "0")),
    cds=st.integers(1, cdnow.MAX_CDS),
    cents=st.integers(0, 99_999_999),
    occurrence=st.just(1),
)
# Few different ones, so that rows that look exactly alike are common.
rows = st.tuples(
    st.sampled_from(["00004", "00018"]),
    st.sampled_from(["19970101", "19970118"]),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["0.00", "29.33"]),
).map(" ".join)


def read(folder: Path, lines: Iterable[str], limit: int | None = None) -> tuple[list[Purchase], list[cdnow.Malformed]]:
    file = folder / "purchases.txt"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return cdnow.read(file, limit)


@given(purchases)
def test_lines_sum_to_the_row_to_the_cent(purchase: Purchase) -> None:
    lines = [(cdnow.cents_of(line["sku"]), line["quantity"]) for line in purchase.lines]
    assert sum(cents * quantity for cents, quantity in lines) == purchase.cents
    assert sum(quantity for _, quantity in lines) == purchase.cds
    assert all(1 <= quantity <= 100 for _, quantity in lines)
    prices = [cents for cents, _ in lines]
    assert prices in ([prices[0]], [prices[0], prices[0] + 1])


@given(purchases)
def test_every_purchase_becomes_a_valid_event(purchase: Purchase) -> None:
    schemas.validate("orderflow.channel.cdnow", "OrderPlaced", cdnow.event(purchase, "cdnow"))


@FILES
@given(lines=st.lists(rows, max_size=12))
def test_identical_rows_are_separate_purchases(tmp_path: Path, lines: list[str]) -> None:
    found, malformed = read(tmp_path, lines)
    assert not malformed
    assert len({purchase.idempotency_key for purchase in found}) == len(lines)


@FILES
@given(lines=st.lists(rows, max_size=12), data=st.data())
def test_a_purchases_key_does_not_depend_on_its_line(tmp_path: Path, lines: list[str], data: st.DataObject) -> None:
    keys = {purchase.idempotency_key for purchase in read(tmp_path, lines)[0]}
    shuffled = data.draw(st.permutations(lines))
    assert {purchase.idempotency_key for purchase in read(tmp_path, shuffled)[0]} == keys
    limit = data.draw(st.integers(0, len(lines)))
    assert {purchase.idempotency_key for purchase in read(tmp_path, lines, limit)[0]} <= keys


@FILES
@given(lines=st.lists(st.one_of(rows, st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])))))
def test_every_row_of_any_file_is_accepted_or_reported(tmp_path: Path, lines: list[str]) -> None:
    found, malformed = read(tmp_path, lines)
    filled = [number for number, line in enumerate(lines, start=1) if line.split() and line.split()[0] != cdnow.HEADER]
    assert len(found) + len(malformed) == len(filled)
    assert {bad.line_number for bad in malformed} <= set(filled)
    for purchase in found:
        schemas.validate("orderflow.channel.cdnow", "OrderPlaced", cdnow.event(purchase, "cdnow"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("00004 19970101 2", "has 3 fields"),
        ("00004 0001 19970101 2 29.33 more", "has 6 fields"),
        ("alice 19970101 2 29.33", "customer 'alice' is not a number"),
        ("٣ 19970101 2 29.33", "customer '٣' is not a number"),
        ("00004 19970230 2 29.33", "date '19970230' is not a day"),
        ("00004 1997111 2 29.33", "date '1997111' is not a day"),
        ("00004 19970101 0 29.33", "number of CDs '0' is not 1 to 100"),
        ("00004 19970101 101 29.33", "number of CDs '101' is not 1 to 100"),
        ("00004 19970101 -2 29.33", "number of CDs '-2' is not 1 to 100"),
        ("00004 19970101 2.5 29.33", "number of CDs '2.5' is not 1 to 100"),
        ("00004 19970101 2 -29.33", "dollars '-29.33' is not an amount"),
        ("00004 19970101 2 29.333", "dollars '29.333' is not an amount"),
        ("00004 19970101 2 NaN", "dollars 'NaN' is not an amount"),
    ],
)
def test_malformed_row_is_reported_with_its_line_and_the_others_accepted(tmp_path: Path, row: str, reason: str) -> None:
    found, (bad,) = read(tmp_path, ["00004 19970101 2 29.33", row, "00018 19970104 1 14.96"])
    assert (bad.line_number, bad.text) == (2, row)
    assert reason in bad.reason
    assert [purchase.customer for purchase in found] == ["00004", "00018"]


def test_a_purchase_is_the_same_in_the_sample_and_the_master(tmp_path: Path) -> None:
    in_sample = read(tmp_path, ["customer_id sample_id date cds dollars", " 00004 0001 19970101  2   29.33\r"])[0]
    in_master = read(tmp_path, ["", " 00004 19970101  2   29.33"])[0]
    assert in_sample == in_master == [Purchase("00004", "19970101", 2, 2933, 1)]
    assert in_master[0].idempotency_key == "00004-19970101-2-2933-1"
    assert in_master[0].customer_id == "cdnow-00004"


def test_a_total_that_its_quantity_does_not_divide_becomes_two_lines() -> None:
    assert Purchase("00004", "19970101", 2, 2933, 1).lines == [
        {"sku": "CD-1466", "quantity": 1},
        {"sku": "CD-1467", "quantity": 1},
    ]


def test_zero_dollar_row_is_a_free_order() -> None:
    assert Purchase("00004", "19970101", 3, 0, 1).lines == [{"sku": "CD-0000", "quantity": 3}]


def test_99_cds_are_an_ordinary_order() -> None:
    assert Purchase("00004", "19970101", 99, 99 * 1299, 1).lines == [{"sku": "CD-1299", "quantity": 99}]


def test_the_sample_is_read_whole() -> None:
    """Held against a reading of the file that shares nothing with ours."""
    with SAMPLE.open(newline="") as file:
        there = [[word for word in row if word] for row in csv.reader(file, delimiter=" ")]
    found, malformed = cdnow.read(SAMPLE)
    assert not malformed
    assert len(found) == len(there) == 6919
    assert sum(purchase.cents for purchase in found) == sum(Decimal(row[-1]) for row in there) * 100
    assert len({purchase.idempotency_key for purchase in found}) == len(found)


def test_documented_counts_equal_the_files() -> None:
    told = dict(
        re.findall(
            r"^(\w[\w ]+?) {2,}(\d+) *$", (REPOSITORY / "docs" / "how-to" / "import-orders.md").read_text(), re.MULTILINE
        )
    )
    counted = cdnow.count(*cdnow.read(SAMPLE))
    assert told == {name.replace("_", " "): str(value) for name, value in counted.items()}
