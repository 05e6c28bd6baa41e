"""What rings, and that each alarm tells somebody."""

from services.kernel.names import SERVICES
from tests.infrastructure.templates import Assembly, Resource, referred


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
