"""An alarm that tells the platform's alarm topic."""

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk.service_stack import PLATFORM, ServiceStack


def alarm(
    scope: Construct, name: str, metric: cloudwatch.IMetric, description: str, *, threshold: float = 0, periods: int = 1
) -> cloudwatch.Alarm:
    """Ring when `metric` is above `threshold`, once; missing data is quiet."""
    made = cloudwatch.Alarm(
        scope,
        f"Alarm-{name}",
        metric=metric,
        alarm_description=description,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        threshold=threshold,
        evaluation_periods=periods,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    made.add_alarm_action(actions.SnsAction(_topic(scope)))
    return made


def _topic(scope: Construct) -> sns.ITopic:
    stack = Stack.of(scope)
    assert isinstance(stack, ServiceStack)
    found = stack.node.try_find_child("AlarmTopic")
    if found is None:
        found = sns.Topic.from_topic_arn(stack, "AlarmTopic", stack.require(PLATFORM, "alarm-topic-arn"))
    return found  # type: ignore[return-value]
