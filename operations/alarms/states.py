"""The alarms of a stage as CloudWatch shows them, and a test that one reaches its receiver."""

from typing import Final, NotRequired, TypedDict

from kernel.naming import stack_name
from operations.aws.target import Target
from operations.errors import UserError

RINGS: Final = "ALARM"
ORDER: Final = ("ALARM", "INSUFFICIENT_DATA", "OK")
TEST: Final = "`orderctl alarms test`: no fault. CloudWatch sets the state back at its next look."


class MetricAlarm(TypedDict):
    """An alarm in DescribeAlarms. Its description is the fault, a colon and the runbook."""

    AlarmName: str
    StateValue: str
    AlarmDescription: NotRequired[str]
    StateUpdatedTimestamp: NotRequired[object]
    AlarmActions: NotRequired[list[str]]


class AlarmState(TypedDict):
    """An alarm of the stage: its state and since when, the fault, its runbook, and if it notifies by itself."""

    name: str
    state: str
    since: str
    fault: str
    runbook: str
    notifies: bool


def of_stage(target: Target) -> list[AlarmState]:
    """Return the stage's alarms, those that ring first."""
    pages = target.client("cloudwatch").get_paginator("describe_alarms")
    prefix = stack_name(target.stage, "")
    found: list[MetricAlarm] = [
        alarm
        for page in pages.paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        for alarm in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]
    ]
    return sorted(map(_state, found), key=lambda alarm: (ORDER.index(alarm["state"]), alarm["name"]))


def _state(alarm: MetricAlarm) -> AlarmState:
    fault, _, runbook = alarm.get("AlarmDescription", "").rpartition(": ")
    return {
        "name": alarm["AlarmName"],
        "state": alarm["StateValue"],
        "since": str(alarm.get("StateUpdatedTimestamp", "")),
        "fault": fault,
        "runbook": runbook,
        "notifies": bool(alarm.get("AlarmActions")),
    }


def send_test(target: Target, name: str | None) -> AlarmState:
    """Let one alarm ring, so that its receiver gets a notification. Without a name, the first that notifies and is quiet.

    Raises UserError for a name that the stage does not have, and for an alarm that rings already or notifies only with others.
    """
    alarms = of_stage(target)
    if not alarms:
        raise UserError(f"Stage {target.stage} has no alarms.", "Deploy it first: `orderctl deploy --all`.")
    able = [alarm for alarm in alarms if alarm["notifies"] and alarm["state"] != RINGS]
    chosen = next((alarm for alarm in able if name in (None, alarm["name"])), None)
    if chosen is None:
        hint = "`orderctl alarms list --all` has the names. It must be quiet, and notify by itself."
        raise UserError(f"No alarm of stage {target.stage} can be tested as {name or 'any'}.", hint)
    target.client("cloudwatch").set_alarm_state(AlarmName=chosen["name"], StateValue=RINGS, StateReason=TEST)
    return {**chosen, "state": RINGS}
