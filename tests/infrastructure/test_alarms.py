"""The alarms, and that each of them notifies the alarm topic."""

import ast
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from cdk.objectives import OBJECTIVES
from kernel.naming import SERVICES, metrics_namespace
from kernel.secrets import AGE
from operations.alarms import inventory
from operations.economics import metrics, prices
from operations.permissions import recorded
from tests.infrastructure import listed_alarms
from tests.infrastructure.conftest import LASTING, synthesize
from tests.infrastructure.templates import Assembly, Resource, referred
from tests.infrastructure.test_functions import imports_of

REPOSITORY = Path(__file__).parents[2]
OURS = metrics_namespace(LASTING.name)


def alarms(assembly: Assembly, metric: str) -> list[Resource]:
    return [alarm for alarm in assembly.resources("CloudWatch::Alarm") if alarm.properties.get("MetricName") == metric]


def watched(found: list[Resource]) -> set[tuple[str, str]]:
    """Return the resources that these alarms watch."""
    return {
        (alarm.service, referred(d["Value"]) if isinstance(d["Value"], dict) and "Ref" in d["Value"] else str(d["Value"]))
        for alarm in found
        for d in alarm.properties["Dimensions"]
    }


def test_every_alarm_notifies_the_topic_and_names_a_runbook(assembly: Assembly) -> None:
    for alarm in assembly.resources("CloudWatch::Alarm"):
        assert_notifies(assembly, alarm)
        assert re.fullmatch(r".+: docs/how-to/runbooks/[a-z-]+\.md", alarm.properties["AlarmDescription"]), alarm


def assert_notifies(assembly: Assembly, alarm: Resource) -> None:
    (action,) = alarm.properties["AlarmActions"]
    if alarm.service == "platform":
        assert action["Ref"] == assembly.one("SNS::Topic", "platform", "AlarmTopic").id
    else:
        parameter = assembly.templates[alarm.service]["Parameters"][action["Ref"]]
        assert parameter["Default"].endswith("/platform/alarm-topic-arn"), alarm


def test_an_incident_is_one_page(lasting: Assembly) -> None:
    """Of all alarms of a service with one runbook, the composite alarm alone notifies; no alarm is left out."""
    incidents = lasting.resources("CloudWatch::CompositeAlarm")
    joined = set()
    for incident in incidents:
        assert_notifies(lasting, incident)
        rule = json.dumps(incident.properties["AlarmRule"])
        joined |= {(incident.service, found) for found in re.findall(r'"Fn::GetAtt": \["(\w+)", "Arn"\]', rule)}
    assert incidents
    for alarm in lasting.resources("CloudWatch::Alarm"):
        assert ("AlarmActions" in alarm.properties) != ((alarm.service, alarm.id) in joined), alarm


WITHOUT_ALARMS = {
    "ApiGatewayV2::Integration": "part of an API",
    "ApiGatewayV2::Route": "part of an API",
    "ApiGatewayV2::Stage": "part of an API",
    "CloudWatch::Alarm": "is one",
    "CloudWatch::CompositeAlarm": "is one",
    "CloudWatch::Dashboard": "shows metrics",
    "CodeDeploy::Application": "part of a shift of traffic",
    "CodeDeploy::DeploymentGroup": "a shift that fails is rolled back, and its deployment fails",
    "EventSchemas::Registry": "serves tools, and no order",
    "EventSchemas::Schema": "serves tools, and no order",
    "Events::EventBus": "its rules and the relays' errors show its faults",
    "Events::EventBusPolicy": "states permissions",
    "IAM::Policy": "states permissions",
    "IAM::Role": "states permissions",
    "KMS::Alias": "names a key",
    "KMS::Key": "the functions and tables that cannot use it show its faults",
    "Lambda::Alias": "part of a function",
    "Lambda::EventInvokeConfig": "part of a function",
    "Lambda::EventSourceMapping": "its queue's age and its relay's shows its faults",
    "Lambda::Permission": "states permissions",
    "Lambda::Version": "part of a function",
    "Logs::Delivery": "part of the bus's log",
    "Logs::DeliveryDestination": "part of the bus's log",
    "Logs::DeliverySource": "part of the bus's log",
    "Logs::LogGroup": "its writers do not wait for it",
    "Logs::ResourcePolicy": "states permissions",
    "S3::Bucket": "the delivery streams that write it show its faults",
    "S3::BucketPolicy": "states permissions",
    "SES::ConfigurationSetEventDestination": "part of a configuration set",
    "SNS::Subscription": "part of a topic",
    "SNS::TopicPolicy": "states permissions",
    "SQS::QueuePolicy": "states permissions",
    "StepFunctions::StateMachineAlias": "part of a workflow",
    "StepFunctions::StateMachineVersion": "part of a workflow",
    "SSM::Parameter": "is read at deployment only",
}
"""The types of resources that need no alarm, each with its reason."""


