"""All tables of a stage are taken back to one moment: by their copies, and only where a row differs."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from audit.tables import PARAMETERS
from kernel.aggregate_store import marshal
from operations.errors import CheckFailedError, UserError
from operations.progress import SILENT
from operations.recovery import point_in_time
from operations.recovery.point_in_time import Difference
from orderctl.commands import tables
from tests.support.tables import create_ledger, create_table
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

MOMENT = datetime(2026, 11, 29, 20, 0, tzinfo=UTC)
TEXT = "2026-11-29T20:00:00Z"
LONG_AGO = "2020-11-29T20:00:00Z"
NAMES = {parameter: parameter.replace("/", "-") for parameter in sorted(PARAMETERS.values())}
ORDERS, LEDGER = NAMES["order/table-name"], NAMES["payment/ledger-table-name"]


@pytest.fixture
def stage(dynamodb: Any) -> Stage:
    """Create a stage with 30 orders and one entry of the ledger."""
    for name in NAMES.values():
        (create_ledger if name == LEDGER else create_table)(dynamodb, name)
    for number in range(30):
        put(dynamodb, ORDERS, pk=f"ORDER#{number:02}", status="CONFIRMED")
    put(dynamodb, LEDGER, pk="00", sk="capture", outcome="CAPTURED")
    made = Stage(parameters=dict(NAMES))
    for parameter, name in NAMES.items():
        made.client("ssm").put_parameter(Name=f"/orderflow/{made.stage}/{parameter}", Value=name, Type="String")
    return made


def put(dynamodb: Any, table: str, **row: str) -> None:
    dynamodb.put_item(TableName=table, Item=marshal(row))


def damage(dynamodb: Any) -> None:
    """Lose 28 orders and the ledger's entry, change one order, and add one."""
    for number in range(28):
        dynamodb.delete_item(TableName=ORDERS, Key=marshal({"pk": f"ORDER#{number:02}"}))
    dynamodb.delete_item(TableName=LEDGER, Key=marshal({"pk": "00", "sk": "capture"}))
    put(dynamodb, ORDERS, pk="ORDER#28", status="DAMAGED")
    put(dynamodb, ORDERS, pk="ORDER#99", status="PENDING")


def rows(dynamodb: Any, table: str) -> list[dict[str, Any]]:
    return sorted(dynamodb.scan(TableName=table)["Items"], key=lambda row: str(row["pk"]["S"]))


def test_copy_of_a_table_is_named_after_the_moment() -> None:
    assert point_in_time.copy_name("stage", MOMENT) == "at-20261129T200000Z-stage"


def test_damaged_tables_become_what_they_were(stage: Stage, dynamodb: Any) -> None:
    before = {name: rows(dynamodb, name) for name in NAMES.values()}
    copies = point_in_time.restore(stage, MOMENT, SILENT)
    assert copies == [point_in_time.copy_name(name, MOMENT) for name in NAMES.values()]
    damage(dynamodb)
    expected = {ORDERS: Difference(ORDERS, 1, 1, 28), LEDGER: Difference(LEDGER, 0, 0, 1)}
    differences = [expected.get(name, Difference(name, 0, 0, 0)) for name in NAMES.values()]
    assert point_in_time.compare(stage, MOMENT) == differences
    assert point_in_time.put_back(stage, MOMENT, SILENT) == differences
    assert {name: rows(dynamodb, name) for name in NAMES.values()} == before
    assert sum(each.rows for each in point_in_time.compare(stage, MOMENT)) == 0


def test_restore_that_is_repeated_leaves_its_copies_alone(stage: Stage, dynamodb: Any) -> None:
    point_in_time.restore(stage, MOMENT, SILENT)
    damage(dynamodb)
    point_in_time.restore(stage, MOMENT, SILENT)
    assert [each.missing for each in point_in_time.compare(stage, MOMENT) if each.table == ORDERS] == [28]


def test_nothing_is_put_back_unless_every_table_has_a_copy(stage: Stage, dynamodb: Any) -> None:
    point_in_time.restore(stage, MOMENT, SILENT)
    dynamodb.delete_table(TableName=point_in_time.copy_name(LEDGER, MOMENT))
    damage(dynamodb)
    before = rows(dynamodb, ORDERS)
    with pytest.raises(UserError, match=f"There is no table at-20261129T200000Z-{LEDGER}"):
        point_in_time.put_back(stage, MOMENT, SILENT)
    assert rows(dynamodb, ORDERS) == before


def test_moment_that_dynamodb_refuses_is_named(stage: Stage, dynamodb: Any) -> None:
    class Refusing:
        def restore_table_to_point_in_time(self, **_: object) -> None:
            said = {"Code": "InvalidRestoreTimeException", "Message": "out of the window"}
            raise ClientError({"Error": said}, "RestoreTableToPointInTime")

    stage.fakes["dynamodb"] = Refusing()
    with pytest.raises(UserError, match=f"cannot restore {min(NAMES.values())} to {TEXT}: out of the window") as refused:
        point_in_time.restore(stage, MOMENT, SILENT)
    assert "last 35 days" in refused.value.hint


def test_dropped_copies_are_gone(stage: Stage, dynamodb: Any) -> None:
    copies = point_in_time.restore(stage, MOMENT, SILENT)
    assert point_in_time.drop(stage, MOMENT) == copies
    assert point_in_time.drop(stage, MOMENT) == []
    assert sorted(dynamodb.list_tables()["TableNames"]) == sorted(NAMES.values())


def test_commands_restore_compare_put_back_and_drop(stage: Stage, dynamodb: Any) -> None:
    assert "at-20201129T200000Z-" in orderctl(tables.app, stage, "restore", LONG_AGO).output
    damage(dynamodb)
    with pytest.raises(CheckFailedError, match="in 31 rows"):
        orderctl(tables.app, stage, "compare", LONG_AGO)
    found = orderctl_json(tables.app, stage, "put-back", LONG_AGO, "--yes")
    orders = next(each for each in found if each["table"] == ORDERS)
    assert (orders["missing"], orders["changed"], orders["added"]) == (28, 1, 1)
    assert orderctl(tables.app, stage, "compare", LONG_AGO).exit_code == 0
    assert orderctl(tables.app, stage, "drop", LONG_AGO, "--yes").output.count("at-20201129T200000Z") == len(NAMES)


def test_put_back_that_is_declined_changes_nothing(stage: Stage, dynamodb: Any) -> None:
    orderctl(tables.app, stage, "restore", LONG_AGO)
    damage(dynamodb)
    before = rows(dynamodb, ORDERS)
    assert orderctl(tables.app, stage, "put-back", LONG_AGO, stdin="n\n").exit_code == 1
    assert rows(dynamodb, ORDERS) == before


@pytest.mark.parametrize("text", ["2999-01-01T00:00:00Z", "2026-11-29T20:00:00", "yesterday"])
def test_moment_to_come_or_without_a_zone_is_refused(stage: Stage, text: str) -> None:
    with pytest.raises(UserError, match=text):
        orderctl(tables.app, stage, "restore", text)
