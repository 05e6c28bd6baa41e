"""Deployments on an engine: functions from source text, workflows, queues, stacks."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError

from kernel.clients import AwsClient
from tests.support.polling import eventually


class Engine(Protocol):
    """An engine of AWS, which has boto3's client of each service."""

    def client(self, service: str, /) -> AwsClient:
        """Return the client of a service."""
        ...


ROLE = "arn:aws:iam::000000000000:role/test"


def function(target: Engine, name: str, source: str, **environment: str) -> str:
    """Create a Python function with the handler `handler` in `source`. Return its ARN."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("index.py", source)
    made = target.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Architectures=["arm64"],
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": environment},
    )
    return str(made["FunctionArn"])


def workflow(target: Engine, name: str, definition: Mapping[str, object]) -> str:
    """Create an Express workflow. Return its ARN."""
    made = target.client("stepfunctions").create_state_machine(
        name=name,
        definition=json.dumps({"QueryLanguage": "JSONata", **definition}),
        roleArn=ROLE,
        type="EXPRESS",
    )
    return str(made["stateMachineArn"])


def run(target: Engine, arn: str, data: object = None) -> dict[str, Any]:
    """Run a synchronous execution. Return its response with the output parsed."""
    answer = target.client("stepfunctions").start_sync_execution(stateMachineArn=arn, input=json.dumps(data or {}))
    return {**answer, "output": json.loads(answer.get("output") or "null")}


def queue(target: Engine, name: str) -> tuple[str, str]:
    """Create a queue. Return its URL and ARN."""
    client = target.client("sqs")
    url = client.create_queue(QueueName=name)["QueueUrl"]
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return url, attributes["QueueArn"]


def drain(target: Engine, url: str) -> list[dict[str, Any]]:
    """Receive the messages that wait in a queue, parsed as JSON, each with its attributes under `_attributes`."""
    client = target.client("sqs")
    found: list[dict[str, Any]] = []
    while True:
        answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"])
        messages = answer.get("Messages", [])
        if not messages:
            return found
        for message in messages:
            attributes = {k: v["StringValue"] for k, v in message.get("MessageAttributes", {}).items()}
            found.append({**json.loads(message["Body"]), "_attributes": attributes})
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def stack(
    target: Engine, name: str, resources: Mapping[str, object], outputs: Mapping[str, object] | None = None
) -> dict[str, str]:
    """Deploy a stack and return its outputs; `AssertionError` with the reason if CloudFormation refuses it."""
    client = target.client("cloudformation")
    template = {
        "Resources": resources,
        "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
    }
    try:
        client.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"])
    except ClientError as error:
        raise AssertionError(str(error)) from error

    def settled() -> dict[str, Any]:
        found: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
        return found if not found["StackStatus"].endswith("_IN_PROGRESS") else {}

    found = eventually(settled, 20, f"stack {name} settles")
    if found["StackStatus"] != "CREATE_COMPLETE":
        events = client.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [e.get("ResourceStatusReason", "") for e in events if "FAILED" in e["ResourceStatus"]]
        raise AssertionError(f"{found['StackStatus']}: {reasons}")
    return {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}


def deploys(target: Engine, name: str, resources: Mapping[str, object], outputs: Mapping[str, object] | None = None) -> bool:
    """Whether CloudFormation takes these resources."""
    try:
        stack(target, name, resources, outputs)
    except AssertionError:
        return False
    return True
