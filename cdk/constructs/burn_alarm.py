"""The alarms of the objectives: one for each window, and one that joins them and notifies."""

from aws_cdk import Duration, Tags
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.constructs.alarm import TIER_TAG, Tier, runbook_file
from cdk.objectives import BURNS, OBJECTIVES, RUNBOOK, Burn, Objective, Series, expression, threshold
from cdk.service_stack import ServiceStack
from kernel.naming import metrics_namespace


def watch_objectives(stack: ServiceStack) -> None:
    """Add the alarms of the objectives of the stack's service, in the tier `full`.

    All metrics of a metric-math alarm have one period, so each window has an alarm of its own. A composite alarm rings when
    both windows of a burn do. CloudWatch evaluates each alarm once a minute, over the minutes before
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html).
    """
    if stack.settings.alarms != Tier.FULL:
        return
    for objective in OBJECTIVES:
        if objective.service == stack.service:
            burns = [cloudwatch.AlarmRule.all_of(*_windows(stack, objective, burn)) for burn in BURNS]
            joined = cloudwatch.CompositeAlarm(
                stack,
                f"{objective.name}Objective",
                alarm_rule=cloudwatch.AlarmRule.any_of(*burns),
                alarm_description=f"the error budget burns: {objective.promise}: {runbook_file(RUNBOOK)}",
            )
            stack.alarms[RUNBOOK].append(joined)


def _windows(stack: ServiceStack, objective: Objective, burn: Burn) -> list[cloudwatch.Alarm]:
    return [_window(stack, objective, burn, name, minutes, least) for name, minutes, least in burn.windows]


def _window(stack: ServiceStack, objective: Objective, burn: Burn, name: str, minutes: int, least: int) -> cloudwatch.Alarm:
    period = Duration.minutes(minutes)
    share = cloudwatch.MathExpression(
        expression=expression(objective, least),
        label=f"share of orders that miss the objective {objective.name}",
        period=period,
        using_metrics={key: _metric(stack, series, period) for key, series in objective.series.items()},
    )
    made = cloudwatch.Alarm(
        stack,
        f"{objective.name}{burn.name}{name}Alarm",
        metric=share,
        alarm_description=(
            f"the error budget burns {burn.rate:g} times too fast in {minutes} minutes, {objective.promise}: "
            f"{runbook_file(RUNBOOK)}"
        ),
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        threshold=threshold(objective, burn),
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
    Tags.of(made).add(TIER_TAG, Tier.FULL)
    return made


def _metric(stack: ServiceStack, series: Series, period: Duration) -> cloudwatch.Metric:
    if series.of_api:
        (api,) = (node for node in stack.node.find_all() if isinstance(node, apigatewayv2.CfnApi))
        namespace, dimensions = "AWS/ApiGateway", {"ApiId": api.ref}
    else:
        namespace, dimensions = metrics_namespace(stack.stage), {"service": series.service}
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=series.metric,
        dimensions_map=dimensions,
        statistic=series.statistic,
        period=period,
    )
