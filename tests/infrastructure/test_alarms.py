"""The alarms, and that each of them notifies the alarm topic."""

import ast
import re
from pathlib import Path

from kernel.naming import SERVICES
from tests.infrastructure.templates import Assembly, Resource, referred
from tests.infrastructure.test_functions import imports_of

REPOSITORY = Path(__file__).parents[2]


def alarms(assembly: Assembly, metric: str) -> list[Resource]:
    return [alarm for alarm in assembly.resources("CloudWatch::Alarm") if alarm.properties["MetricName"] == metric]


def watched(found: list[Resource]) -> set[tuple[str, str]]:
    """Return the resources that these alarms watch."""
    return {
        (alarm.service, referred(d["Value"]) if isinstance(d["Value"], dict) and "Ref" in d["Value"] else str(d["Value"]))
        for alarm in found
        for d in alarm.properties["Dimensions"]
    }


def test_every_alarm_notifies_the_topic_and_names_the_next_step(assembly: Assembly) -> None:
    for alarm in assembly.resources("CloudWatch::Alarm"):
        (action,) = alarm.properties["AlarmActions"]
        if alarm.service == "platform":
            assert action["Ref"] == assembly.one("SNS::Topic", "platform", "AlarmTopic").id
        else:
            parameter = assembly.templates[alarm.service]["Parameters"][action["Ref"]]
            assert parameter["Default"] == "/orderflow/dev/platform/alarm-topic-arn", alarm
        assert ":" in alarm.properties["AlarmDescription"], alarm


def test_first_dead_letter_raises_an_alarm(assembly: Assembly) -> None:
    found = alarms(assembly, "ApproximateNumberOfMessagesVisible")
    ends = [queue for queue in assembly.resources("SQS::Queue") if "RedrivePolicy" not in queue.properties]
    assert len(found) == len(ends)
    about = {alarm.properties["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for alarm in found}
    assert about == {queue.id for queue in ends}
    assert {alarm.properties["Threshold"] for alarm in found} == {0}


def test_every_consumed_queue_has_an_alarm_before_a_message_is_lost(assembly: Assembly) -> None:
    found = alarms(assembly, "ApproximateAgeOfOldestMessage")
    sources = {queue.id for queue in assembly.resources("SQS::Queue") if "RedrivePolicy" in queue.properties}
    about = {alarm.properties["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for alarm in found}
    assert about == sources
    assert len(found) == len(assembly.resources("SQS::Queue")) - len(alarms(assembly, "ApproximateNumberOfMessagesVisible"))
    delays = {(queue.service, queue.id): queue.properties.get("DelaySeconds", 0) for queue in assembly.resources("SQS::Queue")}
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


def test_every_metric_has_an_alarm(lasting: Assembly) -> None:
    """The stage with the real adapters has all alarms. A metric without an alarm would be unused."""
    alarmed = {
        (alarm.service, alarm.properties["MetricName"])
        for alarm in lasting.resources("CloudWatch::Alarm")
        if alarm.properties["Namespace"] == "Orderflow"
    }
    found = counted(lasting)
    assert found >= {("shipping", "ShipmentsNotMoved"), ("audit", "AuditFindings"), ("order", "EventsRepublished")}
    assert found - alarmed == set(), "counted for nobody"
    assert alarmed - found == {("payment", "PaymentDisputed")}, "its name is in a table of event handlers"


def test_documents_named_by_alarms_exist(lasting: Assembly) -> None:
    for alarm in lasting.resources("CloudWatch::Alarm"):
        for name in re.findall(r"[\w/-]+\.md", alarm.properties["AlarmDescription"]):
            assert (REPOSITORY / name).exists(), alarm


def test_runbooks_name_the_metrics_whose_alarms_lead_to_them(lasting: Assembly) -> None:
    for alarm in lasting.resources("CloudWatch::Alarm"):
        metric = alarm.properties["MetricName"]
        for name in re.findall(r"docs/how-to/runbooks/[\w-]+\.md", alarm.properties["AlarmDescription"]):
            if alarm.properties["Namespace"] == "Orderflow":
                assert f"`{metric}`" in (REPOSITORY / name).read_text(encoding="utf-8"), metric


def test_every_function_has_an_alarm_on_errors(assembly: Assembly) -> None:
    functions = {(function.service, function.id) for function in assembly.resources("Lambda::Function")}
    assert watched(alarms(assembly, "Errors")) == functions


def test_sweeper_or_auditor_that_does_not_run_raises_an_alarm(assembly: Assembly) -> None:
    found = alarms(assembly, "Invocations")
    sweepers = {(service, assembly.function(service, "sweeper").id) for service in SERVICES}
    assert watched(found) == sweepers | {("audit", assembly.one("Lambda::Function", "audit", "Function").id)}
    assert {alarm.properties["TreatMissingData"] for alarm in found} == {"breaching"}


def test_late_relay_raises_an_alarm(assembly: Assembly) -> None:
    found = alarms(assembly, "IteratorAge")
    assert watched(found) == {(service, assembly.function(service, "relay").id) for service in SERVICES}
    assert {alarm.properties["Threshold"] for alarm in found} == {5 * 60 * 1000}


def test_failed_runs_or_compensations_raise_an_alarm(assembly: Assembly) -> None:
    for metric in ("ExecutionsFailed", "ExecutionsTimedOut"):
        (alarm,) = alarms(assembly, metric)
        assert alarm.properties["Namespace"] == "AWS/States"
    for metric in ("CompensationFailed", "OrderStuck"):
        (alarm,) = alarms(assembly, metric)
        assert alarm.properties["Namespace"] == "Orderflow"
        assert alarm.properties["Dimensions"] == [{"Name": "service", "Value": "order"}]
        assert alarm.properties["Threshold"] == 0


def test_alarms_can_publish_to_the_topic_only_over_tls(assembly: Assembly) -> None:
    (policy,) = assembly.resources("SNS::TopicPolicy")
    by_sid = {statement["Sid"]: statement for statement in policy.properties["PolicyDocument"]["Statement"]}
    assert by_sid["AlarmsMayTell"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert by_sid["AllowPublishThroughSSLOnly"]["Effect"] == "Deny"


def test_broken_invariant_raises_an_alarm(assembly: Assembly) -> None:
    (alarm,) = alarms(assembly, "AuditFindings")
    assert alarm.properties["Namespace"] == "Orderflow"
    assert alarm.properties["Threshold"] == 0


def test_refused_receipt_raises_an_alarm_at_once(assembly: Assembly) -> None:
    found = alarms(assembly, "ReceiptRefused")
    assert sorted(alarm.service for alarm in found) == ["inventory", "order", "payment"]
    for alarm in found:
        assert (alarm.properties["Threshold"], alarm.properties["ComparisonOperator"]) == (0, "GreaterThanThreshold")
        assert "docs/how-to/runbooks/receipt-refused.md" in alarm.properties["AlarmDescription"]
