"""Each gap of the engine, seen without its extension and closed with it (see `laptop/emulator/extensions`)."""

import base64
import copy
import gzip
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from laptop.emulator.extensions.api_turns import AT_ONCE as API_AT_ONCE
from laptop.emulator.extensions.delivery_streams import GATHERING_SECONDS
from laptop.emulator.extensions.express_workflows import AT_ONCE
from laptop.emulator.extensions.log_lines import ENGINES_OWN
from laptop.emulator.extensions.queue_concurrency import AT_ONCE as QUEUE_AT_ONCE
from operations.aws import signed_http
from tests.emulator.conftest import Engine
from tests.support import deployment
from tests.support.polling import eventually

pytestmark = pytest.mark.system


def test_cloudformation_creates_the_archive(engine: Engine) -> None:
    resources = {
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "archived"}},
        "Archive": {
            "Type": "AWS::Events::Archive",
            "Properties": {
                "ArchiveName": "all",
                "SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]},
                "EventPattern": {"source": [{"prefix": "orderflow."}], "replay-name": [{"exists": False}]},
                "RetentionDays": 30,
                "KmsKeyIdentifier": "",
            },
        },
    }
    outputs = {"Arn": {"Fn::GetAtt": ["Archive", "Arn"]}, "Name": {"Ref": "Archive"}}
    engine.shows(deployment.deploys(engine.target, "archive", resources, outputs), "AWS::Events::Archive")
    if engine.extended:
        archive = engine.target.client("events").describe_archive(ArchiveName="all")
        assert archive["RetentionDays"] == 30
        assert json.loads(archive["EventPattern"])["source"] == [{"prefix": "orderflow."}]
        engine.target.client("cloudformation").delete_stack(StackName="archive")
        eventually(
            lambda: not engine.target.client("events").list_archives(NamePrefix="all")["Archives"], 240, "archive is gone"
        )


def test_reference_to_a_secret_is_its_arn(engine: Engine) -> None:
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Description": "a key"}}
    outputs = {"Reference": {"Ref": "Secret"}}
    found = deployment.stack(engine.target, "keeps-a-secret", {"Secret": secret}, outputs)["Reference"]
    client = engine.target.client("secretsmanager")
    arn = client.describe_secret(SecretId=found)["ARN"]
    engine.shows(found == arn, "the reference to a secret")
    changed = {**secret, "Properties": {"Description": "another key"}}
    template = {"Resources": {"Secret": changed}, "Outputs": {"Reference": {"Value": outputs["Reference"]}}}
    cloudformation = engine.target.client("cloudformation")
    cloudformation.update_stack(StackName="keeps-a-secret", TemplateBody=json.dumps(template))
    eventually(lambda: client.describe_secret(SecretId=arn)["Description"] == "another key", 20, "the secret is changed")
    cloudformation.delete_stack(StackName="keeps-a-secret")
    eventually(lambda: not client.list_secrets()["SecretList"], 20, "the secret is gone")


def test_a_handlers_exception_names_the_error(engine: Engine) -> None:
    source = "class StockUnknown(Exception): pass\ndef handler(event, context): raise StockUnknown('no such thing')"
    arn = deployment.function(engine.target, "raises", source)
    states = {
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": arn, "Payload": {}},
            "Catch": [{"ErrorEquals": ["StockUnknown"], "Next": "Caught", "Output": "{% $states.errorOutput %}"}],
            "End": True,
        },
        "Caught": {"Type": "Pass", "End": True},
    }
    workflow = deployment.workflow(engine.target, "catches", {"StartAt": "Call", "States": states})
    answer = deployment.run(engine.target, workflow)
    engine.shows(answer["status"] == "SUCCEEDED", "the exception's class is the error's name")
    if engine.extended:
        assert answer["output"]["Error"] == "StockUnknown"
        assert json.loads(answer["output"]["Cause"])["errorMessage"] == "no such thing"


STREAM_HANDLER = """
import os
def handler(event, context):
    with open(os.environ["SEEN"], "a") as seen:
        for record in event["Records"]:
            key = record["dynamodb"]["Keys"]["id"]["S"]
            seen.write(key + "\\n")
            if key == "bad":
                return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}
"""


