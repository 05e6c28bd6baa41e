"""The simulation stands up what the templates deploy: functions and their settings, queues, streams, rules."""

import pytest

from services.shipping.functions.sweeper import LEFT_TO_THE_QUEUE
from simulation.engine.capacity import Index
from simulation.engine.streams import BATCH, MAX_RETRIES, SHARDS
from simulation.stage import deployment, meter
from simulation.stage.deployment import SUBSCRIPTIONS, Deployed
from tests.infrastructure.templates import Assembly

REFERENCES = {
    "TABLE_NAME",
    "LEDGER_TABLE_NAME",
    "BUS_NAME",
    "WORKFLOW_ARN",
    "CONTACT_FUNCTION_ARN",
    "CARRIER_WEBHOOK_SECRET_ARN",
    "RECEIPT_KEY_ARN",
    "CONFIGURATION_SET",
    "QUEUE_URL",
    "DEAD_LETTER_QUEUE_URL",
}
"""Variables that name other resources: a name here, a reference there."""
NAMED_AFTER_ITS_STAGE = {"STAGE", "POWERTOOLS_METRICS_NAMESPACE"}
OF_ITS_OWN = {"BACK_ORDERED_FOR_SECONDS", "OUTBOX_PASS_MINUTES", "SWEEP_AT_ONCE"}
"""Settings that differ in the simulation: a world comes to rest, and a pass over a table takes more than one sweep.

The simulation has no threads: two of its sweeps run at once instead.
"""


@pytest.mark.parametrize("deployed", deployment.functions(), ids=lambda deployed: deployed.name)
def test_a_function_has_the_settings_it_is_deployed_with(assembly: Assembly, deployed: Deployed) -> None:
    properties = assembly.function(deployed.service, deployed.module).properties
    assert properties["Timeout"] == deployed.timeout_seconds
    variables = properties["Environment"]["Variables"]
    assert variables.keys() == deployed.environ.keys()
    same = variables.keys() - REFERENCES - NAMED_AFTER_ITS_STAGE - OF_ITS_OWN
    assert {name: variables[name] for name in same} == {name: deployed.environ[name] for name in same}


def test_every_function_that_handles_orders_is_simulated(assembly: Assembly) -> None:
    handlers = {
        resource.properties["Handler"]
        for service in deployment.SWEEPERS
        for resource in assembly.resources("Lambda::Function", service=service)
    }
    assert {f"services.{f.service}.functions.{f.module}.handler" for f in deployment.functions()} == handlers


def test_queues_are_as_deployed(assembly: Assembly) -> None:
    settings = deployment.constructs("subscription")
    timeouts = {deployed.name: deployed.timeout_seconds for deployed in deployment.functions()}
    for subscribed in SUBSCRIPTIONS:
        queue = assembly.one("SQS::Queue", subscribed.service, f"{subscribed.name.capitalize()}SubscriptionQueue").properties
        timeout = timeouts[f"{subscribed.service}-{subscribed.module}"]
        assert queue["VisibilityTimeout"] == settings["VISIBILITY_IN_TIMEOUTS"] * timeout
        assert queue.get("DelaySeconds", 0) == subscribed.delay_seconds
        assert queue["RedrivePolicy"]["maxReceiveCount"] == settings["MAX_RECEIVES"]
    batches = sorted(
        mapping.properties["BatchSize"]
        for mapping in assembly.resources("Lambda::EventSourceMapping")
        if "StartingPosition" not in mapping.properties and mapping.service in deployment.SWEEPERS
    )
    assert batches == sorted(subscribed.batch for subscribed in SUBSCRIPTIONS)


def test_sweep_leaves_shipments_to_the_queue_for_as_long_as_simulated() -> None:
    assert LEFT_TO_THE_QUEUE.total_seconds() == deployment.LEFT_TO_THE_QUEUE_SECONDS


def test_streams_are_as_deployed(assembly: Assembly) -> None:
    mappings = [
        mapping.properties
        for mapping in assembly.resources("Lambda::EventSourceMapping")
        if "StartingPosition" in mapping.properties and mapping.service in deployment.SWEEPERS
    ]
    assert len(mappings) == len(deployment.SWEEPERS)
    for mapping in mappings:
        assert (mapping["BatchSize"], mapping["MaximumRetryAttempts"]) == (BATCH, MAX_RETRIES)
        assert mapping.get("ParallelizationFactor", 1) <= SHARDS, "a stream has shards of its own, so there may be more"
        assert mapping["BisectBatchOnFunctionError"] is True
        assert mapping["MaximumBatchingWindowInSeconds"] == deployment.constructs("outbox")["GATHER_SECONDS"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_start_rule_gives_the_workflow_what_the_simulation_does(assembly: Assembly) -> None:
    (target,) = assembly.one("Events::Rule", "order", "Start").properties["Targets"]
    transformer = target["InputTransformer"]
    given = deployment.infrastructure("order")["START_INPUT"]
    assert set(transformer["InputPathsMap"].values()) == {path for path in given.values() if path.startswith("$.")}


def test_indexes_that_the_meter_counts_are_as_deployed(assembly: Assembly) -> None:
    for service, metered in meter.indexes().items():
        table = assembly.one("DynamoDB::Table", service, "Table").properties
        deployed = {
            index["IndexName"]: Index(
                *(key["AttributeName"] for key in index["KeySchema"]),
                tuple(index["Projection"].get("NonKeyAttributes", ())),
            )
            for index in table["GlobalSecondaryIndexes"]
        }
        assert metered == deployed
