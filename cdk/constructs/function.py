"""A Lambda function with its own role and log."""

from collections.abc import Mapping
from typing import cast

import jsii
from aws_cdk import Annotations, AssetHashType, Duration, Fn, IStableStringProducer, Lazy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.bytecode import MISSING
from cdk.constructs.acknowledgement import acknowledge
from cdk.constructs.encryption import let_use_key
from cdk.constructs.log import log_group
from cdk.service_stack import ServiceStack
from kernel.naming import ALIAS, metrics_namespace

NOT_THE_LATEST = "the bundles are resolved and tested for Python 3.13"
OPENTELEMETRY = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument", "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "false"}
"""The variables that start a function under ADOT's layer, for traces only
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Application-Signals-Enable-LambdaMain.html)."""
ACKNOWLEDGED = {
    "AwsSolutions-L1": NOT_THE_LATEST,
    "Serverless-LambdaLatestVersion": NOT_THE_LATEST,
    "Serverless-LambdaDLQ": "called synchronously, by a mapping with its own dead-letter queue, or again in a minute",
    "AwsSolutions-IAM5[Resource::*]": "X-Ray's actions have no resources to name",
}
"""The exceptions of a function, its role and its log."""
ACKNOWLEDGED_OF_FUNCTION = {
    "CKV_AWS_116": ACKNOWLEDGED["Serverless-LambdaDLQ"],
    "CKV_AWS_117": "it reaches AWS and the gateways only, by TLS; a VPC would add cost and a cold start",
    "CKV_AWS_173": "its variables hold names, and no secret",
}
NOT_RESERVED = {"CKV_AWS_115": "its mapping has a maximum concurrency; a reserved one would take it from the saga"}


TABLE_NAME = "table-name"
"""The end of the parameters that name tables."""
RANDOM_PART = 3
"""The part of `<stack>-<service>-<logical id>-<random>` that CloudFormation chose when it made the table."""


@jsii.implements(IStableStringProducer)
class _ValuesOfOthers:
    """The description of a version: the values of other stacks in its variables.

    The id of a version changes with the template, and these values are not in it. A description that changes makes
    CloudFormation publish another version. It has 256 characters, so a table stands there with its random part.
    """

    def __init__(self, stack: ServiceStack, environment: Mapping[str, str]) -> None:
        self.stack = stack
        self.environment = environment

    def produce(self) -> str | None:
        """Return the values, as one token; None if there are none."""
        found = {value: self.stack.required_as(value) for value in self.environment.values()}
        parts = [
            Fn.select(RANDOM_PART, Fn.split("-", value)) if name.endswith(TABLE_NAME) else value
            for value, name in found.items()
            if name is not None
        ]
        return Fn.join(" ", parts) if parts else None


class ServiceFunction(lambda_.Function):
    """`services.<service>.functions.<module>.handler`, allowed only its log, its trace and the grants of `allow`.

    `package` is where the module is, if not there. Only a function that other stacks call by its `name` has one of its own.
    A function that customers wait for has `primed_row`, the prefix of rows that it may read: the stage's settings can start it
    from a snapshot or keep it provisioned. Every caller, queue and rule calls a function by its `entry`: in a stage with
    versions, and then too, it is an alias of the last version.
    `at_most` limits its instances, and reserves as many for it.
    """

    entry: lambda_.IFunction
    """The function, or its alias `live`."""

    def __init__(
        self,
        stack: ServiceStack,
        module: str,
        *,
        timeout_seconds: int,
        environment: Mapping[str, str] | None = None,
        memory_mb: int = 512,
        package: str | None = None,
        name: str | None = None,
        primed_row: str | None = None,
        at_most: int | None = None,
    ) -> None:
        part = Construct(stack, module.capitalize())
        log = log_group(stack, part)
        role = iam.Role(part, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(role)
        setting = f"{stack.service}.{module}"
        is_snapped = primed_row is not None and setting in stack.settings.snap_start
        instances = None if primed_row is None else stack.settings.provisioned_concurrency.get(setting)
        if not stack.bundle.has_bytecode:
            Annotations.of(stack).add_warning_v2("orderflow:no-bytecode", MISSING)
        layer = stack.settings.otel_layer
        self._stack = stack
        self._variables = {
            "STAGE": stack.stage,
            "POWERTOOLS_SERVICE_NAME": stack.service,
            "POWERTOOLS_METRICS_NAMESPACE": metrics_namespace(stack.stage),
            "LOG_LEVEL": stack.log_level(),
            "INDEX_SHARDS": str(stack.settings.index_shards),
            **({"PRIMED_ROW": f"{primed_row}snapshot"} if is_snapped else {}),
            **(OPENTELEMETRY if layer else {}),
            **(environment or {}),
        }
        super().__init__(
            part,
            "Function",
            function_name=name,
            description=f"Orderflow {stack.stage}: {stack.service} {module}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{package or f'services.{stack.service}.functions'}.{module}.handler",
            code=lambda_.Code.from_asset(
                str(stack.bundle.file), asset_hash=stack.bundle.digest, asset_hash_type=AssetHashType.CUSTOM
            ),
            role=role,
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_mb,
            tracing=lambda_.Tracing.ACTIVE,
            layers=[lambda_.LayerVersion.from_layer_version_arn(part, "OpenTelemetry", layer)] if layer else None,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.DEBUG,  # the function drops the lines below its LOG_LEVEL
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            reserved_concurrent_executions=at_most,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if is_snapped else None,
            environment=dict(self._variables),
            current_version_options=lambda_.VersionOptions(
                description=Lazy.string(cast(IStableStringProducer, _ValuesOfOthers(stack, self._variables)))
            ),
        )
        self.entry = self
        if is_snapped or instances or stack.has_versions:
            self.entry = lambda_.Alias(
                part,
                "Live",
                alias_name=ALIAS,
                version=self.current_version,
                provisioned_concurrent_executions=instances,
            )
        acknowledge(part, ACKNOWLEDGED)
        acknowledge(self, ACKNOWLEDGED_OF_FUNCTION | ({} if at_most else NOT_RESERVED))

    def add_environment(self, key: str, value: str, *, remove_in_edge: bool | None = None) -> lambda_.Function:
        """Add a variable."""
        self._variables[key] = value
        return super().add_environment(key, value, remove_in_edge=remove_in_edge)

    def allow(self, *actions: str, on: str | list[str], conditions: Mapping[str, object] | None = None) -> None:
        """Allow the function `actions` on the resources of these ARNs, under `conditions`, and the key that encrypts them."""
        resources = [on] if isinstance(on, str) else on
        self.add_to_role_policy(
            iam.PolicyStatement(actions=list(actions), resources=resources, conditions=dict(conditions or {}))
        )
        assert self.role is not None
        let_use_key(self._stack, self.role, *actions)
