"""The engine's IAM: it limits a function's role to its calls, as far as `iam_facts` and the reference of permissions say."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import boto3
import pytest
from botocore.exceptions import ClientError

from kernel.clients import AwsClient
from laptop.emulator import process
from operations.aws.target import LAPTOP_ACCOUNT, LAPTOP_REGION, Target
from tests.emulator.conftest import Engine
from tests.support import deployment
from tests.support.polling import eventually

pytestmark = pytest.mark.system

TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*", "Service": "*"}, "Action": "sts:AssumeRole"}]}
REFUSED = {"AccessDenied", "AccessDeniedException"}


@pytest.fixture(scope="module", params=["plain", "extended"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Both engines with their IAM on, one after the other."""
    folder, extended = tmp_path_factory.mktemp(f"iam-{request.param}"), request.param == "extended"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ORDERFLOW_HOME", str(folder))
        monkeypatch.setenv(process.IAM_VARIABLE, "on")
        record = process.start(port=process.free_port(), extensions=extended)
        try:
            made = Engine(Target().at(record.endpoint), extended, folder)
            name = deployment.ROLE.rpartition("/")[2]
            made.target.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
            yield made
        finally:
            process.stop()


@dataclass(frozen=True)
class Role:
    """A role of the engine, and calls with its credentials."""

    engine: Engine
    arn: str
    session: boto3.Session

    def may(self, *statements: Mapping[str, object]) -> None:
        """Replace the role's policy."""
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        name = self.arn.rpartition("/")[2]
        self.engine.target.client("iam").put_role_policy(RoleName=name, PolicyName="its", PolicyDocument=document)

    def client(self, service: str) -> AwsClient:
        """Return a client with the role's credentials."""
        return self.session.client(service, endpoint_url=self.engine.target.endpoint_url)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def role(engine: Engine, request: pytest.FixtureRequest) -> Role:
    """Return a role of the test's own, without a policy."""
    name = re.sub(r"\W+", "-", request.node.name.replace("_", "-"))[-60:]
    made = engine.target.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    keys = engine.target.client("sts").assume_role(RoleArn=made["Arn"], RoleSessionName="test")["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=LAPTOP_REGION)
    return Role(engine, made["Arn"], session)


def is_allowed(call: Callable[[], object]) -> bool:
    """Return True if the call gets past the policies, whatever becomes of it."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] not in REFUSED
    return True


def allow(*actions: str, on: str = "*", **conditions: Mapping[str, object]) -> dict[str, object]:
    named = {operator.replace("_", ":"): keys for operator, keys in conditions.items()}
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, "Condition": named}


def table(engine: Engine, name: str) -> str:
    """Create a table with the key `pk`, and return its name."""
    engine.target.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def test_role_without_a_policy_is_refused(engine: Engine, role: Role) -> None:
    assert not is_allowed(lambda: role.client("sqs").list_queues())
    role.may(allow("sqs:ListQueues"))
    assert is_allowed(lambda: role.client("sqs").list_queues())


ROW_CALLS: Mapping[str, Callable[[AwsClient, str, str], object]] = {
    "PutItem": lambda client, name, pk: client.put_item(TableName=name, Item={"pk": {"S": pk}}),
    "GetItem": lambda client, name, pk: client.get_item(TableName=name, Key={"pk": {"S": pk}}),
    "UpdateItem": lambda client, name, pk: client.transact_write_items(
        TransactItems=[
            {
                "Update": {
                    "TableName": name,
                    "Key": {"pk": {"S": pk}},
                    "UpdateExpression": "SET n = :n",
                    "ExpressionAttributeValues": {":n": {"N": "1"}},
                }
            }
        ]
    ),
    "ConditionCheckItem": lambda client, name, pk: client.transact_write_items(
        TransactItems=[
            {
                "ConditionCheck": {
                    "TableName": name,
                    "Key": {"pk": {"S": pk}},
                    "ConditionExpression": "attribute_not_exists(n)",
                }
            }
        ]
    ),
    "BatchGetItem": lambda client, name, pk: client.batch_get_item(RequestItems={name: {"Keys": [{"pk": {"S": pk}}]}}),
    "BatchWriteItem": lambda client, name, pk: client.batch_write_item(
        RequestItems={name: [{"PutRequest": {"Item": {"pk": {"S": pk}}}}]}
    ),
    "Query": lambda client, name, pk: client.query(
        TableName=name, KeyConditionExpression="#k = :k", ExpressionAttributeNames={"#k": "pk"},
        ExpressionAttributeValues={":k": {"S": pk}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("action", ROW_CALLS)
def test_row_of_a_foreign_prefix_is_refused(engine: Engine, role: Role, action: str) -> None:
    name = table(engine, f"rows-{action}")
    own_rows = {"dynamodb:LeadingKeys": ["OWN#*"]}
    role.may(allow(f"dynamodb:{action}", ForAllValues_StringLike=own_rows))
    client, call = role.client("dynamodb"), ROW_CALLS[action]
    assert is_allowed(lambda: call(client, name, "OWN#1"))
    engine.shows(not is_allowed(lambda: call(client, name, "OTHER#1")), f"{action} on rows of a foreign prefix")


def test_transaction_is_checked_row_by_row(engine: Engine, role: Role) -> None:
    """The extension must not compare the row of one action with the permission of another."""
    name = table(engine, "transactions")
    role.may(
        allow("dynamodb:PutItem", ForAllValues_StringLike={"dynamodb:LeadingKeys": ["PUT#*"]}),
        allow("dynamodb:DeleteItem", ForAllValues_StringLike={"dynamodb:LeadingKeys": ["GONE#*"]}),
    )

    def write(put: str, gone: str) -> bool:
        items = [
            {"Put": {"TableName": name, "Item": {"pk": {"S": put}}}},
            {"Delete": {"TableName": name, "Key": {"pk": {"S": gone}}}},
        ]
        return is_allowed(lambda: role.client("dynamodb").transact_write_items(TransactItems=items))

    assert write("PUT#1", "GONE#1")
    engine.shows(not write("PUT#1", "PUT#2"), "the rows of a transaction")


def test_event_of_a_foreign_source_is_refused(engine: Engine, role: Role) -> None:
    own = {"events:source": "orderflow.own", "events:detail-type": ["Told", "Kept"]}
    role.may(allow("events:PutEvents", ForAllValues_StringEquals=own))

    def publish(*events: tuple[str, str]) -> bool:
        entries = [{"Source": source, "DetailType": detail_type, "Detail": "{}"} for source, detail_type in events]
        return is_allowed(lambda: role.client("events").put_events(Entries=entries))

    assert publish(("orderflow.own", "Told"), ("orderflow.own", "Kept"))
    engine.shows(not publish(("orderflow.own", "Told"), ("orderflow.other", "Told")), "the source of an event")
    engine.shows(not publish(("orderflow.own", "Forged")), "the type of an event")


def test_policy_of_a_bus_refuses_a_source(engine: Engine, role: Role) -> None:
    refuse = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "events:PutEvents",
        "Resource": f"arn:aws:events:{LAPTOP_REGION}:{LAPTOP_ACCOUNT}:event-bus/guarded",
        "Condition": {
            "ForAnyValue:StringEquals": {"events:source": ["orderflow.order"]},
            "StringNotEquals": {"aws:PrincipalTag/orderflow:service": "order"},
        },
    }
    policy = {"EventBusName": {"Ref": "Bus"}, "StatementId": "OnlyOrder", "Statement": refuse}
    resources = {
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "guarded"}},
        "Policy": {"Type": "AWS::Events::EventBusPolicy", "Properties": policy},
    }
    is_deployed = deployment.deploys(engine.target, "guarded", resources)
    role.may(allow("events:PutEvents"))
    entry = {"EventBusName": "guarded", "DetailType": "Told", "Detail": "{}"}

    def publish(source: str) -> bool:
        return is_allowed(lambda: role.client("events").put_events(Entries=[{**entry, "Source": source}]))

    engine.shows(is_deployed and publish("orderflow.channel.shop") and not publish("orderflow.order"), "the policy of a bus")
    if engine.extended:
        tags = [{"Key": "orderflow:service", "Value": "order"}]
        engine.target.client("iam").tag_role(RoleName=role.arn.rpartition("/")[2], Tags=tags)
        assert publish("orderflow.order")
        engine.target.client("cloudformation").delete_stack(StackName="guarded")


def test_mail_needs_the_identity_of_its_sender(engine: Engine, role: Role) -> None:
    owner = f"arn:aws:ses:{LAPTOP_REGION}:{LAPTOP_ACCOUNT}"

    def send(sender: str) -> bool:
        body = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
        call = role.client("sesv2").send_email
        return is_allowed(
            lambda: call(
                FromEmailAddress=sender,
                Destination={"ToAddresses": ["a@example.com"]},
                Content=body,
                ConfigurationSetName="ours",
            )
        )

    role.may(allow("ses:SendEmail", on=f"{owner}:identity/orders@example.com"))
    assert not send("orders@example.com"), "the configuration set is a resource too"
    resources = [f"{owner}:identity/*", f"{owner}:configuration-set/ours"]
    sender = {"ses:FromAddress": "orders@example.com"}
    role.may({**allow("ses:SendEmail", StringEquals=sender), "Resource": resources})
    engine.shows(send("orders@example.com"), "the resources of a mail")
    assert not send("forged@example.com")


def guarded_queue(engine: Engine, name: str, operator: str, keys: Mapping[str, object]) -> str:
    """Create a queue that refuses messages under a condition, and return its URL."""
    url, arn = deployment.queue(engine.target, name)
    refuse = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Statement": [{**refuse, "Condition": {operator: keys}}]})
    engine.target.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url


def test_queue_that_demands_tls_takes_messages_of_functions(engine: Engine, role: Role) -> None:
    url = guarded_queue(engine, "by-tls", "Bool", {"aws:SecureTransport": "false"})
    role.may(allow("sqs:SendMessage"))
    engine.shows(is_allowed(lambda: role.client("sqs").send_message(QueueUrl=url, MessageBody="{}")), "the loopback interface")


def test_queue_knows_a_function_by_its_role(engine: Engine, role: Role) -> None:
    role.may(allow("sqs:SendMessage"))

    def send(url: str, client: AwsClient) -> bool:
        return is_allowed(lambda: client.send_message(QueueUrl=url, MessageBody="{}"))

    own = guarded_queue(engine, "own", "ArnNotEquals", {"aws:PrincipalArn": role.arn})
    foreign = guarded_queue(engine, "foreign", "ArnNotEquals", {"aws:PrincipalArn": f"{role.arn}-of-another"})
    engine.shows(send(own, role.client("sqs")), "the ARN of a role")
    assert not send(foreign, role.client("sqs"))
    engine.shows(send(foreign, engine.target.client("sqs")), "the operator's root key")


ECHO = "def handler(event, context): return event"


def test_function_calls_with_its_role(engine: Engine, role: Role) -> None:
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    try: boto3.client('sqs').list_queues()\n"
        "    except Exception as error: return error.response['Error']['Code']\n"
        "    return 'allowed'\n"
    )
    arn = deployment.function(engine.target, "caller", source)
    engine.target.client("lambda").update_function_configuration(FunctionName=arn, Role=role.arn)

    def answer() -> object:
        return json.loads(engine.target.client("lambda").invoke(FunctionName=arn)["Payload"].read())

    assert answer() in REFUSED
    role.may(allow("sqs:ListQueues"))
    assert answer() == "allowed"


def test_roles_of_services_stay_unchecked(engine: Engine, role: Role) -> None:
    """A workflow and the poller of a queue do what their role does not allow: `docs/reference/permissions.md` says so."""
    function = deployment.function(engine.target, "called", ECHO)
    call = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": function}, "End": True}
    definition = {"QueryLanguage": "JSONata", "StartAt": "Call", "States": {"Call": call}}
    workflow = engine.target.client("stepfunctions").create_state_machine(
        name="unchecked", definition=json.dumps(definition), roleArn=role.arn, type="EXPRESS"
    )
    assert deployment.run(engine.target, workflow["stateMachineArn"])["status"] == "SUCCEEDED"

    url, arn = deployment.queue(engine.target, "polled")
    engine.target.client("lambda").create_event_source_mapping(FunctionName=function, EventSourceArn=arn)
    engine.target.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    sqs = engine.target.client("sqs")

    def left() -> set[str]:
        return set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())

    eventually(lambda: left() == {"0"}, 30, "the function consumes the message")