def test_a_stream_goes_on_from_the_failed_record(engine: Engine, tmp_path: Path) -> None:
    target, seen = engine.target, tmp_path / "seen"
    seen.touch()
    table = target.client("dynamodb").create_table(
        TableName="streamed",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    for key in ("first", "bad", "behind"):
        target.client("dynamodb").put_item(TableName="streamed", Item={"id": {"S": key}})
    url, dead_letters = deployment.queue(target, "stream-dead-letters")
    target.client("lambda").create_event_source_mapping(
        FunctionName=deployment.function(target, "reads-stream", STREAM_HANDLER, SEEN=str(seen)),
        EventSourceArn=table["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        BatchSize=10,
        MaximumRetryAttempts=1,
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": dead_letters}},
    )
    eventually(lambda: "bad" in seen.read_text(), 240, "the batch is read")

    def recovered() -> bool:
        return "behind" in seen.read_text().split()

    if not engine.extended:
        # Nothing to wait for but time: a second pass of the poller, which would bring a retry if there were any.
        _next_batch_arrives(target, seen)
        engine.shows(recovered(), "batchItemFailures of a stream")
        return
    eventually(recovered, 240, "the record behind the bad one is handled")
    # Two splits, to the failed record and then to it alone, and two attempts on it alone.
    assert seen.read_text().split() == ["first", "bad", "bad", "bad", "bad", "behind"]
    (dead,) = eventually(lambda: deployment.drain(target, url), 240, "the bad record is described to the queue")
    assert dead["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert dead["DDBStreamBatchInfo"]["batchSize"] == 1
    assert dead["DDBStreamBatchInfo"]["startSequenceNumber"] == dead["DDBStreamBatchInfo"]["endSequenceNumber"]


def _next_batch_arrives(target: Any, seen: Path) -> None:
    target.client("dynamodb").put_item(TableName="streamed", Item={"id": {"S": "later"}})
    eventually(lambda: "later" in seen.read_text().split(), 240, "the stream goes on")


def test_a_replay_reaches_the_rules_it_names(engine: Engine) -> None:
    target, events = engine.target, engine.target.client("events")
    bus = events.create_event_bus(Name="replayed")["EventBusArn"]
    archive = events.create_archive(ArchiveName="replayed", EventSourceArn=bus)["ArchiveArn"]
    urls, rules = {}, {}
    patterns: dict[str, dict[str, Any]] = {
        "wanted": {"source": ["orderflow.order"]},
        "unwanted": {"source": ["orderflow.order"]},
        "live-only": {"source": ["orderflow.order"], "replay-name": [{"exists": False}]},
    }
    for name, pattern in patterns.items():
        urls[name], arn = deployment.queue(target, f"replay-{name}")
        rules[name] = events.put_rule(Name=name, EventBusName="replayed", EventPattern=json.dumps(pattern))["RuleArn"]
        events.put_targets(Rule=name, EventBusName="replayed", Targets=[{"Id": "queue", "Arn": arn}])
    entry = {"EventBusName": "replayed", "Source": "orderflow.order", "DetailType": "OrderPlaced", "Detail": '{"n": 1}'}
    events.put_events(Entries=[entry])
    live = {name: deployment.drain(target, url) for name, url in urls.items()}
    assert {name: len(found) for name, found in live.items()} == {"wanted": 1, "unwanted": 1, "live-only": 1}
    assert "replay-name" not in live["wanted"][0]

    now = datetime.now(UTC)
    events.start_replay(
        ReplayName="again",
        EventSourceArn=archive,
        EventStartTime=now - timedelta(minutes=5),
        EventEndTime=now + timedelta(minutes=5),
        Destination={"Arn": bus, "FilterArns": [rules["wanted"], rules["live-only"]]},
    )
    eventually(lambda: events.describe_replay(ReplayName="again")["State"] == "COMPLETED", 240, "the replay completes")
    replayed = {name: deployment.drain(target, url) for name, url in urls.items()}
    assert len(replayed["wanted"]) == 1
    assert replayed["wanted"][0]["replay-name"] == "again"
    assert replayed["wanted"][0]["id"] == live["wanted"][0]["id"]
    assert replayed["live-only"] == []
    engine.shows(replayed["unwanted"] == [], "FilterArns of a replay")
    assert events.describe_archive(ArchiveName="replayed")["EventCount"] == 1


def test_undeliverable_event_goes_to_the_dead_letter_queue_of_its_target(engine: Engine) -> None:
    target, events = engine.target, engine.target.client("events")
    url, dead_letters = deployment.queue(target, "rule-dead-letters")
    gone_url, gone = deployment.queue(target, "gone")
    events.create_event_bus(Name="delivering")
    events.put_rule(Name="to-gone", EventBusName="delivering", EventPattern='{"source": ["orderflow.order"]}')
    events.put_targets(
        Rule="to-gone",
        EventBusName="delivering",
        Targets=[{"Id": "queue", "Arn": gone, "DeadLetterConfig": {"Arn": dead_letters}}],
    )
    target.client("sqs").delete_queue(QueueUrl=gone_url)
    entry = {"EventBusName": "delivering", "Source": "orderflow.order", "DetailType": "OrderPlaced", "Detail": "{}"}
    events.put_events(Entries=[entry])
    buried = deployment.drain(target, url)
    engine.shows(len(buried) == 1, "dead-letter queue of a rule's target")
    if engine.extended:
        assert buried[0]["detail-type"] == "OrderPlaced"
        assert buried[0]["_attributes"]["ERROR_CODE"] == "NO_RESOURCE"
        assert buried[0]["_attributes"]["TARGET_ARN"] == gone


def _branch(value: str) -> dict[str, Any]:
    """Return a branch that assigns a variable which the other branches and the parent have too."""
    state = {"Type": "Pass", "Output": value, "Assign": {"mine": value}, "Next": "Last"}
    return {"StartAt": "Only", "States": {"Only": state, "Last": {"Type": "Succeed", "Output": "{% $mine %}"}}}


def test_a_parallel_state_has_an_output(engine: Engine) -> None:
    states = {
        "Begin": {"Type": "Pass", "Assign": {"mine": "outer"}, "Next": "Both"},
        "Both": {
            "Type": "Parallel",
            "Arguments": {"n": 1},
            "Branches": [_branch("left"), _branch("right")],
            "Output": "{% {'joined': $join($states.result, '+')} %}",
            "Assign": {"results": "{% $states.result %}"},
            "Next": "Done",
        },
        "Done": {"Type": "Succeed", "Output": "{% $merge([$states.input, {'kept': $mine, 'assigned': $results}]) %}"},
    }
    workflow = deployment.workflow(engine.target, "parallel", {"StartAt": "Begin", "States": states})
    answer = deployment.run(engine.target, workflow)
    expected = {"joined": "left+right", "kept": "outer", "assigned": ["left", "right"]}
    engine.shows(answer["output"] == expected, "Output, Assign and scope of Parallel and Succeed")


def test_cloudformation_creates_versions_and_aliases_of_workflows(engine: Engine) -> None:
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "A",
        "States": {"A": {"Type": "Pass", "Output": "${Word}", "End": True}},
    }
    resources = {
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": "versioned",
                "StateMachineType": "EXPRESS",
                "RoleArn": deployment.ROLE,
                "DefinitionString": json.dumps(definition),
                "DefinitionSubstitutions": {"Word": "hello"},
            },
        },
        "Version": {
            "Type": "AWS::StepFunctions::StateMachineVersion",
            "Properties": {"StateMachineArn": {"Ref": "Machine"}},
        },
        "Alias": {
            "Type": "AWS::StepFunctions::StateMachineAlias",
            "Properties": {
                "Name": "live",
                "DeploymentPreference": {"Type": "ALL_AT_ONCE", "StateMachineVersionArn": {"Ref": "Version"}},
            },
        },
    }
    taken = deployment.deploys(engine.target, "versions", resources, {"Alias": {"Ref": "Alias"}})
    engine.shows(taken, "AWS::StepFunctions::StateMachineVersion and StateMachineAlias")
    if engine.extended:
        arn = "arn:aws:states:us-east-1:000000000000:stateMachine:versioned:live"
        assert deployment.run(engine.target, arn)["output"] == "hello"


