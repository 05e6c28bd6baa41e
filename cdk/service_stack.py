"""A stack of one service (or of the platform), and the law by which stacks find each other.

A stack hands nothing to another. It publishes what others need as SSM parameters `/orderflow/<stage>/<service>/<thing>`, and
reads what it needs by name when it is deployed. What it publishes and requires is declared as it does so, and tells the order
of deployment.
"""

import re
from collections.abc import Sequence
from typing import Any

from aws_cdk import RemovalPolicy, Stack, Tags
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk import deploy_order
from cdk.deploy_order import Stacked
from services.kernel.names import parameter_name

PLATFORM = "platform"
SHORT_LIVED_STAGE = "dev"
"""The stage whose tables and archive go with their stack. In every other stage they stay when their stack is destroyed."""


class ServiceStack(Stack):
    """`Orderflow<Stage>-<Service>`."""

    def __init__(self, scope: Construct, stage: str, service: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9]{0,15}", stage):
            raise ValueError(f"{stage!r} is not a stage: up to 16 of a-z 0-9, a letter first, such as dev")
        super().__init__(
            scope,
            f"Orderflow{stage.capitalize()}-{service.capitalize()}",
            description=f"Orderflow, stage {stage}: {service}",
        )
        self.stage = stage
        self.service = service
        self.provides: set[str] = set()
        self._required: dict[str, str] = {}
        Tags.of(self).add("orderflow:stage", stage)
        Tags.of(self).add("orderflow:service", service)

    @property
    def keeps_data(self) -> bool:
        """Whether tables and archive outlive the stack, and are protected from deletion."""
        return self.stage != SHORT_LIVED_STAGE

    @property
    def removal_policy(self) -> RemovalPolicy:
        """What becomes of a table or the archive when its stack is destroyed."""
        return RemovalPolicy.RETAIN if self.keeps_data else RemovalPolicy.DESTROY

    def setting(self, name: str, default: Any) -> Any:
        """The CDK context's value for `name` (`-c name=value`), of the default's type, or the default."""
        given = self.node.try_get_context(name)
        return default if given is None else type(default)(given)

    def publish(self, thing: str, value: str) -> None:
        """Let others find `value` under `/orderflow/<stage>/<this service>/<thing>`."""
        name = parameter_name(self.stage, self.service, thing)
        self.provides.add(name)
        construct_id = thing.title().replace("-", "") + "Parameter"
        ssm.StringParameter(self, construct_id, parameter_name=name, string_value=value)

    def require(self, service: str, thing: str) -> str:
        """What another stack published, as a token that CloudFormation resolves at deployment."""
        name = parameter_name(self.stage, service, thing)
        if name not in self._required:
            self._required[name] = ssm.StringParameter.value_for_string_parameter(self, name)
        return self._required[name]

    def wiring(self) -> Stacked:
        """The names that this stack publishes and requires."""
        return Stacked(self.stack_name, tuple(sorted(self.provides)), tuple(sorted(self._required)))


def put_in_order(stacks: Sequence[ServiceStack]) -> list[Stacked]:
    """Let each stack be deployed after those that publish what it requires; all in that order.

    Raises deploy_order.Unprovided and deploy_order.Cyclic.
    """
    listed = deploy_order.in_order([stack.wiring() for stack in stacks])
    by_name = {stack.stack_name: stack for stack in stacks}
    for name, needed in deploy_order.dependencies(listed).items():
        for other in sorted(needed):
            by_name[name].add_stack_dependency(by_name[other])
    return listed
