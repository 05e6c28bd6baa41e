"""A stack of one service (or of the platform), and the law by which stacks find each other.

A stack hands nothing to another. It publishes what others need as SSM parameters `/orderflow/<stage>/<service>/<thing>`, and
reads what it needs by name when it is deployed. What it publishes and requires is declared as it does so, and tells the order
of deployment.
"""

from aws_cdk import RemovalPolicy, Stack, Tags
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from services.kernel.names import parameter_name

PLATFORM = "platform"
LASTING_STAGES = ("prod", "production", "live")
"""Stages whose tables are kept when their stack is destroyed."""


class ServiceStack(Stack):
    """`Orderflow<Stage>-<Service>`."""

    def __init__(self, scope: Construct, stage: str, service: str) -> None:
        super().__init__(
            scope,
            f"Orderflow{stage.capitalize()}-{service.capitalize()}",
            description=f"Orderflow, stage {stage}: {service}",
        )
        self.stage = stage
        self.service = service
        self.provides: set[str] = set()
        self.requires: set[str] = set()
        self._required: dict[str, str] = {}
        Tags.of(self).add("orderflow:stage", stage)
        Tags.of(self).add("orderflow:service", service)

    @property
    def removal_policy(self) -> RemovalPolicy:
        """What becomes of a table when its stack is destroyed."""
        return RemovalPolicy.RETAIN if self.stage in LASTING_STAGES else RemovalPolicy.DESTROY

    def publish(self, thing: str, value: str) -> None:
        """Let others find `value` under `/orderflow/<stage>/<this service>/<thing>`."""
        name = parameter_name(self.stage, self.service, thing)
        self.provides.add(name)
        ssm.StringParameter(self, f"Publish-{thing}", parameter_name=name, string_value=value)

    def require(self, service: str, thing: str) -> str:
        """What another stack published, as a token that CloudFormation resolves at deployment."""
        name = parameter_name(self.stage, service, thing)
        if name not in self._required:
            self.requires.add(name)
            self._required[name] = ssm.StringParameter.value_for_string_parameter(self, name)
        return self._required[name]