INERT = {
    "Policy": ("AWS::Events::EventBusPolicy", {"StatementId": "own", "Statement": {}}),
    "Registry": ("AWS::EventSchemas::Registry", {"RegistryName": "orderflow"}),
    "Application": ("AWS::CodeDeploy::Application", {"ComputePlatform": "Lambda"}),
    "Scaling": ("AWS::ApplicationAutoScaling::ScalableTarget", {"ResourceId": "function:x:live"}),
    "Composite": ("AWS::CloudWatch::CompositeAlarm", {"AlarmRule": "FALSE"}),
    "Rate": (
        "AWS::CloudWatch::Alarm",
        {
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "Metrics": [{"Id": "rate", "Expression": "errors / calls"}],
        },
    ),
}


@pytest.mark.parametrize("name", sorted(INERT))
def test_inert_resource_type_is_recorded(engine: Engine, name: str) -> None:
    kind, properties = INERT[name]
    resources = {name: {"Type": kind, "Properties": properties}}
    taken = deployment.deploys(engine.target, f"inert-{name}", resources, {"Id": {"Ref": name}})
    engine.shows(taken, kind)


def http_api(engine: Engine, name: str, function: str, route: str) -> dict[str, str]:
    """Deploy an HTTP API with one route, which takes signed requests only. Return its `Id`, and the `Url` that it publishes."""
    api = {"Ref": "Api"}
    resources = {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": name, "ProtocolType": "HTTP"}},
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": api,
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": function,
                "PayloadFormatVersion": "2.0",
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": api,
                "RouteKey": route,
                "AuthorizationType": "AWS_IAM",
                "Target": {"Fn::Sub": "integrations/${Integration}"},
            },
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": api, "StageName": "$default", "AutoDeploy": True},
        },
    }
    return deployment.stack(engine.target, name, resources, {"Url": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}, "Id": api})


