"""The tables that a destroyed stack has left: found by their names, and taken up only if there is no doubt which."""

import json
from pathlib import Path
from typing import Any

import pytest

from operations.deploy import retained_tables
from operations.deploy.retained_tables import RetainedTable
from operations.errors import UserError
from tests.support.tables import create_table
from tests.unit.orderctl.conftest import Stage

STACK, LOGICAL = "OrderflowProd-Payment", "TableCD117FA1"


def left(suffix: str, logical_id: str = LOGICAL) -> RetainedTable:
    return RetainedTable(logical_id, f"{STACK}-{logical_id}-{suffix}", "2026-11-01 10:00", 12)


def test_retained_tables_are_found_in_the_template(tmp_path: Path) -> None:
    resources = {
        LOGICAL: {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain"},
        "Short": {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Delete"},
        "Log": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain"},
    }
    (tmp_path / f"{STACK}.template.json").write_text(json.dumps({"Resources": resources}))
    assert retained_tables.logical_ids(tmp_path, STACK) == [LOGICAL]


def test_a_table_is_found_by_the_name_that_cloudformation_gave_it(dynamodb: Any) -> None:
    create_table(dynamodb, f"{STACK}-{LOGICAL}-1ABC")
    create_table(dynamodb, f"{STACK}-SandboxLedger99-1ABC")
    create_table(dynamodb, f"OrderflowProd2-Payment-{LOGICAL}-1ABC")
    dynamodb.put_item(TableName=f"{STACK}-{LOGICAL}-1ABC", Item={"pk": {"S": "PAY#1"}})
    (found,) = retained_tables.find(Stage(stage="prod"), STACK, [LOGICAL])
    assert (found.logical_id, found.name, found.rows) == (LOGICAL, f"{STACK}-{LOGICAL}-1ABC", 1)
    assert retained_tables.find(Stage(stage="prod"), STACK, ["Other"]) == []


def test_one_table_for_each_logical_id_is_taken_up() -> None:
    chosen = retained_tables.choose([left("1"), left("1", "Ledger")], [])
    assert json.loads(retained_tables.resource_mapping(chosen)) == {
        LOGICAL: {"TableName": f"{STACK}-{LOGICAL}-1"},
        "Ledger": {"TableName": f"{STACK}-Ledger-1"},
    }


def test_several_tables_need_the_choice_of_the_operator() -> None:
    with pytest.raises(UserError, match=r"Several tables of TableCD117FA1 were kept: .*-1 .*12 rows.*-2 ") as refused:
        retained_tables.choose([left("1"), left("2")], [])
    assert "--take-up" in refused.value.hint
    assert retained_tables.choose([left("1"), left("2")], [left("2").name]) == {LOGICAL: left("2")}
