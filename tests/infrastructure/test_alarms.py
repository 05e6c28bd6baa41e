"""What rings, and that each alarm tells somebody."""

import ast
import re
from pathlib import Path

from orderctl.contracts import catalogue
from services.kernel.names import SERVICES
from tests.infrastructure.templates import Assembly, Resource, referred

REPOSITORY = Path(__file__).parents[2]


def alarms(assembly: Assembly, metric: str) -> list[Resource]:
    return [alarm for alarm in assembly.resources("CloudWatch::Alarm") if alarm.properties["MetricName"] == metric]


def watched(found: list[Resource]) -> set[tuple[str, str]]:
    """The resources that these alarms are about."""
    return {
        (alarm.service, referred(d["Value"]) if isinstance(d["Value"], dict) and "Ref" in d["Value"] else str(d["Value"]))
        for alarm in found
        for d in alarm.properties["Dimensions"]
    }


def test_each_alarm_tells_the_platforms_topic_and_what_to_do(assembly: Assembly) -> None:
    for alarm in assembly.resources("CloudWatch::Alarm"):
        (action,) = alarm.properties["AlarmActions"]
        if alarm.service == "platform":
            assert action["Ref"] == assembly.one("SNS::Topic", "platform", "AlarmTopic").id
        else:
            parameter = assembly.templates[alarm.service]["Parameters"][action["Ref"]]
            assert parameter["Default"] == "/orderflow/dev/platform/alarm-topic-arn", alarm
        assert ":" in alarm.properties["AlarmDescription"], alarm


def test_the_first_dead_letter_rings(assembly: Assembly) -> None:
    found = alarms(assembly, "ApproximateNumberOfMessagesVisible")
    ends = [queue for queue in assembly.resources("SQS::Queue") if "RedrivePolicy" not in queue.properties]
    assert len(found) == len(ends)
    about = {alarm.properties["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for alarm in found}
    assert about == {queue.id for queue in ends}
    assert {alarm.properties["Threshold"] for alarm in found} == {0}


def test_every_queue_that_something_reads_from_rings_before_a_message_is_lost(assembly: Assembly) -> None:
    found = alarms(assembly, "ApproximateAgeOfOldestMessage")
    sources = {queue.id for queue in assembly.resources("SQS::Queue") if "RedrivePolicy" in queue.properties}
    about = {alarm.properties["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for alarm in found}
    assert about == sources
    assert len(found) == len(assembly.resources("SQS::Queue")) - len(alarms(assembly, "ApproximateNumberOfMessagesVisible"))
    assert {alarm.properties["Threshold"] for alarm in found} == {15 * 60}
    assert {alarm.properties["TreatMissingData"] for alarm in found} == {"notBreaching"}
    assert {alarm.properties["Statistic"] for alarm in found} == {"Maximum"}


COUNTS = re.compile(r"\b(add_metric|_?count(ed)?|move_each)\(")
NAME_OF_A_METRIC = re.compile(r"([A-Z][a-z]+){2,}")


def counted() -> set[tuple[str, str]]:
    """Every (service, metric) that the code counts: all CamelCase texts of modules that count, but the detail-types.

    The kernel's are counted by each service that has a relay and a sweeper.
    """
    detail_types = {event.detail_type for event in catalogue.events()}
    found = set()
    for file in (*REPOSITORY.glob("services/*/*.py"), *REPOSITORY.glob("audit/*.py"), *REPOSITORY.glob("journal/*.py")):
        text = file.read_text()
        if file.name == "infrastructure.py" or not COUNTS.search(text):
            continue
        constants = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
        names = {str(name) for name in constants if NAME_OF_A_METRIC.fullmatch(str(name))} - detail_types
        services = SERVICES if file.parent.name == "kernel" else (file.parent.name,)
        found |= {(service, name) for service in services for name in names}
    return found


def test_everything_that_is_counted_rings(lasting: Assembly) -> None:
    """By the stage with the real adapters, which has all alarms; a metric without one is counted for nobody."""
    alarmed = {
        (alarm.service, alarm.properties["MetricName"])
        for alarm in lasting.resources("CloudWatch::Alarm")
        if alarm.properties["Namespace"] == "Orderflow"
    }
    also_events = {("payment", "PaymentDisputed"), ("inventory", "StockRunningLow")}
    assert counted() == alarmed - also_events
    assert counted() >= {("shipping", "ShipmentsNotMoved"), ("audit", "AuditFindings"), ("order", "EventsRepublished")}


def test_an_alarm_names_no_document_that_there_is_not(lasting: Assembly) -> None:
    for alarm in lasting.resources("CloudWatch::Alarm"):
        for name in re.findall(r"[\w/-]+\.md", alarm.properties["AlarmDescription"]):
            assert (REPOSITORY / name).exists(), alarm


def test_every_function_rings_when_it_fails(assembly: Assembly) -> None:
    functions = {(function.service, function.id) for function in assembly.resources("Lambda::Function")}
    assert watched(alarms(assembly, "Errors")) == functions


def test_a_sweeper_or_auditor_that_does_not_run_rings(assembly: Assembly) -> None:
    found = alarms(assembly, "Invocations")
    sweepers = {(service, assembly.function(service, "sweeper").id) for service in SERVICES}
    assert watched(found) == sweepers | {("audit", assembly.one("Lambda::Function", "audit", "Function").id)}
    assert {alarm.properties["TreatMissingData"] for alarm in found} == {"breaching"}


def test_a_relay_that_falls_behind_rings(assembly: Assembly) -> None:
    found = alarms(assembly, "IteratorAge")
    assert watched(found) == {(service, assembly.function(service, "relay").id) for service in SERVICES}
    assert {alarm.properties["Threshold"] for alarm in found} == {5 * 60 * 1000}


def test_the_saga_rings_when_its_runs_or_its_compensations_fail(assembly: Assembly) -> None:
    for metric in ("ExecutionsFailed", "ExecutionsTimedOut"):
        (alarm,) = alarms(assembly, metric)
        assert alarm.properties["Namespace"] == "AWS/States"
    for metric in ("CompensationFailed", "OrderStuck"):
        (alarm,) = alarms(assembly, metric)
        assert alarm.properties["Namespace"] == "Orderflow"
        assert alarm.properties["Dimensions"] == [{"Name": "service", "Value": "order"}]
        assert alarm.properties["Threshold"] == 0


def test_alarms_may_tell_the_topic_and_only_over_tls(assembly: Assembly) -> None:
    (policy,) = assembly.resources("SNS::TopicPolicy")
    by_sid = {statement["Sid"]: statement for statement in policy.properties["PolicyDocument"]["Statement"]}
    assert by_sid["AlarmsMayTell"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert by_sid["AllowPublishThroughSSLOnly"]["Effect"] == "Deny"


def test_books_that_do_not_agree_ring(assembly: Assembly) -> None:
    (alarm,) = alarms(assembly, "AuditFindings")
    assert alarm.properties["Namespace"] == "Orderflow"
    assert alarm.properties["Threshold"] == 0
