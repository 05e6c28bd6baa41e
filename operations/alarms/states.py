"""The alarms of a stage as CloudWatch shows them, and a test that one reaches its receiver."""

import re
from collections.abc import Collection
from typing import Final, NotRequired, TypedDict

from kernel.naming import stack_name
from operations.aws.target import Target
from operations.errors import UserError

RINGS: Final = "ALARM"
ORDER: Final = ("ALARM", "INSUFFICIENT_DATA", "OK")
CHILD: Final = re.compile(r'ALARM\("?(?:arn:[^")]*:alarm:)?([^")]+)"?\)')
"""An alarm in the rule of a composite alarm, by its name or its ARN."""
TEST: Final = "`orderctl alarms test`: no fault. CloudWatch sets the state back at its next look."


class DescribedAlarm(TypedDict):
    """An alarm in DescribeAlarms. Its description is the fault, a colon and the runbook. A composite alarm has a rule."""

    AlarmName: str
    StateValue: str
    AlarmDescription: NotRequired[str]
    StateUpdatedTimestamp: NotRequired[object]
    AlarmActions: NotRequired[list[str]]
    AlarmRule: NotRequired[str]


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
    return sorted(map(_state, _described(target)), key=lambda alarm: (ORDER.index(alarm["state"]), alarm["name"]))


def _described(target: Target) -> list[DescribedAlarm]:
    pages = target.client("cloudwatch").get_paginator("describe_alarms")
    prefix = stack_name(target.stage, "")
    return [
        alarm
        for page in pages.paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        for alarm in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]
    ]


def _state(alarm: DescribedAlarm) -> AlarmState:
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

    A composite alarm rings by one of its metric alarms. CloudWatch evaluates a composite alarm only when one of those changes.
    So a state that is set on the composite itself would stay, and the next incident would send no notification
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html).

    Raises UserError for a name that the stage does not have, and for an alarm that rings already, notifies only with others, or
    has a rule that no single alarm fulfils.
    """
    alarms = sorted(_described(target), key=lambda alarm: ("AlarmRule" in alarm, alarm["AlarmName"]))
    if not alarms:
        raise UserError(f"Stage {target.stage} has no alarms.", "Deploy it first: `orderctl deploy --all`.")
    quiet = [alarm for alarm in alarms if alarm["StateValue"] != RINGS]
    switches = {alarm["AlarmName"] for alarm in quiet if "AlarmRule" not in alarm}
    for alarm in quiet:
        switch = _switch(alarm, switches)
        if alarm.get("AlarmActions") and name in (None, alarm["AlarmName"]) and switch:
            target.client("cloudwatch").set_alarm_state(AlarmName=switch, StateValue=RINGS, StateReason=TEST)
            return {**_state(alarm), "state": RINGS}
    hint = (
        "`orderctl alarms list --all` has the names. It must be quiet, and notify by itself. An objective's alarm rings only "
        "if two others do, so it cannot be tested."
    )
    raise UserError(f"No alarm of stage {target.stage} can be tested as {name or 'any'}.", hint)


def _switch(alarm: DescribedAlarm, switches: Collection[str]) -> str | None:
    """Return the quiet metric alarm by which the alarm rings: itself, or one in its rule. None if there is none."""
    rule = alarm.get("AlarmRule")
    if rule is None:
        return alarm["AlarmName"]
    return None if " AND " in rule else next((child for child in CHILD.findall(rule) if child in switches), None)
