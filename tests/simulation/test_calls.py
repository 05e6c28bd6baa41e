"""The AWS calls of simulated worlds: what each needs, and that the record has neither more nor fewer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from operations.permissions import recorded
from operations.permissions.recorded import Call
from simulation.stage.calls import asked, prefix_of

REPOSITORY = Path(__file__).parents[2]
WORLDS = "1"
"""Of each kind of stage, without a trouble that lasts; `make simulate-calls` runs more, with each trouble."""


def compared(*options: str) -> str:
    """Compare the calls of worlds with the record, and return the differences."""
    command = [sys.executable, "-m", "simulation", "calls", *options]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == bool(done.stdout), done.stderr
    return done.stdout


@pytest.mark.timeout(900)
def test_short_run_makes_no_call_that_is_not_recorded() -> None:
    """A call that is new needs a permission, so record all calls again."""
    assert compared("--worlds", WORLDS, "--seed", "2") == ""


@pytest.mark.timeout(1800)
def test_recorded_calls_are_those_that_the_functions_make() -> None:
    """The worlds of the record: a call that no function makes any more would leave a permission that is unused."""
    assert compared() == ""


def test_transaction_needs_the_permission_of_each_action() -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html."""
    write, ledger = {"TableName": "payment", "Key": {"pk": {"S": "PAY#1"}}}, {"TableName": "payment-ledger"}
    actions = [
        {"Update": write},
        {"Delete": write},
        {"Put": {**ledger, "Item": {"pk": {"S": "ord-1"}}}},
        {"ConditionCheck": {**ledger, "Key": {"pk": {"S": "ord-1"}}}},
    ]
    assert list(asked("dynamodb", "TransactWriteItems", {"TransactItems": actions}, {})) == [
        ("dynamodb:UpdateItem", "table payment", "PAY#"),
        ("dynamodb:DeleteItem", "table payment", "PAY#"),
        ("dynamodb:PutItem", "table payment/ledger", ""),
        ("dynamodb:ConditionCheckItem", "table payment/ledger", ""),
    ]


def test_scan_needs_every_attribute_that_its_expressions_name() -> None:
    request = {
        "TableName": "order",
        "ProjectionExpression": "pk",
        "FilterExpression": "pending_since <= :before AND attribute_not_exists(pending_shard)",
    }
    assert list(asked("dynamodb", "Scan", request, {})) == [("dynamodb:Scan", "table order", "pending_shard pending_since pk")]
    assert list(asked("dynamodb", "Scan", {"TableName": "order"}, {})) == [("dynamodb:Scan", "table order", "")]


def test_query_of_an_index_needs_the_index_alone() -> None:
    request = {"TableName": "order", "IndexName": "due"}
    assert list(asked("dynamodb", "Query", request, {})) == [("dynamodb:Query", "index order/due", "")]


def test_each_entry_of_a_call_needs_its_event() -> None:
    entries = [{"Source": "orderflow.order", "DetailType": name} for name in ("OrderPlaced", "OrderConfirmed")]
    assert [only for _, _, only in asked("events", "PutEvents", {"Entries": entries}, {})] == [
        "orderflow.order OrderPlaced",
        "orderflow.order OrderConfirmed",
    ]


def test_mail_from_another_address_is_another_permission() -> None:
    variables = {"SENDER_ADDRESS": "shop@example.com"}
    ours, other = ({"FromEmailAddress": address} for address in ("shop@example.com", "eve@example.com"))
    assert [list(asked("sesv2", "SendEmail", mail, variables)) for mail in (ours, other)] == [
        [("ses:SendEmail", "mail identity", recorded.FROM_THE_SENDER)],
        [("ses:SendEmail", "mail identity", "any")],
    ]


@pytest.mark.parametrize(("service", "operation"), [("dynamodb", "DeleteTable"), ("s3", "GetObject"), ("sqs", "PurgeQueue")])
def test_unknown_call_is_refused(service: str, operation: str) -> None:
    with pytest.raises(ValueError, match="is not known"):
        list(asked(service, operation, {}, {}))


@pytest.mark.parametrize(
    ("key", "prefix"), [("ORDER#ord-1", "ORDER#"), ("NOTE#ord-1#confirmed", "NOTE#"), ("PASS#2", "PASS#2"), ("ord-1", "")]
)
def test_prefix_of_a_key_is_its_kind(key: str, prefix: str) -> None:
    assert prefix_of({"pk": {"S": key}}) == prefix


def test_written_file_is_read_as_it_was(tmp_path: Path) -> None:
    calls = {
        "sandbox": {Call("order/api", "dynamodb:GetItem", "table order", "ORDER#")},
        "adapters": {Call("order/saga", "lambda:InvokeFunction", "function order/commands")},
    }
    (tmp_path / "calls.json").write_text(recorded.as_text(calls), encoding="utf-8")
    assert recorded.load(tmp_path / "calls.json") == calls
