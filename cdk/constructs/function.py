"""One function with a role and a log of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import AssetHashType, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk import bundling
from cdk.constructs.alarm import alarm
from cdk.service_stack import ServiceStack

LOG_RETENTION = logs.RetentionDays.ONE_MONTH


class ServiceFunction(Construct):
    """`services.<service>.<module>.handler`, allowed nothing but what `allow` says."""

    def __init__(
        self,
        stack: ServiceStack,
        module: str,
        *,
        timeout_seconds: int,
        environment: Mapping[str, str] | None = None,
        memory_mb: int = 512,
    ) -> None:
        super().__init__(stack, f"Function-{module}")
        log = logs.LogGroup(self, "Log", retention=LOG_RETENTION, removal_policy=RemovalPolicy.DESTROY)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(self.role)
        bundle = bundling.bundle(stack.service)
        self.function = lambda_.Function(
            self,
            "Function",
            description=f"Orderflow {stack.stage}: {stack.service} {module}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"services.{stack.service}.{module}.handler",
            code=lambda_.Code.from_asset(str(bundle.file), asset_hash=bundle.digest, asset_hash_type=AssetHashType.CUSTOM),
            role=self.role,
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_mb,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            environment={
                "STAGE": stack.stage,
                "POWERTOOLS_SERVICE_NAME": stack.service,
                "LOG_LEVEL": "INFO",
                **(environment or {}),
            },
        )
        errors = self.function.metric_errors(period=Duration.minutes(5), statistic=cloudwatch.Stats.SUM)
        alarm(self, "Errors", errors, f"{stack.service} {module} fails")

    @property
    def arn(self) -> str:
        """The function's ARN."""
        return self.function.function_arn

    def allow(self, actions: Sequence[str], *resources: str, conditions: Mapping[str, Any] | None = None) -> None:
        """Let the function do `actions` on `resources`, and only so."""
        self.role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=dict(conditions or {}))
        )
