"""The rules of the house, on every resource of every stack."""

from collections import Counter

import pytest

import stages
from kernel.naming import DUE_INDEX, PENDING_INDEX, SERVICES, facts_function_name
from services.order.storage.indexes import CUSTOMER_INDEX
from tests.infrastructure.conftest import LASTING
from tests.infrastructure.templates import Assembly, Resource, listed, referred, texts
from tests.support.consumers import SUBSCRIPTIONS

PHYSICAL_NAMES = {
    "Lambda::Function": "FunctionName",
    "DynamoDB::Table": "TableName",
    "SQS::Queue": "QueueName",
    "SNS::Topic": "TopicName",
    "IAM::Role": "RoleName",
    "Logs::LogGroup": "LogGroupName",
    "Events::Rule": "Name",
    "Events::Archive": "ArchiveName",
    "StepFunctions::StateMachine": "StateMachineName",
    "CloudWatch::Alarm": "AlarmName",
    "S3::Bucket": "BucketName",
    "KinesisFirehose::DeliveryStream": "DeliveryStreamName",
}
WITHOUT_RESOURCES = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}
"""Actions of X-Ray and of vended logs that AWS defines without resources to name."""
ON_ALL_STREAMS_OF_A_TABLE = {"dynamodb:ListStreams"}
ON_OBJECTS_OF_A_PREFIX = {"s3:PutObject", "s3:AbortMultipartUpload"}


def service_tables(assembly: Assembly) -> list[Resource]:
    tables = assembly.resources("DynamoDB::Table")
    return [table for table in tables if table.id.startswith("Table") and table.service in SERVICES]


def test_every_stack_is_synthesized(assembly: Assembly) -> None:
    assert set(assembly.templates) == {"platform", *SERVICES, "audit", "journal"}


def test_only_facts_functions_have_physical_names(assembly: Assembly) -> None:
    named = {str(r): r.properties.get(PHYSICAL_NAMES[r.type]) for r in assembly.resources(*PHYSICAL_NAMES)}
    asked = {facts_function_name("dev", service) for service in SERVICES}
    assert {resource: name for resource, name in named.items() if name and name not in asked} == {}


def test_everything_is_tagged_with_its_stage_and_service(assembly: Assembly) -> None:
    for resource in assembly.resources("Lambda::Function", "DynamoDB::Table", "SQS::Queue", "IAM::Role"):
        tags = {tag["Key"]: tag["Value"] for tag in resource.properties["Tags"]}
        assert tags == {"orderflow:stage": "dev", "orderflow:service": resource.service}, resource


def test_each_function_has_a_role_and_a_log_of_its_own(assembly: Assembly) -> None:
    for service in SERVICES:
        functions = assembly.resources("Lambda::Function", service=service)
        roles = [referred(function.properties["Role"]) for function in functions]
        logs = [referred(function.properties["LoggingConfig"]["LogGroup"]) for function in functions]
        assert len(set(roles)) == len(set(logs)) == len(functions)
        assert len(functions) >= 3
        for log in assembly.resources("Logs::LogGroup", service=service):
            assert log.properties["RetentionInDays"] == 30, log


def test_functions_are_as_bundled_traced_and_not_throttled(assembly: Assembly) -> None:
    for function in assembly.resources("Lambda::Function"):
        properties = function.properties
        assert properties["Runtime"] == "python3.13", function
        assert properties["Architectures"] == ["arm64"], function
        assert properties["MemorySize"] >= 512, function
        assert properties["TracingConfig"] == {"Mode": "Active"}, function
        assert properties["LoggingConfig"]["LogFormat"] == "JSON", function
        assert "ReservedConcurrentExecutions" not in properties, function


