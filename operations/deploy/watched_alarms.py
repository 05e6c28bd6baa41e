"""The alarms by which CloudFormation rolls a deployment back: those of the deployed stack that show a broken service at once.

CloudFormation watches up to five alarms while it updates a stack and for some minutes more. If one of them rings, it restores
the whole stack: functions, the saga, rules, permissions, and the contract
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-rollback-triggers.html).
"""

from dataclasses import dataclass
from typing import Any

from cdk.rollback_metrics import OF_A_SERVICE
from cdk.stack_order import StackWiring
from operations.aws.target import Target

MOST = 5
"""The alarms that CloudFormation watches at most."""
IN_A_CALL = 100
"""The alarms that CloudWatch describes in one call."""


@dataclass(frozen=True)
class Watch:
    """The alarms that CloudFormation watches, by their ARNs, and for how many minutes after the update."""

    alarms: tuple[str, ...] = ()
    minutes: int = 0

    def options(self) -> list[str]:
        """Return the options of `cdk deploy`. Without alarms, the stack forgets those of the last deployment."""
        if not self.alarms:
            return ["--rollback-trigger-alarm-arns", "none"]
        return ["--rollback-trigger-alarm-arns", *self.alarms, "--monitoring-time-minutes", str(self.minutes)]


def of_stack(target: Target, stack: StackWiring, minutes: int) -> Watch:
    """Return the watch of a deployed stack. An alarm that rings already is left out, because it would end the deployment."""
    names = sorted(_alarm_names(target, stack.name))
    client = target.client("cloudwatch")
    found: list[dict[str, Any]] = []
    for first in range(0, len(names), IN_A_CALL):
        found += client.describe_alarms(AlarmNames=names[first : first + IN_A_CALL])["MetricAlarms"]
    quiet = [alarm for alarm in found if alarm.get("MetricName") in OF_A_SERVICE and alarm["StateValue"] != "ALARM"]
    quiet.sort(key=lambda alarm: (OF_A_SERVICE.index(alarm["MetricName"]), alarm["AlarmName"]))
    return Watch(tuple(alarm["AlarmArn"] for alarm in quiet[:MOST]), minutes)


def _alarm_names(target: Target, stack: str) -> list[str]:
    pages = target.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return [
        resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
    ]
