"""Alarms: each names the runbook that an operator follows, and is in the tier `essential` or `full`.

A stage has the alarms of its tier (setting `alarms`). Those of `essential` show that orders, money or parcels need an operator.
`full` adds causes and early signs, such as throttling. There, one composite alarm notifies for all alarms of a service with
the same runbook, so an incident is one page.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import cast

from aws_cdk import Duration, Tags
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct, IConstruct

from cdk.service_stack import PLATFORM, ServiceStack
from kernel.naming import metrics_namespace


class Tier(StrEnum):
    """The tiers of alarms, as the setting `alarms` names them."""

    ESSENTIAL = "essential"
    FULL = "full"


ALARM_TOPIC = "AlarmTopic"
"""The id of the alarm topic in each stack."""
TIER_TAG = "orderflow:tier"
"""The tag of an alarm with its tier."""


def runbook_file(name: str) -> str:
    """Return the path of a runbook, from the repository's root."""
    return f"docs/how-to/runbooks/{name}.md"


def alarm(
    stack: ServiceStack,
    scope: IConstruct,
    name: str,
    metric: cloudwatch.IMetric,
    fault: str,
    runbook: str,
    *,
    above: float = 0,
    periods: int = 1,
    silence: bool = False,
    tier: Tier = Tier.ESSENTIAL,
) -> None:
    """Alarm when `metric` exceeds `above` for `periods` periods; missing data counts as none.

    With `silence`, alarm when it has counted nothing, or has no data, for so long.
    """
    if tier == Tier.FULL != stack.settings.alarms:
        return
    comparison, missing = cloudwatch.ComparisonOperator, cloudwatch.TreatMissingData
    made = cloudwatch.Alarm(
        cast(Construct, scope),
        f"{name}Alarm",
        metric=metric,
        alarm_description=f"{fault}: {runbook_file(runbook)}",
        comparison_operator=comparison.LESS_THAN_THRESHOLD if silence else comparison.GREATER_THAN_THRESHOLD,
        threshold=1 if silence else above,
        evaluation_periods=periods,
        treat_missing_data=missing.BREACHING if silence else missing.NOT_BREACHING,
    )
    Tags.of(made).add(TIER_TAG, tier)
    stack.alarms[runbook].append(made)


def alarm_on_count(
    stack: ServiceStack,
    name: str,
    fault: str,
    runbook: str,
    *,
    above: float = 0,
    periods: int = 1,
    tier: Tier = Tier.ESSENTIAL,
) -> None:
    """Alarm when a function of the service counts more than `above` in the Powertools metric `name` in five minutes.

    With `periods`, alarm only after that many periods of five minutes in a row.
    """
    metric = cloudwatch.Metric(
        namespace=metrics_namespace(stack.stage),
        metric_name=name,
        dimensions_map={"service": stack.service},
        statistic=cloudwatch.Stats.SUM,
        period=Duration.minutes(5),
    )
    alarm(stack, stack, name, metric, fault, runbook, above=above, periods=periods, tier=tier)


def notify(stack: ServiceStack) -> None:
    """Let the stack's alarms notify the topic: each by itself, in the tier `full` those of one runbook together."""
    together = stack.settings.alarms == Tier.FULL
    for runbook, alarms in sorted(stack.alarms.items()):
        ringing: Sequence[cloudwatch.AlarmBase] = alarms
        if together and len(alarms) > 1:
            incident = cloudwatch.CompositeAlarm(
                stack,
                "".join(word.capitalize() for word in runbook.split("-")) + "Incident",
                alarm_rule=cloudwatch.AlarmRule.any_of(*alarms),
                alarm_description=f"{stack.service} has an incident: {runbook_file(runbook)}",
            )
            ringing = [incident]
        for each in ringing:
            each.add_alarm_action(actions.SnsAction(_topic(stack)))


def _topic(stack: ServiceStack) -> sns.ITopic:
    known = stack.node.try_find_child(ALARM_TOPIC)
    if known is not None:
        return cast(sns.ITopic, known)
    return sns.Topic.from_topic_arn(stack, ALARM_TOPIC, stack.require(PLATFORM, "alarm-topic-arn"))