def test_an_http_api_has_an_address_that_resolves(engine: Engine) -> None:
    echo = "import json\ndef handler(event, context): return {'statusCode': 201, 'body': json.dumps(event)}"
    published = http_api(engine, "http-api", deployment.function(engine.target, "answers", echo), "POST /orders/{id}")["Url"]
    engine.shows(urlsplit(published).hostname == "127.0.0.1", "address of an HTTP API")
    if engine.extended:
        url = published + "/orders/7?full=1"
        answer = signed_http.call(engine.target, "POST", url, {"a": 1}, {"Idempotency-Key": "once"})
        event = answer.json()
        assert answer.status == 201
        assert json.loads(event["body"]) == {"a": 1}
        assert event["headers"]["idempotency-key"] == "once"
        with pytest.raises(HTTPError, match="403"):
            urlopen(url, data=b"{}")
        assert (event["routeKey"], event["rawPath"]) == ("POST /orders/{id}", "/orders/7")
        assert event["pathParameters"] == {"id": "7"}
        assert event["queryStringParameters"] == {"full": "1"}


def test_a_dead_letter_queue_is_redriven(engine: Engine) -> None:
    client = engine.target.client("sqs")
    dead_url, dead_arn = deployment.queue(engine.target, "redriven-dead-letters")
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    url, arn = deployment.queue(engine.target, "redriven")
    client.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})
    client.send_message(QueueUrl=url, MessageBody='{"n": 1}')

    def dies() -> bool:
        client.receive_message(QueueUrl=url)
        found = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["ApproximateNumberOfMessages"])
        return bool(found["Attributes"]["ApproximateNumberOfMessages"] == "1")

    eventually(dies, 240, "the message is dead")
    try:
        client.start_message_move_task(SourceArn=dead_arn)
    except ClientError:
        engine.shows(False, "StartMessageMoveTask")
        return
    engine.shows(True, "StartMessageMoveTask")
    (move,) = client.list_message_move_tasks(SourceArn=dead_arn)["Results"]
    assert (move["Status"], move["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    assert [message["n"] for message in deployment.drain(engine.target, url)] == [1]
    assert deployment.drain(engine.target, dead_url) == []

    client.send_message(QueueUrl=dead_url, MessageBody='{"n": 2}')
    client.start_message_move_task(SourceArn=dead_arn)
    (move,) = client.list_message_move_tasks(SourceArn=dead_arn)["Results"]
    assert (move["Status"], move["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    client.start_message_move_task(SourceArn=dead_arn, DestinationArn=arn)
    assert [message["n"] for message in deployment.drain(engine.target, url)] == [2]
    with pytest.raises(ClientError, match="Dead Letter Queue"):
        client.start_message_move_task(SourceArn=arn)


def test_runs_of_one_name_are_concurrent(engine: Engine) -> None:
    states = {"Only": {"Type": "Pass", "End": True}}
    workflow = deployment.workflow(engine.target, "same-name", {"StartAt": "Only", "States": states})
    client = engine.target.client("stepfunctions")
    first = client.start_execution(stateMachineArn=workflow, name="order-1")["executionArn"]
    try:
        second = client.start_execution(stateMachineArn=workflow, name="order-1")["executionArn"]
    except ClientError:
        second = first
    engine.shows(first != second, "executions of an Express workflow may share a name")


def test_asynchronous_runs_take_turns(engine: Engine) -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}
    workflow = deployment.workflow(engine.target, "in-turn", {"StartAt": "Wait", "States": states})
    client = engine.target.client("stepfunctions")
    runs = [client.start_execution(stateMachineArn=workflow)["executionArn"] for _ in range(AT_ONCE + 2)]

    def ended() -> bool:
        return all(client.describe_execution(executionArn=run)["status"] == "SUCCEEDED" for run in runs)

    eventually(ended, 240, "every run ends")
    times = []
    for run in runs:
        history = client.get_execution_history(executionArn=run)["events"]
        times.append(tuple(event["timestamp"] for event in history if event["type"].startswith("WaitState")))
    most = max(sum(entered <= moment < left for entered, left in times) for moment, _ in times)
    engine.shows(most <= AT_ONCE, f"a limit of {AT_ONCE} runs side by side")


def test_a_workflow_times_out(engine: Engine) -> None:
    states = {"Wait": {"Type": "Wait", "Seconds": 3, "End": True}}
    definition = {"StartAt": "Wait", "TimeoutSeconds": 1, "States": states}
    answer = deployment.run(engine.target, deployment.workflow(engine.target, "slow", definition))
    engine.shows(answer["status"] == "TIMED_OUT", "TimeoutSeconds of a workflow")


NOTES_ITS_TIMES = """
import time

def handler(event, context):
    began = time.time()
    time.sleep(1)
    with open({file!r}, "a") as times:
        times.write(f"{{began}} {{time.time()}}\\n")
"""


def noted(times: Path) -> list[tuple[float, float]]:
    """Return when each invocation began and ended, in seconds."""
    lines = times.read_text().splitlines() if times.exists() else []
    return [(float(began), float(ended)) for began, ended in map(str.split, lines)]


def most_at_once(times: Path) -> int:
    return max(sum(began <= moment < ended for began, ended in noted(times)) for moment, _ in noted(times))


def test_requests_to_an_api_take_turns(engine: Engine, tmp_path: Path) -> None:
    times = tmp_path / "times"
    function = deployment.function(engine.target, "customers", NOTES_ITS_TIMES.format(file=str(times)))
    api_id = http_api(engine, "turns", function, "POST /orders")["Id"]
    url = f"{engine.target.reachable()}/_aws/execute-api/{api_id}/orders"
    customers = 2 * API_AT_ONCE
    with ThreadPoolExecutor(customers) as pool:
        answers = list(pool.map(lambda _: signed_http.call(engine.target, "POST", url, {}).status, range(customers)))
    assert answers == [200] * customers
    engine.shows(most_at_once(times) <= API_AT_ONCE, f"a limit of {API_AT_ONCE} requests at once")


def test_two_batches_of_a_queue_are_handled_at_once(engine: Engine, tmp_path: Path) -> None:
    times = tmp_path / "times"
    url, arn = deployment.queue(engine.target, "busy")
    deployment.function(engine.target, "busy", NOTES_ITS_TIMES.format(file=str(times)))
    for number in range(6):
        engine.target.client("sqs").send_message(QueueUrl=url, MessageBody=str(number))
    engine.target.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName="busy", BatchSize=1)

    eventually(lambda: len(noted(times)) == 6, 60, "every message is worked on")
    engine.shows(most_at_once(times) <= QUEUE_AT_ONCE, f"a limit of {QUEUE_AT_ONCE} batches of a queue at once")


SILENT = "def handler(event, context): return event"


def test_function_without_output_responds_at_once(engine: Engine) -> None:
    deployment.function(engine.target, "silent", SILENT)
    client = engine.target.client("lambda")

    def seconds() -> float:
        began = time.monotonic()
        client.invoke(FunctionName="silent", Payload=b"{}")["Payload"].read()
        return time.monotonic() - began

    quickest = min(seconds() for _ in range(20))
    engine.shows(quickest < ENGINES_OWN, f"an answer in less than {ENGINES_OWN:g} s")


UNPACKED = """
import os
def handler(event, context):
    return os.path.realpath(__file__)
"""


def test_processes_of_a_function_share_its_unpacked_code(engine: Engine) -> None:
    deployment.function(engine.target, "unpacked", UNPACKED)
    client = engine.target.client("lambda")

    def place() -> str:
        return str(json.loads(client.invoke(FunctionName="unpacked", Payload=b"{}")["Payload"].read()))

    first = place()
    client.update_function_configuration(FunctionName="unpacked", Environment={"Variables": {"PROCESS": "another"}})
    assert first.endswith("index.py")
    engine.shows(place() == first, "code unpacked once")


LOGS_ITS_EVENT = """
import sys
def handler(event, context):
    sys.stdout.write("of " + event["number"])  # the line has no end
"""


def test_log_of_an_invocation_has_its_lines_and_no_others(engine: Engine) -> None:
    deployment.function(engine.target, "logs", LOGS_ITS_EVENT)
    client = engine.target.client("lambda")

    def logged(number: int) -> str:
        answer = client.invoke(FunctionName="logs", LogType="Tail", Payload=json.dumps({"number": str(number)}))
        return base64.b64decode(answer.get("LogResult", "")).decode()

    numbers = range(3)
    logs = [logged(number) for number in numbers]
    seen = [[other for other in numbers if f"of {other}" in log] for log in logs]
    engine.shows(seen == [[number] for number in numbers], "the lines of an invocation in its log")


HAS_BOTO3 = """
import importlib.util, sys
loaded = "boto3" in sys.modules
def handler(event, context):
    return [loaded, importlib.util.find_spec("laptop") is not None]
"""


def test_process_of_a_function_starts_with_boto3(engine: Engine) -> None:
    deployment.function(engine.target, "starts", HAS_BOTO3)
    answer = engine.target.client("lambda").invoke(FunctionName="starts", Payload=b"{}")
    loaded, has_the_project = json.loads(answer["Payload"].read())
    assert not has_the_project
    engine.shows(loaded, "a runtime with boto3 in memory")


def test_update_copies_its_row_quickly(engine: Engine) -> None:
    """Beside a copy by the class of each value, in this process: the engine makes several of a row."""
    client, key = engine.target.client("dynamodb"), {"pk": {"S": "large"}}
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    attributes = [{"AttributeName": "pk", "AttributeType": "S"}]
    client.create_table(TableName="large-rows", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=attributes, KeySchema=keys)
    row = {**key, "lines": {"L": [{"M": {"sku": {"S": str(number)}}} for number in range(6_000)]}}
    client.put_item(TableName="large-rows", Item=row)

    def seconds(act: Callable[[], object]) -> float:
        began = time.monotonic()
        act()
        return time.monotonic() - began

    values = {":one": {"N": "1"}}
    update = {"TableName": "large-rows", "Key": key, "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": values}
    updated = min(seconds(lambda: client.update_item(**update)) for _ in range(10))
    copied = min(seconds(lambda: copy.deepcopy(row)) for _ in range(10))
    engine.shows(updated < 3 * copied, "an update in less than three copies of its row")


def test_a_request_costs_the_engine_little_time(engine: Engine) -> None:
    """Its own server answers a malformed request in another way, so the answer names the server."""
    with socket.create_connection(("127.0.0.1", urlsplit(engine.target.endpoint_url).port), 10) as connection:
        connection.sendall(b"malformed\r\n\r\n")
        answer = connection.recv(1024)
    assert answer.startswith(b"HTTP/1.1 400")
    engine.shows(b"Invalid HTTP request" in answer, "parsing of HTTP in C")


JOURNAL = """
import base64, json
def handler(event, context):
    results = []
    for record in event["records"]:
        kept = json.loads(base64.b64decode(record["data"]))
        line = base64.b64encode((json.dumps(kept) + "\\n").encode()).decode()
        hour = kept["detail"].get("hour")
        good = {"result": "Ok", "data": line, "metadata": {"partitionKeys": {"hour": hour}}}
        failed = {"result": "ProcessingFailed", "data": record["data"]}
        results.append({"recordId": record["recordId"], **(good if hour else failed)})
    return {"records": results}
"""


def test_a_delivery_stream_writes_the_events_of_its_rule_in_batches(engine: Engine) -> None:
    target, events, store = engine.target, engine.target.client("events"), engine.target.client("s3")
    store.create_bucket(Bucket="delivered")
    parameter = {"ParameterName": "LambdaArn", "ParameterValue": deployment.function(target, "makes-lines", JOURNAL)}
    resources = {
        "Stream": {
            "Type": "AWS::KinesisFirehose::DeliveryStream",
            "Properties": {
                "DeliveryStreamType": "DirectPut",
                "ExtendedS3DestinationConfiguration": {
                    "BucketARN": "arn:aws:s3:::delivered",
                    "RoleARN": deployment.ROLE,
                    "Prefix": "events/!{partitionKeyFromLambda:hour}/",
                    "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/!{timestamp:yyyy-MM-dd}/",
                    "CompressionFormat": "GZIP",
                    "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 64},
                    "DynamicPartitioningConfiguration": {"Enabled": True},
                    "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": [parameter]}]},
                },
            },
        }
    }
    stream = deployment.stack(target, "delivers", resources, {"Arn": {"Fn::GetAtt": ["Stream", "Arn"]}})["Arn"]
    events.create_event_bus(Name="delivered")
    events.put_rule(Name="to-stream", EventBusName="delivered", EventPattern='{"source": ["orderflow.order"]}')
    events.put_targets(
        Rule="to-stream", EventBusName="delivered", Targets=[{"Id": "stream", "Arn": stream, "RoleArn": deployment.ROLE}]
    )
    for detail in ({"hour": "2026-11-23T04"}, {"hour": "2026-11-23T04"}, {"hour": "2026-11-23T03"}, {}):
        entry = {"EventBusName": "delivered", "Source": "orderflow.order", "DetailType": "OrderPlaced"}
        events.put_events(Entries=[{**entry, "Detail": json.dumps(detail)}])

    def written() -> dict[str, int]:
        found = store.list_objects_v2(Bucket="delivered").get("Contents", [])
        bodies = [(item["Key"], store.get_object(Bucket="delivered", Key=item["Key"])["Body"].read()) for item in found]
        return {"/".join(key.split("/")[:2]): len(gzip.decompress(body).splitlines()) for key, body in bodies}

    if not engine.extended:
        time.sleep(3 * GATHERING_SECONDS)
        engine.shows(written() != {}, "delivery stream as the target of a rule")
        return
    whole = {"events/2026-11-23T04": 2, "events/2026-11-23T03": 1, "errors/processing-failed": 1}
    eventually(lambda: sum(written().values()) == 4, 60, "the stream writes its objects")
    assert written() == whole
