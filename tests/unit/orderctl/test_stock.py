"""`orderctl stock`: what there is, what came in, and from when on it is too little."""

import pytest

from operations.aws import service_client
from operations.errors import UserError
from orderctl.commands.stock import app
from tests.unit.orderctl.conftest import Stage, at_terminal, orderctl, orderctl_json


def test_repeated_delivery_is_added_once(stage: Stage) -> None:
    for _ in range(2):
        answer = orderctl_json(app, stage, "replenish", "--yes", "MUG=50", "LP=20", "--delivery", "monday-1")
        assert [(row["sku"], row["available"]) for row in answer] == [("MUG", 50), ("LP", 20)]
    assert orderctl_json(app, stage, "replenish", "--yes", "MUG=5")[0]["replenished"] == 55


def test_stock_of_a_sku_is_shown(stage: Stage) -> None:
    orderctl(app, stage, "replenish", "--yes", "MUG=50")
    shown = {"sku": "MUG", "available": 50, "held": 0, "sold": 0, "replenished": 50, "waiting": 0}
    assert orderctl_json(app, stage, "show", "MUG") == [shown]
    with pytest.raises(UserError, match=r"The stock of LP cannot be shown: sku: there is no stock of LP\."):
        orderctl(app, stage, "show", "MUG", "LP")


def test_stock_of_all_skus_is_listed(stage: Stage) -> None:
    stage.parameters["inventory/table-name"] = "stage"
    assert "There is no stock." in orderctl(app, stage, "list").stdout
    orderctl(app, stage, "replenish", "--yes", "MUG=50", "LP=20")
    assert orderctl_json(app, stage, "split", "MUG", "--shards", "3", "--yes") == [{"sku": "MUG", "shards": 3}]
    listed = orderctl_json(app, stage, "list")
    assert [(row["sku"], row["available"], row["replenished"]) for row in listed] == [("LP", 20, 20), ("MUG", 50, 50)]
    assert listed == orderctl_json(app, stage, "show", "LP", "MUG")


def test_sku_without_a_price_is_refused_unless_a_person_confirms(stage: Stage) -> None:
    service_client.set_prices(stage, [{"sku": "MUG-BLUE", "amount": 1250, "currency": "USD"}])
    with pytest.raises(UserError, match=r"The catalogue has no price for MUG-BULE\. Check the SKU\.") as caught:
        orderctl(app, stage, "replenish", "MUG-BLUE=1", "MUG-BULE=50")
    assert "No stock was added." in caught.value.hint
    assert at_terminal(app, stage, "replenish", "MUG-BULE=50", types="n\n").exit_code == 1
    assert not {"SKU#MUG-BLUE", "SKU#MUG-BULE"} & set(stage.rows())
    assert at_terminal(app, stage, "replenish", "MUG-BULE=50", types="y\n").exit_code == 0
    assert "no price for MUG-BULE" in orderctl(app, stage, "replenish", "MUG-BULE=1", "--yes").stderr
    assert "no price" not in orderctl(app, stage, "replenish", "MUG-BLUE=1").stderr


@pytest.mark.parametrize("command", [("watch", "MUG-BULE", "--below", "10"), ("split", "MUG-BULE", "--shards", "8")])
def test_alert_or_split_of_a_sku_without_a_price_is_refused(stage: Stage, command: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"The catalogue has no price for MUG-BULE\. Check the SKU\."):
        orderctl(app, stage, *command)
    assert at_terminal(app, stage, *command, types="n\n").exit_code == 1
    assert not any(key.endswith("MUG-BULE") for key in stage.rows())


def test_threshold_of_a_sku_is_set(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")  # the function prints where the command does
    orderctl(app, stage, "replenish", "--yes", "MUG=50")
    assert orderctl_json(app, stage, "watch", "MUG", "--below", "50", "--yes") == [
        {"sku": "MUG", "threshold": 50, "level": "ENOUGH"}
    ]
    assert orderctl_json(app, stage, "watch", "MUG", "--below", "51", "--yes")[0]["level"] == "LOW"


@pytest.mark.parametrize("item", ["MUG", "MUG=", "MUG=0", "MUG=-1", "MUG=1.5", "=5", "MUG=99999999"])
def test_malformed_quantity_is_refused(stage: Stage, item: str) -> None:
    answer = orderctl(app, stage, "replenish", item)
    assert answer.exit_code == 2
    assert "is not SKU=QUANTITY, such as MUG-BLUE=50" in " ".join(answer.stderr.replace("│", " ").split())
