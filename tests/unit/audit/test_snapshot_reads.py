"""Snapshots read from tables: whole, page by page, with every number as the row has it."""

from decimal import Decimal
from typing import Any

from audit.row_faults import faults_of
from audit.snapshot import read_snapshot
from audit.tables import LEDGER, TABLES
from tests.support.tables import create_ledger, create_table

NAMES = {table: f"the-{table}-table" for table in TABLES}


def create_tables(client: Any) -> None:
    for table, name in NAMES.items():
        (create_ledger if table == LEDGER else create_table)(client, name)


def test_reading_returns_every_row_of_every_table(dynamodb: Any) -> None:
    create_tables(dynamodb)
    filler = "x" * 300_000
    for number in range(8):
        dynamodb.put_item(TableName=NAMES["order"], Item={"pk": {"S": f"ORDER#{number}"}, "note": {"S": filler}})
    dynamodb.put_item(TableName=NAMES[LEDGER], Item={"pk": {"S": "ord-1"}, "sk": {"S": "void"}})
    snapshot = read_snapshot(dynamodb, NAMES, {"order/intake-dlq-url": 2})
    assert len(snapshot.order) == 8
    assert snapshot.ledger == [{"pk": "ord-1", "sk": "void"}]
    assert snapshot.dead_letters == {"order/intake-dlq-url": 2}


def test_reading_does_not_round_a_fraction(dynamodb: Any) -> None:
    create_tables(dynamodb)
    item = {"pk": {"S": "PRICE#MUG"}, "sku": {"S": "MUG"}, "amount": {"N": "12.5"}, "currency": {"S": "USD"}}
    dynamodb.put_item(TableName=NAMES["order"], Item=item)
    [row] = read_snapshot(dynamodb, NAMES).order
    assert row["amount"] == Decimal("12.5")
    assert [finding.what for finding in faults_of("order", row)] == ["amount is malformed"]


def test_row_that_moves_during_the_reading_is_read_again(dynamodb: Any) -> None:
    create_tables(dynamodb)
    for order, moment in (("old", "2020-01-01T00:00:00.000Z"), ("new", "2999-01-01T00:00:00.000Z")):
        dynamodb.put_item(TableName=NAMES["inventory"], Item={"pk": {"S": f"RES#{order}"}, "updated_at": {"S": moment}})
    assert [row["pk"] for row in read_snapshot(dynamodb, NAMES).moved_since] == ["RES#new"]