def test_roles_name_their_actions(assembly: Assembly) -> None:
    for policy in assembly.resources("IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            assert not [action for action in listed(statement["Action"]) if "*" in action], policy


def test_roles_name_their_resources(assembly: Assembly) -> None:
    for policy in assembly.resources("IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            actions = set(listed(statement["Action"]))
            wild = [text for text in texts(statement["Resource"]) if "*" in text]
            if actions <= WITHOUT_RESOURCES:
                assert wild == ["*"], policy
            elif actions <= ON_ALL_STREAMS_OF_A_TABLE:
                assert wild == ["/stream/*"], policy
            elif actions <= ON_OBJECTS_OF_A_PREFIX:
                assert wild == ["/events/*", "/errors/*"], policy
            else:
                assert wild == [], f"{policy}: {sorted(actions)} on {wild}"


def test_roles_have_no_managed_policies(assembly: Assembly) -> None:
    assert [str(role) for role in assembly.resources("IAM::Role") if "ManagedPolicyArns" in role.properties] == []


def test_each_queue_has_a_dead_letter_queue_or_is_one(assembly: Assembly) -> None:
    for service in SERVICES:
        queues = assembly.resources("SQS::Queue", service=service)
        redriven = {queue.id: queue.properties["RedrivePolicy"] for queue in queues if "RedrivePolicy" in queue.properties}
        ends = {queue.id for queue in queues} - set(redriven)
        for policy in redriven.values():
            assert referred(policy["deadLetterTargetArn"]) in ends
            assert policy["maxReceiveCount"] == 10
        for queue in queues:
            assert "DeadLetters" in queue.id if queue.id in ends else "Queue" in queue.id
            assert queue.properties["SqsManagedSseEnabled"] is True, queue
            days = queue.properties["MessageRetentionPeriod"] / (24 * 3600)
            assert days == (14 if queue.id in ends else 7), f"{queue}: a message takes its age along into the dead letters"


def test_queues_refuse_requests_without_tls(assembly: Assembly) -> None:
    policed = {
        (policy.service, referred(queue))
        for policy in assembly.resources("SQS::QueuePolicy")
        for queue in policy.properties["Queues"]
        if any(
            statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for statement in policy.properties["PolicyDocument"]["Statement"]
        )
    }
    assert policed == {(queue.service, queue.id) for queue in assembly.resources("SQS::Queue")}


def test_each_service_has_one_table_that_streams_its_new_images(assembly: Assembly) -> None:
    tables = service_tables(assembly)
    assert {table.service for table in tables} == set(SERVICES)
    assert len(tables) == len(SERVICES)
    for table in tables:
        assert table.properties["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}], table
        assert table.properties["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}, table


def test_no_rows_expire(assembly: Assembly) -> None:
    """So whatever a consumer dedupes by outlives the archive: it is a row of a table, and rows stay."""
    expiring = {
        table.service for table in assembly.resources("DynamoDB::Table") if "TimeToLiveSpecification" in table.properties
    }
    assert expiring == set()


def test_every_table_can_be_recovered(assembly: Assembly) -> None:
    for table in assembly.resources("DynamoDB::Table"):
        assert table.properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}, table
        assert table.properties["BillingMode"] == "PAY_PER_REQUEST", table
        assert table.properties["SSESpecification"] == {"SSEEnabled": True}, table


def test_tables_have_the_sparse_indexes_their_sweepers_read(assembly: Assembly) -> None:
    pending, due = (PENDING_INDEX, "pending_shard", "pending_since"), (DUE_INDEX, "due_shard", "next_due")
    for table in service_tables(assembly):
        indexes = table.properties["GlobalSecondaryIndexes"]
        found = {(i["IndexName"], i["KeySchema"][0]["AttributeName"], i["KeySchema"][1]["AttributeName"]) for i in indexes}
        for_people = {index for index in found if index[0] == CUSTOMER_INDEX}
        assert {pending} <= found - for_people <= {pending, due}, table
        assert all(index["Projection"] == {"ProjectionType": "KEYS_ONLY"} for index in indexes), table
        queried = {
            text.removeprefix("/index/")
            for statement in assembly.statements(assembly.function(table.service, "sweeper"))
            if statement["Action"] == "dynamodb:Query"
            for text in texts(statement["Resource"])
            if text.startswith("/index/")
        }
        assert queried == {name for name, _, _ in found - for_people}, table


def test_index_by_customer_sorts_by_the_time_of_the_order(assembly: Assembly) -> None:
    (index,) = [
        index
        for table in service_tables(assembly)
        for index in table.properties["GlobalSecondaryIndexes"]
        if index["IndexName"] == CUSTOMER_INDEX
    ]
    assert [key["AttributeName"] for key in index["KeySchema"]] == ["customer_id", "created_at"]


@pytest.mark.parametrize("kind", ["DynamoDB::Table", "Events::Archive", "S3::Bucket"])
def test_only_dev_deletes_data_with_its_stack(assembly: Assembly, lasting: Assembly, kind: str) -> None:
    assert {resource.entry["DeletionPolicy"] for resource in assembly.resources(kind)} == {"Delete"}
    for resource in lasting.resources(kind):
        assert resource.entry["DeletionPolicy"] == resource.entry["UpdateReplacePolicy"] == "Retain", resource
        assert resource.properties.get("DeletionProtectionEnabled", True) is True, resource


def test_each_mapping_reports_the_messages_that_failed(assembly: Assembly) -> None:
    mappings = assembly.resources("Lambda::EventSourceMapping")
    streams, subscriptions, audit = len(SERVICES), len(SUBSCRIPTIONS), 1
    assert len(mappings) == streams + subscriptions + audit
    for mapping in mappings:
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"], mapping


def test_no_backlog_of_events_takes_all_instances(assembly: Assembly) -> None:
    limits = Counter(
        mapping.properties["ScalingConfig"]["MaximumConcurrency"]
        for mapping in assembly.resources("Lambda::EventSourceMapping")
        if "StartingPosition" not in mapping.properties and mapping.service in SERVICES
    )
    dev = stages.load("dev")
    assert limits == Counter([dev.booking_concurrency, *[dev.consumer_concurrency] * (len(SUBSCRIPTIONS) - 1)])


def test_webhooks_leave_instances_to_the_saga(assembly: Assembly, lasting: Assembly) -> None:
    limit = {"ThrottlingRateLimit": 100, "ThrottlingBurstLimit": 200}
    found = [stage.properties.get("RouteSettings") for stage in lasting.resources("ApiGatewayV2::Stage")]
    assert [settings for settings in found if settings] == [{"POST /webhooks/stripe": limit}, {"POST /webhooks/carrier": limit}]
    reserved = {
        f"{function.service}.{function.properties['Handler'].split('.')[-2]}": function.properties[
            "ReservedConcurrentExecutions"
        ]
        for function in lasting.resources("Lambda::Function")
        if "ReservedConcurrentExecutions" in function.properties
    }
    assert reserved == dict.fromkeys(("payment.webhook", "shipping.webhook"), LASTING.webhook_concurrency)


def test_a_message_stays_hidden_for_six_times_its_functions_time_out(assembly: Assembly) -> None:
    for mapping in assembly.resources("Lambda::EventSourceMapping"):
        if "StartingPosition" in mapping.properties:
            continue
        resources = {r.id: r for r in assembly.resources(service=mapping.service)}
        queue = resources[referred(mapping.properties["EventSourceArn"])]
        function = resources[referred(mapping.properties["FunctionName"])]
        assert queue.properties["VisibilityTimeout"] == 6 * function.properties["Timeout"], mapping


def test_no_stack_exports_to_another_or_names_an_account_or_region(assembly: Assembly) -> None:
    for service, template in assembly.templates.items():
        assert not [output for output in template.get("Outputs", {}).values() if "Export" in output], service
        assert "Fn::ImportValue" not in str(template), service
        assert not [text for text in texts(template) if "us-east-1" in text or "000000000000" in text], service
