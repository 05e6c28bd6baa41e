"""`orderctl catalogue`: the prices and titles of SKUs, from a file of comma-separated values."""

from pathlib import Path

import pytest

from operations.errors import UserError
from orderctl.commands.catalogue import app
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

HEADER = "sku,title,price,currency\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.csv"


def test_catalogue_is_set_from_a_file(stage: Stage, file: Path) -> None:
    file.write_text(HEADER + 'CAP,"Cap, blue",12.50,USD\nCUP,,1200,JPY\n', encoding="utf-8-sig")
    assert "Cap, blue" in orderctl(app, stage, "set", str(file)).stdout
    cap, cup = (row for row in orderctl_json(app, stage, "list") if row["sku"] in ("CAP", "CUP"))
    assert cap == {"sku": "CAP", "title": "Cap, blue", "amount": 1250, "currency": "USD", "price": "12.50 USD"}
    assert cup == {"sku": "CUP", "amount": 1200, "currency": "JPY", "price": "1200 JPY"}


def test_setting_it_again_replaces_only_the_named_skus(stage: Stage, file: Path) -> None:
    for content in ("CAP,Cap,1,USD\nCUP,Cup,2,USD\n", "CUP,Mug,3,USD\n"):
        file.write_text(HEADER + content)
        orderctl(app, stage, "set", str(file))
    found = {row["sku"]: (row["title"], row["amount"]) for row in orderctl_json(app, stage, "list")}
    assert (found["CAP"], found["CUP"]) == (("Cap", 100), ("Mug", 300))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "CAP,Cap,1,USD\nCUP,Cup,1.505,USD\n",
            r"line 3: the price '1\.505' is no price .* with at most 2 digits behind the point, as USD has",
        ),
        ("CAP,Cap,100.5,JPY\n", r"line 2: the price '100\.5' is no price .* with at most 0 digits behind the point"),
        ("CAP,Cap,free,USD\n", r"line 2: the price 'free' is not a number such as 12\.50"),
        ("CAP,Cap,NaN,USD\n", r"line 2: the price 'NaN' is no price"),
        ("CAP,Cap,-1,USD\n", r"line 2: the price '-1' is no price from 0 to "),
        ("CAP,Cap,1,ZZZ\n", r"line 2, currency: must be a currency"),
        ("C A P,Cap,1,USD\n", r"line 2, sku: must be 1 to 64"),
        (f"CAP,{'x' * 101},1,USD\n", r"line 2, title: must be a text"),
        ("CAP,Cap,1\n", r"line 2: it has not 4 values"),
        ("CAP,Cap,1,USD,more\n", r"line 2: it has not 4 values"),
        ("CAP,Cap,1,USD\nCAP,Cap,2,USD\n", r"line 3: CAP stands in an earlier line too"),
        ('CAP,"Cap,1,USD\n', r"is not comma-separated text"),
    ],
)
def test_file_with_a_fault_sets_nothing(stage: Stage, file: Path, content: str, said: str) -> None:
    before = orderctl_json(app, stage, "list")
    file.write_text(HEADER + content)
    with pytest.raises(UserError, match=said):
        orderctl(app, stage, "set", str(file))
    assert orderctl_json(app, stage, "list") == before


def test_other_files_are_refused(stage: Stage, file: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read: No such file"):
        orderctl(app, stage, "set", str(file))
    file.write_text("sku,price\nCAP,1\n")
    with pytest.raises(UserError, match=r"does not have the columns sku, title, price, currency"):
        orderctl(app, stage, "set", str(file))
    file.write_bytes(HEADER.encode() + b"CAP,\xff,1,USD\n")
    with pytest.raises(UserError, match=r"is not comma-separated text in UTF-8"):
        orderctl(app, stage, "set", str(file))
