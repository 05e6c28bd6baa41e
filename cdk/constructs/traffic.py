"""The shift of traffic from the deployed version of a function or of the saga to the next one, and back if an alarm rings.

In a stage with versions, each caller, queue, rule and schedule reaches a function by its alias `live`. With the setting
`traffic` at `canary` or `linear`, CodeDeploy moves the alias in steps while CloudFormation updates the stack. CloudFormation
moves the alias of the saga. If an alarm rings meanwhile, the alias goes back, and CloudFormation restores the whole stack
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html).
"""

from collections.abc import Iterator, Sequence
from typing import Final, cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from cdk.constructs.alarm import runbook_file
from cdk.constructs.function import ServiceFunction
from cdk.rollback_metrics import ABOUT_A_RESOURCE_BEHIND_A_FUNCTION, OF_A_SERVICE
from cdk.service_stack import ServiceStack
from kernel.naming import ALIAS

STEP_PERCENT: Final = 10
"""The share of traffic that a canary sends to the new version first, and that each step of a linear shift adds."""
CONFIGURATIONS: Final = {
    "canary": "CodeDeployDefault.LambdaCanary10Percent{}Minutes",
    "linear": "CodeDeployDefault.LambdaLinear10PercentEvery{}Minute{}",
}
"""CodeDeploy's configurations (https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html)."""
MOST_ALARMS: Final = 10
"""The alarms that a deployment group may have (https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html)."""


def workflow_entry(stack: ServiceStack, workflow: sfn.StateMachine) -> str:
    """Return the ARN by which callers start the workflow: its own, or that of its alias `live` in a stage with versions.

    A run of the alias keeps the definition of its version until it ends. IAM and metrics know only the workflow's own ARN
    (https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html).
    """
    if not stack.has_versions:
        return workflow.state_machine_arn
    resource = workflow.node.default_child
    assert isinstance(resource, sfn.CfnStateMachine)
    part = workflow.node.scope
    assert isinstance(part, Construct)
    version = sfn.CfnStateMachineVersion(
        part,
        "Version",
        state_machine_arn=workflow.state_machine_arn,
        state_machine_revision_id=resource.attr_state_machine_revision_id,
    )
    alias = sfn.CfnStateMachineAlias(
        part,
        "Live",
        name=ALIAS,
        deployment_preference=sfn.CfnStateMachineAlias.DeploymentPreferenceProperty(
            state_machine_version_arn=version.attr_arn, type="ALL_AT_ONCE"
        ),
    )
    return alias.attr_arn


def shift_traffic(stack: ServiceStack) -> None:
    """Let the aliases of the stack move step by step, if the stage's traffic does.

    The stack must have all its other alarms. The alarms that this adds ring within a minute, and notify no one: the deployment
    itself fails.
    """
    if not stack.shifts_traffic:
        return
    found = list(stack.node.find_all())
    functions = [each for each in found if isinstance(each, ServiceFunction)]
    service_wide = list(_service_wide(stack))
    if functions:
        role, configuration = _deployer(stack), _configuration(stack)
        application = codedeploy.LambdaApplication(stack, "Traffic")
    for function in functions:
        alarms = [_of_function(function), *service_wide][:MOST_ALARMS]
        codedeploy.LambdaDeploymentGroup(
            cast(Construct, function.node.scope),
            "Traffic",
            application=application,
            alias=cast(lambda_.Alias, function.entry),
            alarms=alarms,
            deployment_config=configuration,
            role=role.without_policy_updates(),  # the CDK would attach a policy that allows the aliases of all functions
        )
        for alarm in alarms:
            _allow(role, "cloudwatch:DescribeAlarms", alarm.alarm_arn)
        _allow(role, "lambda:GetAlias", function.function_arn)
        _allow(role, "lambda:UpdateAlias", function.function_arn)
        _allow(role, "lambda:GetProvisionedConcurrencyConfig", f"{function.function_arn}:{ALIAS}")
    for alias in found:
        if isinstance(alias, sfn.CfnStateMachineAlias):
            _shift_workflow(stack, alias, service_wide)


def _configuration(stack: ServiceStack) -> codedeploy.ILambdaDeploymentConfig:
    """Return CodeDeploy's configuration by the settings `traffic` and `traffic_minutes`."""
    minutes = stack.settings.traffic_minutes
    name = CONFIGURATIONS[stack.settings.traffic].format(minutes, "" if minutes == 1 else "s")
    return codedeploy.LambdaDeploymentConfig.from_lambda_deployment_config_name(stack, "TrafficSteps", name)


def _deployer(stack: ServiceStack) -> iam.Role:
    """Create the role by which CodeDeploy moves the aliases of this stack's functions, and reads its alarms."""
    return iam.Role(stack, "TrafficRole", assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"))


def _allow(role: iam.Role, action: str, resource: str) -> None:
    role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[resource]))


def _service_wide(stack: ServiceStack) -> Iterator[cloudwatch.Alarm]:
    """Yield the alarms of the stack that show a broken deployment, and that refer to no function."""
    metrics = [metric for metric in OF_A_SERVICE if metric not in ABOUT_A_RESOURCE_BEHIND_A_FUNCTION]
    for alarms in stack.alarms.values():
        for alarm in alarms:
            resource = alarm.node.default_child
            if not isinstance(alarm, cloudwatch.Alarm) or not isinstance(resource, cloudwatch.CfnAlarm):
                continue  # a composite alarm has no metric
            if resource.metric_name in metrics:
                yield alarm


def _of_function(function: ServiceFunction) -> cloudwatch.Alarm:
    """Create the alarm on an error of the function's alias, by either version."""
    errors = cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name="Errors",
        dimensions_map={"FunctionName": function.function_name, "Resource": f"{function.function_name}:{ALIAS}"},
        statistic=cloudwatch.Stats.SUM,
        period=Duration.minutes(1),
    )
    return _alarm(cast(Construct, function.node.scope), errors, "a new version raises or times out", "function-fails")


def _shift_workflow(stack: ServiceStack, alias: sfn.CfnStateMachineAlias, service_wide: Sequence[cloudwatch.Alarm]) -> None:
    part = cast(Construct, alias.node.scope)
    (workflow,) = (each for each in part.node.find_all() if isinstance(each, sfn.StateMachine))
    at_once = cast(sfn.CfnStateMachineAlias.DeploymentPreferenceProperty, alias.deployment_preference)
    failed = _alarm(part, workflow.metric_failed(period=Duration.minutes(1)), "a new version's runs fail", "saga-runs-fail")
    alias.deployment_preference = sfn.CfnStateMachineAlias.DeploymentPreferenceProperty(
        state_machine_version_arn=at_once.state_machine_version_arn,
        type=stack.settings.traffic.upper(),
        percentage=STEP_PERCENT,
        interval=stack.settings.traffic_minutes,
        alarms=[alarm.alarm_name for alarm in (failed, *service_wide)],
    )


def _alarm(scope: Construct, metric: cloudwatch.IMetric, fault: str, runbook: str) -> cloudwatch.Alarm:
    """Create an alarm that only a shift of traffic reads."""
    return cloudwatch.Alarm(
        scope,
        "RollbackAlarm",
        metric=metric,
        alarm_description=f"{fault}, which ends a shift of traffic: {runbook_file(runbook)}",
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        threshold=0,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )
