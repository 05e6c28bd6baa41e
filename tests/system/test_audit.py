"""The scheduled auditor on the laptop, invoked as its schedule does."""

from audit.tables import STATE_KEY
from kernel.naming import stack_name
from operations.aws import service_client
from tests.system.conftest import Laptop
from tests.system.test_replay import some_history


def test_the_auditor_passes_over_all_rows_and_finds_nothing(laptop: Laptop) -> None:
    some_history(laptop)
    rows = sum(
        len(laptop.rows(f"{table}/table-name")) for table in ("order", "payment", "inventory", "shipping", "notification")
    )
    forget_the_pass(laptop)
    answer = service_client.invoke(laptop.target, "audit/function-arn", {})
    assert answer["rows"] >= rows
    assert answer["findings"] == 0


def forget_the_pass(laptop: Laptop) -> None:
    """Delete what the auditor keeps: its schedule may just have ended a pass, and then the next one is not due yet."""
    stack = laptop.target.client("cloudformation").list_stack_resources(StackName=stack_name(laptop.target.stage, "audit"))
    (table,) = (
        resource["PhysicalResourceId"]
        for resource in stack["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::DynamoDB::Table"
    )
    laptop.target.client("dynamodb").delete_item(TableName=table, Key={"pk": {"S": STATE_KEY}})