@pytest.mark.parametrize("stage", ["lasting", "shifting"])
def test_every_resource_has_an_alarm_or_a_reason(stage: str, request: pytest.FixtureRequest) -> None:
    stacks: Assembly = request.getfixturevalue(stage)
    watching = [alarm for alarm in stacks.resources("CloudWatch::Alarm") if "Dimensions" in alarm.properties]
    text = {
        service: json.dumps([alarm.properties["Dimensions"] for alarm in watching if alarm.service == service])
        for service in stacks.templates
    }
    for resource in stacks.resources():
        if resource.type not in WITHOUT_ALARMS and resource.type not in FAULTS_OF_THE_ACCOUNT:
            assert f'"{resource.id}"' in text[resource.service], f"{resource} has no alarm: see cdk/alarm_inventory.py"


FAULTS = {
    "ApiGatewayV2::Api": {"5xx", "Latency"},
    "DynamoDB::Table": {"ReadThrottleEvents", "WriteThrottleEvents", "SystemErrors"},
    "Events::Archive": {"FailedInvocations"},
    "Events::Rule": {"FailedInvocations", "ThrottledRules"},
    "KinesisFirehose::DeliveryStream": {"ThrottledRecords", "DeliveryToS3.DataFreshness"},
    "Lambda::Function": {"Errors", "Throttles", "Duration"},
    "SecretsManager::Secret": {AGE.name},
    "SNS::Topic": {"NumberOfNotificationsFailed"},
    "SQS::Queue": {"ApproximateNumberOfMessagesVisible"},
    "StepFunctions::StateMachine": {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionThrottled"},
}
"""The metrics with the faults of each kind of resource. Each needs an alarm."""
FAULTS_OF_DELIVERIES = {
    "Events::Rule": {"InvocationsFailedToBeSentToDlq"},
    "SQS::Queue": {"ApproximateAgeOfOldestMessage"},
}
"""Those of a rule that matches events, and of a queue with a consumer."""
FAULTS_OF_ORDERS = {"ApiGatewayV2::Api": {"Count"}}
"""Those of the order service alone: the API of a shop is not silent for hours."""
FAULTS_OF_THE_ACCOUNT = {"SES::ConfigurationSet": {"Reputation.BounceRate", "Reputation.ComplaintRate"}}
"""Those that AWS counts for the whole account, without a dimension."""
BURNS = "error-budget-burns"
"""The runbook of the alarms of objectives, which ring for a share of the orders, and not for a fault of a resource."""


def delivers(resource: Resource) -> bool:
    """Whether a rule matches events, and does not run by the clock; or a queue has a consumer."""
    return "EventPattern" in resource.properties or "RedrivePolicy" in resource.properties


@pytest.mark.parametrize("stage", ["lasting", "shifting"])
def test_every_fault_of_a_resource_has_an_alarm(stage: str, request: pytest.FixtureRequest) -> None:
    stacks: Assembly = request.getfixturevalue(stage)
    watched_series = [
        (alarm.service, json.dumps(series.get("Dimensions")), series["MetricName"])
        for alarm in stacks.resources("CloudWatch::Alarm")
        if BURNS not in alarm.properties["AlarmDescription"]
        for series in listed_alarms.metrics_of(alarm)
    ]
    for resource in stacks.resources():
        if resource.type in WITHOUT_ALARMS:
            continue
        of_account = FAULTS_OF_THE_ACCOUNT.get(resource.type, set())
        needed = of_account or FAULTS[resource.type]
        if delivers(resource):
            needed = needed | FAULTS_OF_DELIVERIES.get(resource.type, set())
        if resource.service == "order":
            needed = needed | FAULTS_OF_ORDERS.get(resource.type, set())
        found = {
            metric
            for service, dimensions, metric in watched_series
            if service == resource.service and (f'"{resource.id}"' in dimensions or metric in of_account)
        }
        assert needed - found == set(), f"{resource} has no alarm on these metrics: see cdk/alarm_inventory.py"


def test_errors_of_aws_are_watched_for_each_operation_of_a_table(lasting: Assembly) -> None:
    """The simulation recorded the calls. An action in a transaction is an operation of its own: TransactWriteItems."""
    used = {
        (table, "Query" if what == "index" else action.removeprefix("dynamodb:"))
        for calls in recorded.load().values()
        for call in calls
        for action, (what, _, name) in [(call.action, call.on.partition(" "))]
        for table in [name.rpartition("/")[0] if what == "index" else name]
        if what in ("index", "table") and action != "dynamodb:ConditionCheckItem"
    }
    transacting = {
        file.relative_to(REPOSITORY / "services").parts[0]
        for file in (REPOSITORY / "services").rglob("*.py")
        if "import Action, transact" in file.read_text()
    }
    used |= {({"payment": "payment/ledger"}.get(service, service), "TransactWriteItems") for service in transacting}
    watching = {
        (f"{alarm.service}{'/ledger' if 'Ledger' in json.dumps(alarm.properties['Dimensions']) else ''}", each["Value"])
        for alarm in alarms(lasting, "SystemErrors")
        for each in alarm.properties["Dimensions"]
        if each["Name"] == "Operation"
    }
    assert watching == used


def test_essential_alarms_cost_at_most_eight_dollars() -> None:
    assert inventory.month_usd(inventory.ESSENTIAL, prices.load()) <= 8.0


def test_composite_alarms_do_not_fit_into_the_essential_tier() -> None:
    """Else each incident could be one page in both tiers, as ADR 44 says."""
    together = Counter((alarm["service"], alarm["runbook"]) for alarm in inventory.of_tier(inventory.ESSENTIAL))
    groups = sum(alarms_of_one > 1 for alarms_of_one in together.values())
    known = prices.load()
    assert inventory.month_usd(inventory.ESSENTIAL, known) + groups * known.per_month["composite_alarm"].usd > 8.0


def test_inventory_is_that_of_the_templates(lasting: Assembly) -> None:
    assert inventory.FILE.read_text(encoding="utf-8") == listed_alarms.document(lasting)


def on_dead_letters(assembly: Assembly) -> list[Resource]:
    found = alarms(assembly, "ApproximateNumberOfMessagesVisible")
    return [alarm for alarm in found if "dead letters" in alarm.properties["AlarmDescription"]]


def test_first_dead_letter_raises_an_alarm(lasting: Assembly) -> None:
    found = on_dead_letters(lasting)
    ends = [queue for queue in lasting.resources("SQS::Queue") if "RedrivePolicy" not in queue.properties]
    assert len(found) == len(ends)
    about = {alarm.properties["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for alarm in found}
    assert about == {queue.id for queue in ends}
    assert {alarm.properties["Threshold"] for alarm in found} == {0}


def test_every_consumed_queue_has_an_alarm_before_a_message_is_lost(lasting: Assembly) -> None:
    found = alarms(lasting, "ApproximateAgeOfOldestMessage")
    sources = {queue.id for queue in lasting.resources("SQS::Queue") if "RedrivePolicy" in queue.properties}
    about = {alarm.properties["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for alarm in found}
    assert about == sources
    assert len(found) == len(lasting.resources("SQS::Queue")) - len(on_dead_letters(lasting))
    delays = {(queue.service, queue.id): queue.properties.get("DelaySeconds", 0) for queue in lasting.resources("SQS::Queue")}
    for alarm in found:
        (dimension,) = alarm.properties["Dimensions"]
        assert alarm.properties["Threshold"] == 15 * 60 + delays[alarm.service, dimension["Value"]["Fn::GetAtt"][0]]
    assert {alarm.properties["TreatMissingData"] for alarm in found} == {"notBreaching"}
    assert {alarm.properties["Statistic"] for alarm in found} == {"Maximum"}


COUNTING = re.compile(r"_?(count(ed)?|move_each|add_metric)")
NAME_OF_A_METRIC = re.compile(r"([A-Z][a-z]+){2,}")


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def metrics_of(file: Path) -> set[str]:
    """Return the metrics that a module counts: its CamelCase texts, without keys, comparisons, and arguments of other calls."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if not any(COUNTING.fullmatch(called(call)) for call in calls):
        return set()
    others = {id(part) for node in nodes if isinstance(node, ast.Dict) for part in node.keys}
    others |= {id(node.slice) for node in nodes if isinstance(node, ast.Subscript)}
    others |= {id(part) for node in nodes if isinstance(node, ast.Compare) for part in (node.left, *node.comparators)}
    for call in calls:
        if not COUNTING.fullmatch(called(call)):
            others |= {id(part) for part in (*call.args, *(keyword.value for keyword in call.keywords))}
    texts = {str(node.value) for node in nodes if isinstance(node, ast.Constant) and id(node) not in others}
    return {text for text in texts if NAME_OF_A_METRIC.fullmatch(text)}


def counted(assembly: Assembly) -> set[tuple[str, str]]:
    """Every (service, metric) that a deployed function counts, itself or by a module that it imports."""
    found = set()
    for function in assembly.resources("Lambda::Function"):
        waiting, seen = [function.properties["Handler"].removesuffix(".handler")], set[str]()
        while waiting:
            module = waiting.pop()
            file = REPOSITORY / f"{module.replace('.', '/')}.py"
            if module not in seen and file.exists():
                seen.add(module)
                waiting += imports_of(ast.parse(file.read_text()))
                found |= {(function.service, metric) for metric in metrics_of(file)}
    return found


def test_stages_of_an_account_share_no_metric_of_ours(assembly: Assembly, lasting: Assembly) -> None:
    """An alarm reads only what the functions of its own stage count."""
    for stage, stacks in (("dev", assembly), (LASTING.name, lasting)):
        counting = {
            function.properties["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]
            for function in stacks.resources("Lambda::Function")
        }
        read = {
            series["Namespace"] for alarm in stacks.resources("CloudWatch::Alarm") for series in listed_alarms.metrics_of(alarm)
        }
        assert counting == {metrics_namespace(stage)} == {name for name in read if not name.startswith("AWS/")}


def test_every_metric_has_an_alarm(lasting: Assembly) -> None:
    """The stage with the real adapters has all alarms. A metric without an alarm would be unused."""
    alarmed = {
        (alarm.service, alarm.properties["MetricName"])
        for alarm in lasting.resources("CloudWatch::Alarm")
        if alarm.properties.get("Namespace") == OURS
    }
    found = counted(lasting)
    assert found >= {("shipping", "ShipmentsNotMoved"), ("audit", "AuditFindings"), ("order", "EventsRepublished")}
    of_stage = {each for each in alarmed if each[1] in {metric.name for metric in metrics.OF_THE_STAGE}}
    business = {(service, metric.name) for service, own in metrics.CATALOGUE.items() for metric in own}
    by_objectives = {(series.service, series.metric) for objective in OBJECTIVES for series in objective.series.values()}
    assert found - alarmed - (by_objectives & business) == set(), "no alarm reads these, nor an objective, if they are business"
    assert alarmed - found - of_stage == {("payment", "PaymentDisputed")}, "its name is in a table of event handlers"


def test_every_secret_has_an_alarm_on_its_own_age(lasting: Assembly) -> None:
    """The functions of several services read the key of the receipts: its age is one metric, without their dimension."""
    found = alarms(lasting, AGE.name)
    about = {(alarm.service, referred(each["Value"])) for alarm in found for each in alarm.properties["Dimensions"]}
    assert about == {(secret.service, secret.id) for secret in lasting.resources("SecretsManager::Secret")}
    for alarm in found:
        assert [each["Name"] for each in alarm.properties["Dimensions"]] == [AGE.dimension]
        assert (alarm.properties["Threshold"], alarm.properties["Period"]) == (LASTING.secret_age_days, 24 * 60 * 60)


def test_stage_without_an_age_of_secrets_has_no_alarm_on_it(tmp_path: Path) -> None:
    stacks = synthesize(tmp_path / "cdk.out", replace(LASTING, secret_age_days=0))
    assert alarms(stacks, AGE.name) == []


def test_documents_named_by_alarms_exist(lasting: Assembly) -> None:
    for alarm in lasting.resources("CloudWatch::Alarm", "CloudWatch::CompositeAlarm"):
        for name in re.findall(r"[\w/-]+\.md", alarm.properties["AlarmDescription"]):
            assert (REPOSITORY / name).exists(), alarm


def test_runbooks_name_the_metrics_whose_alarms_lead_to_them(lasting: Assembly) -> None:
    for alarm in lasting.resources("CloudWatch::Alarm"):
        for series in listed_alarms.metrics_of(alarm):
            for name in re.findall(r"docs/how-to/runbooks/[\w-]+\.md", alarm.properties["AlarmDescription"]):
                if series["Namespace"] == OURS:
                    assert f"`{series['MetricName']}`" in (REPOSITORY / name).read_text(encoding="utf-8"), alarm


def test_every_function_has_an_alarm_on_errors(assembly: Assembly, lasting: Assembly) -> None:
    functions = {(function.service, function.id) for function in lasting.resources("Lambda::Function")}
    assert watched(alarms(lasting, "Errors")) == functions
    scheduled = {(service, assembly.function(service, "sweeper").id) for service in SERVICES}
    scheduled.add(("audit", assembly.one("Lambda::Function", "audit", "Function").id))
    assert watched(alarms(assembly, "Errors")) == scheduled, "no queue and no caller shows the errors of these"


def test_sweeper_or_auditor_that_does_not_run_raises_an_alarm(assembly: Assembly) -> None:
    found = alarms(assembly, "Invocations")
    sweepers = {(service, assembly.function(service, "sweeper").id) for service in SERVICES}
    assert watched(found) == sweepers | {("audit", assembly.one("Lambda::Function", "audit", "Function").id)}
    assert {alarm.properties["TreatMissingData"] for alarm in found} == {"breaching"}


def test_late_relay_raises_an_alarm(assembly: Assembly) -> None:
    found = alarms(assembly, "IteratorAge")
    assert watched(found) == {(service, assembly.function(service, "relay").id) for service in SERVICES}
    assert {alarm.properties["Threshold"] for alarm in found} == {5 * 60 * 1000}


def test_failed_runs_or_compensations_raise_an_alarm(assembly: Assembly, lasting: Assembly) -> None:
    for metric in ("ExecutionsFailed", "ExecutionsTimedOut"):
        (alarm,) = alarms(lasting, metric)
        assert alarm.properties["Namespace"] == "AWS/States"
    for metric in ("CompensationFailed", "OrderStuck"):
        (alarm,) = alarms(lasting, metric)
        assert alarm.properties["Namespace"] == OURS
        assert alarm.properties["Dimensions"] == [{"Name": "service", "Value": "order"}]
        assert alarm.properties["Threshold"] == 0


def test_alarms_can_publish_to_the_topic_only_over_tls(assembly: Assembly) -> None:
    (policy,) = assembly.resources("SNS::TopicPolicy")
    by_sid = {statement["Sid"]: statement for statement in policy.properties["PolicyDocument"]["Statement"]}
    assert by_sid["AlarmsMayTell"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert by_sid["AllowPublishThroughSSLOnly"]["Effect"] == "Deny"


def test_broken_invariant_raises_an_alarm(lasting: Assembly) -> None:
    (alarm,) = alarms(lasting, "AuditFindings")
    assert alarm.properties["Namespace"] == OURS
    assert alarm.properties["Threshold"] == 0


def test_refused_receipt_raises_an_alarm_at_once(assembly: Assembly) -> None:
    found = alarms(assembly, "ReceiptRefused")
    assert sorted(alarm.service for alarm in found) == ["inventory", "order", "payment"]
    for alarm in found:
        assert (alarm.properties["Threshold"], alarm.properties["ComparisonOperator"]) == (0, "GreaterThanThreshold")
        assert "docs/how-to/runbooks/receipt-refused.md" in alarm.properties["AlarmDescription"]
