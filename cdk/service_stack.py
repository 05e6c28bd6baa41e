"""The stack of one service (or of the platform), and the SSM parameters by which stacks find each other.

Stacks hold no references to each other. A stack publishes values as SSM parameters `/orderflow/<stage>/<service>/<thing>`, and
reads the parameters of others by name when it is deployed. The order of deployment follows from these names.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import cast

from aws_cdk import CfnParameter, CfnRule, CfnRuleAssertion, Environment, Fn, RemovalPolicy, Stack, Tags
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk import bundling, declared_contract, stack_contract, stack_order
from cdk.bundling import Bundle
from cdk.bytecode import deployed_python
from cdk.stack_contract import CONTRACT, Contract
from cdk.stack_order import StackWiring
from kernel.naming import parameter_name, stack_name
from stages import Stage, as_text, parameter_id

PLATFORM = "platform"
STANDARD_LENGTH = 4096
"""The most characters of a standard parameter of SSM. An advanced one holds twice as many, and costs money."""
SETTINGS = "settings"
"""The parameter at which a stack keeps the settings that it was deployed with, as JSON."""


class _RecordedSettings:
    """The settings of a stage, with the attributes of `Stage`. It calls `record` with the name of each setting that is read."""

    def __init__(self, stage: Stage, record: Callable[[str], None]) -> None:
        self._stage = stage
        self._record = record

    def __getattr__(self, name: str) -> object:
        self._record(name)
        return getattr(self._stage, name)


class ServiceStack(Stack):
    """`Orderflow<Stage>-<Service>`.

    `settings` are the stage's. The stack records each one that it reads, as deployed with it. A protected setting becomes a
    rule of the template: CloudFormation refuses a deployment that would change it.
    """

    def __init__(self, scope: Construct, stage: Stage, service: str) -> None:
        where = Environment(account=stage.account, region=stage.region) if stage.account or stage.region else None
        super().__init__(
            scope,
            stack_name(stage.name, service),
            description=f"Orderflow, stage {stage.name}: {service}",
            env=where,
            termination_protection=not stage.ephemeral,
        )
        self.stage = stage.name
        self.service = service
        self.provides: set[str] = set()
        self.contract: Contract = declared_contract.of_service(service, stage.older_versions)
        """The messages between this stack and others."""
        self.alarms: defaultdict[str, list[cloudwatch.AlarmBase]] = defaultdict(list)
        """The stack's alarms, by their runbooks."""
        self._required: dict[str, str] = {}
        self._stage = stage
        self._recorded: dict[str, object] = {}
        self.settings = cast(Stage, _RecordedSettings(stage, self._record))
        Tags.of(self).add("orderflow:stage", stage.name)
        Tags.of(self).add("orderflow:service", service)
        self._record("ephemeral")

    @cached_property
    def bundle(self) -> Bundle:
        """The bundle of the stack's functions. Its sources are read once for all of them."""
        return bundling.bundle(self.service, python=deployed_python())

    @property
    def keeps_data(self) -> bool:
        """True if tables, archive, secrets and logs outlive the stack, and are protected from deletion."""
        return not self._stage.ephemeral

    @property
    def has_versions(self) -> bool:
        """True if functions and the saga have published versions, behind an alias."""
        self._record("traffic")
        return self._stage.has_versions

    @property
    def shifts_traffic(self) -> bool:
        """True if a new version gets its traffic step by step."""
        self._record("traffic")
        return self._stage.shifts_traffic

    @property
    def removal_policy(self) -> RemovalPolicy:
        """The fate of a table, the archive, a secret or a log group when its stack is destroyed."""
        return RemovalPolicy.RETAIN if self.keeps_data else RemovalPolicy.DESTROY

    def _record(self, setting: str) -> None:
        """Record that this stack is deployed with the setting, once; protect it if the stage does."""
        if setting not in self._recorded:
            self._recorded[setting] = self._stage.value(setting)
            if self._stage.protects(setting):
                self._protect(setting, as_text(self._recorded[setting]))

    def log_level(self) -> str:
        """Return the log level of this service's functions."""
        self._recorded["log_level"] = level = self._stage.log_level_of(self.service)
        return level

    def _protect(self, name: str, value: str) -> None:
        """Make CloudFormation compare the value with the one that the stack was deployed with.

        A parameter of a template keeps its value from deployment to deployment unless a caller gives another: the CDK's
        CLI sends `UsePreviousValue` for each parameter that it was not given. Its default counts once, when the stack is
        made. Rules are checked before anything changes.
        """
        parameter = CfnParameter(
            self,
            parameter_id(name),
            default=value,
            description=f"The {name} that this stack was deployed with; give another to allow the change",
        )
        parameter.override_logical_id(parameter_id(name))
        allow = f"`orderctl deploy {self.service} --allow-change {name}`"
        plain = f"`cdk deploy {self.stack_name} --parameters {self.stack_name}:{parameter_id(name)}={value}`"
        rule = CfnRule(
            self,
            f"{parameter_id(name)}Stays",
            assertions=[
                CfnRuleAssertion(
                    assert_=Fn.condition_equals(parameter.value_as_string, value),
                    assert_description=(
                        f"{name} of stage {self.stage} would become {value}, and another is deployed. "
                        f"If that is meant: {allow}, or {plain}."
                    ),
                )
            ],
        )
        rule.override_logical_id(f"{parameter_id(name)}Stays")

    def publish_settings(self) -> None:
        """Keep the settings that this stack read under `settings`, for `orderctl deploy` to compare with the stage's file."""
        self.publish(SETTINGS, json.dumps(self._recorded, sort_keys=True))

    def publish_contract(self) -> None:
        """Keep the stack's contract under `contract`, for `orderctl deploy` to compare with those of other deployments."""
        self.publish(CONTRACT, stack_contract.as_json(self.contract))

    def publish(self, thing: str, value: str) -> None:
        """Let others find `value` under `/orderflow/<stage>/<this service>/<thing>`."""
        name = parameter_name(self.stage, self.service, thing)
        self.provides.add(name)
        construct_id = thing.title().replace("-", "") + "Parameter"
        large = ssm.ParameterTier.ADVANCED if len(value) > STANDARD_LENGTH else None
        ssm.StringParameter(self, construct_id, parameter_name=name, string_value=value, tier=large)

    def require(self, service: str, thing: str) -> str:
        """Return a value that another stack publishes, as a token that CloudFormation resolves at deployment."""
        name = parameter_name(self.stage, service, thing)
        if name not in self._required:
            self._required[name] = ssm.StringParameter.value_for_string_parameter(self, name)
        return self._required[name]

    def required_as(self, value: str) -> str | None:
        """Return the name of the parameter that `require` has returned the value of; None for any other value."""
        return next((name for name, token in self._required.items() if token == value), None)

    def wiring(self) -> StackWiring:
        """Return the names that this stack publishes and requires, and its contract."""
        return StackWiring(self.stack_name, tuple(sorted(self.provides)), tuple(sorted(self._required)), self.contract)


def put_in_order(stacks: Sequence[ServiceStack]) -> list[StackWiring]:
    """Publish each stack's settings and contract, and make it depend on its providers. Return the order of deployment.

    Raises stack_order.MissingProviderError, stack_order.DependencyCycleError and stack_contract.ContractError.
    """
    stack_contract.check_fit({stack.service: stack.contract for stack in stacks})
    for stack in stacks:
        stack.publish_settings()
        stack.publish_contract()
    listed = stack_order.in_order([stack.wiring() for stack in stacks])
    by_name = {stack.stack_name: stack for stack in stacks}
    for name, needed in stack_order.dependencies(listed).items():
        for other in sorted(needed):
            by_name[name].add_stack_dependency(by_name[other])
    return listed
