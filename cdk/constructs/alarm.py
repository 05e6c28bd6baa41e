"""Alarms that publish to the platform's alarm topic."""

from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk.service_stack import PLATFORM, ServiceStack


def alarm(
    stack: ServiceStack,
    scope: Construct,
    name: str,
    metric: cloudwatch.IMetric,
    description: str,
    *,
    above: float = 0,
    periods: int = 1,
) -> cloudwatch.Alarm:
    """Alarm when `metric` exceeds `above` for `periods` periods; missing data counts as none. `description` says what to do."""
    made = cloudwatch.Alarm(
        scope,
        f"{name}Alarm",
        metric=metric,
        alarm_description=description,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        threshold=above,
        evaluation_periods=periods,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    made.add_alarm_action(actions.SnsAction(_topic(stack)))
    return made


def alarm_on_count(stack: ServiceStack, name: str, description: str, *, above: float = 0, periods: int = 1) -> cloudwatch.Alarm:
    """Alarm when a function of the service counts more than `above` in the Powertools metric `name` in five minutes.

    With `periods`, alarm only after that many periods of five minutes in a row.
    """
    metric = cloudwatch.Metric(
        namespace="Orderflow",
        metric_name=name,
        dimensions_map={"service": stack.service},
        statistic=cloudwatch.Stats.SUM,
        period=Duration.minutes(5),
    )
    return alarm(stack, stack, name, metric, description, above=above, periods=periods)


def alarm_on_silence(
    stack: ServiceStack, scope: Construct, name: str, metric: cloudwatch.IMetric, description: str, *, periods: int
) -> cloudwatch.Alarm:
    """Alarm when `metric` has counted nothing, or has no data, for `periods` periods."""
    made = cloudwatch.Alarm(
        scope,
        f"{name}Alarm",
        metric=metric,
        alarm_description=description,
        comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        threshold=1,
        evaluation_periods=periods,
        treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
    )
    made.add_alarm_action(actions.SnsAction(_topic(stack)))
    return made


def _topic(stack: ServiceStack) -> sns.ITopic:
    known = stack.node.try_find_child("AlarmTopic")
    if known is not None:
        return cast(sns.ITopic, known)
    return sns.Topic.from_topic_arn(stack, "AlarmTopic", stack.require(PLATFORM, "alarm-topic-arn"))
