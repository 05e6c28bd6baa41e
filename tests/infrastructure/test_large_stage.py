"""A large stage amid its upgrade: tables that bear its writes at once, sweeps in rules of at most five targets, two indexes."""

from dataclasses import replace

import pytest

import stages
from cdk.constructs.outbox import MOST_TARGETS
from operations.economics import capacity
from tests.infrastructure.conftest import synthesize
from tests.infrastructure.templates import Assembly

WRITES, SWEEPERS = stages.CAPACITIES["large"]["table_writes"], 7
STAGE = replace(stages.load("dev"), **{**stages.CAPACITIES["large"], "sweepers": SWEEPERS, "keep_customer_index": True})


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesize(tmp_path_factory.mktemp("synth") / "cdk.out", STAGE)


def test_tables_and_their_indexes_bear_the_writes_at_once(large: Assembly) -> None:
    reads = capacity.limits("us-east-1").quotas["dynamodb.table_reads"]
    tables = [table.properties for table in large.resources("DynamoDB::Table")]
    warm = [part["WarmThroughput"] for table in tables for part in (table, *table.get("GlobalSecondaryIndexes", ()))]
    assert len(warm) >= 2 * len(capacity.SERVICES)
    assert all(part == {"ReadUnitsPerSecond": reads, "WriteUnitsPerSecond": WRITES} for part in warm)


def test_index_of_version_0_2_stays_beside_the_new_one(large: Assembly, assembly: Assembly) -> None:
    """DynamoDB makes or deletes one index of a table in an update, and changes none."""
    found = [
        {index["IndexName"]: index["Projection"] for index in table.properties["GlobalSecondaryIndexes"]}
        for stage in (large, assembly)
        for table in stage.resources("DynamoDB::Table", service="order")
    ]
    kept = {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": ["order_id", "status", "fulfilment", "total", "updated_at"],
    }
    assert [indexes.get("customer") for indexes in found] == [kept, None]
    assert all(indexes["by_customer"] == {"ProjectionType": "KEYS_ONLY"} for indexes in found)


def test_tables_of_other_stages_have_the_units_of_dynamodb(assembly: Assembly) -> None:
    assert all("WarmThroughput" not in table.properties for table in assembly.resources("DynamoDB::Table"))


def test_queues_and_webhooks_may_take_more_instances(large: Assembly) -> None:
    mappings = [mapping.properties for mapping in large.resources("Lambda::EventSourceMapping")]
    assert {mapping["ScalingConfig"]["MaximumConcurrency"] for mapping in mappings if "ScalingConfig" in mapping} == {500}
    settings = [api.properties["RouteSettings"] for api in large.resources("ApiGatewayV2::Stage", service="shipping")]
    assert settings == [{"POST /webhooks/carrier": {"ThrottlingRateLimit": 2000, "ThrottlingBurstLimit": 4000}}]


@pytest.mark.parametrize("service", capacity.SERVICES)
def test_each_share_is_swept_each_minute(large: Assembly, service: str) -> None:
    rules = [rule.properties for rule in large.resources("Events::Rule", service=service)]
    inputs = [
        [target["Input"] for target in rule["Targets"]] for rule in rules if rule.get("ScheduleExpression") == "rate(1 minute)"
    ]
    sweepers = SWEEPERS if service in capacity.FANNED_OUT else 1
    assert all(len(targets) <= MOST_TARGETS for targets in inputs)
    assert len({text for targets in inputs for text in targets}) == sweepers
