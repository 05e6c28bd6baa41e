"""`orderctl deploy` and `destroy`: the order, refusals before anything is begun, and the messages."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from botocore.exceptions import ClientError

import stages
from cdk import stack_contract, stack_order
from cdk.stack_contract import Contract
from cdk.stack_order import StackWiring
from laptop import bring_up as laptop_module
from operations.aws.target import Kind, Target
from operations.deploy import cdk_cli, requirements, watched_alarms
from operations.deploy.cdk_cli import Cdk
from operations.errors import UserError
from orderctl.commands import deploy as command
from tests.support import journal_objects
from tests.unit.orderctl.conftest import Stage, orderctl

BUS, COMMANDS, CONTACT = (
    "/orderflow/dev/platform/bus-arn",
    "/orderflow/dev/payment/commands-arn",
    "/orderflow/dev/order/contact-arn",
)
PLATFORM = StackWiring("OrderflowDev-Platform", (BUS,), ())
PAYMENT = StackWiring("OrderflowDev-Payment", (COMMANDS,), (BUS,))
ORDER = StackWiring("OrderflowDev-Order", (CONTACT,), (BUS, COMMANDS))
SHIPPING = StackWiring("OrderflowDev-Shipping", (), (BUS, CONTACT))
STACKS = [PLATFORM, PAYMENT, ORDER, SHIPPING]
NAMES = {stack.name for stack in STACKS}


def chosen(*services: str, everything: bool = False) -> list[str]:
    return [requirements.service_of(stack) for stack in requirements.chosen(STACKS, services, everything=everything)]


def test_services_are_deployed_in_the_order_of_deployment_however_they_are_named() -> None:
    assert chosen("shipping", "payment") == ["payment", "shipping"]
    assert chosen("OrderflowDev-Order") == ["order"]
    assert chosen("Payment", "payment") == ["payment"]
    assert chosen(everything=True) == ["platform", "payment", "order", "shipping"]


def test_missing_double_or_unknown_choice_of_services_is_refused() -> None:
    for services, everything, said in (
        ((), False, "Name the services, or --all"),
        (("order",), True, "Name the services, or --all"),
        (("billing",), False, "There is no service 'billing'"),
    ):
        with pytest.raises(UserError, match=said) as refused:
            chosen(*services, everything=everything)
        assert refused.value.hint == "Choose from: platform, payment, order, shipping."


def test_stack_without_its_provider_is_refused() -> None:
    with pytest.raises(UserError) as refused:
        requirements.check_required([PAYMENT], STACKS, set())
    assert (
        refused.value.message
        == f"OrderflowDev-Payment needs {BUS}, and OrderflowDev-Platform, which provides it, is not deployed."
    )
    assert refused.value.hint == "Deploy it first: `orderctl deploy platform`, or both: `orderctl deploy platform payment`."


def test_stack_is_deployed_with_or_after_its_provider() -> None:
    requirements.check_required([PLATFORM, PAYMENT], STACKS, set())
    requirements.check_required([PAYMENT], STACKS, {BUS})
    requirements.check_required(STACKS, STACKS, set())


def test_first_missing_provider_is_named() -> None:
    with pytest.raises(UserError, match="OrderflowDev-Order needs /orderflow/dev/payment/commands-arn"):
        requirements.check_required([PLATFORM, ORDER, SHIPPING], STACKS, set())


def test_stack_that_another_one_needs_is_not_destroyed() -> None:
    with pytest.raises(
        UserError, match="OrderflowDev-Payment cannot be destroyed: OrderflowDev-Order needs its " + COMMANDS
    ) as refused:
        requirements.check_unneeded([PAYMENT], STACKS, NAMES)
    assert "`orderctl destroy order payment`" in refused.value.hint


def test_stack_is_destroyed_with_or_after_its_dependents() -> None:
    requirements.check_unneeded([SHIPPING], STACKS, NAMES)
    requirements.check_unneeded([PAYMENT, ORDER, SHIPPING], STACKS, NAMES)
    requirements.check_unneeded([PAYMENT], STACKS, {"OrderflowDev-Platform", "OrderflowDev-Payment"})
    requirements.check_unneeded(STACKS, STACKS, NAMES)


class OnlyThePlatform:
    """CloudFormation of an account that has the platform, and nothing else of Orderflow unless a test adds it to `there`."""

    def __init__(self) -> None:
        self.there = {PLATFORM.name}
        self.protection: dict[str, bool] = {}
        self.alarms: list[str] = []

    def get_paginator(self, operation: str) -> "OnlyThePlatform":
        assert operation == "list_stack_resources"
        return self

    def paginate(self, **request: str) -> list[dict[str, Any]]:
        assert request == {"StackName": PLATFORM.name}
        found = [{"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": name} for name in self.alarms]
        return [{"StackResourceSummaries": [*found, {"ResourceType": "AWS::SNS::Topic", "PhysicalResourceId": "topic"}]}]

    def describe_stacks(self, **request: str) -> dict[str, Any]:
        if request["StackName"] not in self.there:
            message = f"Stack with id {request['StackName']} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        return {"Stacks": [{"StackName": request["StackName"], "StackStatus": "CREATE_COMPLETE", **self.protection}]}

    def update_termination_protection(self, **request: Any) -> None:
        assert request["StackName"] == PLATFORM.name
        self.protection = {"EnableTerminationProtection": request["EnableTerminationProtection"]}


@pytest.fixture
def account(aws: None) -> Stage:
    stage = Stage(fakes={"cloudformation": OnlyThePlatform(), "cdk": FakeCdk()})
    stage.client("ssm").put_parameter(Name=BUS, Value="arn", Type="String")
    stage.client("ssm").put_parameter(Name=requirements.BOOTSTRAPPED, Value="30", Type="String")
    return stage


def test_deployed_stacks_are_read_from_the_account(account: Stage) -> None:
    assert requirements.parameters_there(account) == {BUS: "arn"}
    assert requirements.stacks_there(account, STACKS) == {"OrderflowDev-Platform"}


class NoLongerSignedIn:
    """CloudFormation, for a caller with an expired session."""

    def describe_stacks(self, **request: str) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "the token is expired"}}, "DescribeStacks")


def test_missing_permission_to_list_stacks_is_an_error() -> None:
    with pytest.raises(ClientError, match="ExpiredToken"):
        requirements.stacks_there(Stage(fakes={"cloudformation": NoLongerSignedIn()}), STACKS)


@dataclass
class FakeCdk:
    """The CDK's command line, which records its changes to the account, and counts its syntheses."""

    done: list[str] = field(default_factory=list)
    syntheses: int = 0
    options: list[str] = field(default_factory=list)
    works: bool = True
    account: Target | None = None

    @property
    def is_untouched(self) -> bool:
        return (self.done, self.syntheses) == ([], 0)

    def synthesizing(self, assembly: Path) -> Path:
        self.syntheses += 1
        return assembly

    def finish(self, assembly: Path, what: str) -> None:
        if not self.works:
            raise UserError("cdk synth failed (code 1).")
        assembly.mkdir(exist_ok=True)
        stack_order.write(STACKS, assembly)

    def deploy(
        self, assembly: Path, stacks: Sequence[str], parameters: Mapping[str, Sequence[str]], options: Sequence[str]
    ) -> None:
        given = [f"{stack}:{parameter}" for stack, chosen in parameters.items() for parameter in chosen]
        self.done.append(" ".join(["deploy", *stacks, *given]))
        self.options = list(options)

    def destroy(self, assembly: Path, stack: str) -> None:
        self.done.append(f"destroy {stack}")

    def differences(self, assembly: Path, stacks: Sequence[str]) -> str:
        return f"[-] AWS::Lambda::Function of {' '.join(stacks)}"

    @property
    def target(self) -> Target:
        """The account that it works on, which `account` sets."""
        assert self.account is not None
        return self.account

    def command(self, arguments: Sequence[str]) -> list[str]:
        self.done.append(" ".join(["cdk", *arguments]))
        return [sys.executable, "-c", "raise SystemExit(7)"]

    def environment(self) -> dict[str, str]:
        return {}


@pytest.fixture
def cdk(account: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCdk:
    """Return the CDK's command line of the account. Its output is in a home of the test's own."""
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    cdk: FakeCdk = account.fakes["cdk"]
    cdk.account = account
    return cdk


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    command.register(app)
    return app


def test_one_service_is_deployed_alone(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    assert orderctl(app, account, "deploy", "payment", "--yes").exit_code == 0
    assert cdk.done == ["deploy OrderflowDev-Payment"]


def test_deployment_shows_place_settings_and_resources_before_it_asks(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    said = orderctl(app, account, "deploy", "payment", stdin="n\n")
    parts = ("account 123456789012, region eu-west-1, stage dev", "no setting changes", "[-] AWS::Lambda::Function", "Deploy?")
    assert sorted(parts, key=said.output.index) == list(parts)
    assert (said.exit_code, cdk.done) == (1, [])


def test_diff_shows_settings_and_resources_and_changes_nothing(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    said = orderctl(app, account, "diff", "payment", "platform")
    assert "Compare payment, platform: account 123456789012, region eu-west-1, stage dev" in said.output
    assert "of OrderflowDev-Platform OrderflowDev-Payment" in said.output
    for stack in STACKS:
        assert stack.name in orderctl(app, account, "diff").output
    assert (said.exit_code, cdk.done) == (0, [])


def test_service_that_does_not_fit_is_not_deployed(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    newer = stack_contract.as_json(Contract(calls={"payment.capture": (2,)}))
    account.client("ssm").put_parameter(Name="/orderflow/dev/order/contract", Value=newer, Type="String")
    for verb in ("deploy", "diff"):
        with pytest.raises(UserError, match=r"order sends payment\.capture in version 2, and payment does not know it"):
            orderctl(app, account, verb, "payment")
    assert cdk.done == []


def alarm(account: Stage, name: str, metric: str, state: str = "OK") -> None:
    watching = account.client("cloudwatch")
    watching.put_metric_alarm(
        AlarmName=name,
        MetricName=metric,
        Namespace="Test",
        Period=300,
        EvaluationPeriods=1,
        Statistic="Sum",
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    watching.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def test_deployment_of_a_watched_stage_is_rolled_back_by_its_alarms(
    app: typer.Typer, account: Stage, cdk: FakeCdk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(stages.FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "dev.yaml").write_text("ephemeral: true\nwatch_minutes: 10\n")
    for number in range(watched_alarms.MOST):
        alarm(account, f"function{number}", "Errors")
    alarm(account, "unpublished", "EventsNotPublished")
    alarm(account, "rings-already", "5xx", "ALARM")
    alarm(account, "sweeper-silent", "Invocations")
    account.client("cloudformation").alarms = [
        *(f"function{number}" for number in range(watched_alarms.MOST)),
        *("unpublished", "rings-already", "sweeper-silent"),
    ]
    said = orderctl(app, account, "deploy", "platform", "--yes")
    assert "watched for 10 minutes by 5 alarms" in said.output
    assert [option.rsplit(":", 1)[-1] for option in cdk.options] == [
        *("--rollback-trigger-alarm-arns", "unpublished", "function0", "function1", "function2", "function3"),
        *("--monitoring-time-minutes", "10"),
    ]
    orderctl(app, account, "deploy", "payment", "--yes")
    assert cdk.options == ["--rollback-trigger-alarm-arns", "none"], "a stack without a deployment has no alarms"


def test_only_an_ephemeral_stage_needs_no_approval_of_broader_permissions() -> None:
    lasting = replace(stages.load("dev"), ephemeral=False)
    assert cdk_cli.approval_options(stages.load("dev")) == ["--require-approval", "never"]
    assert cdk_cli.approval_options(lasting) == ["--require-approval", "broadening", "--yes"]


def test_the_cdk_runs_with_the_arguments_behind_two_dashes(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    said = orderctl(app, account, "cdk", "--", "synth", "--quiet")
    assert (said.exit_code, cdk.done) == (7, ["cdk synth --quiet"])


LASTING = """ephemeral: false
account: "123456789012"
region: eu-west-1
gateway: sandbox
carrier: sandbox
channels: []
sender: shop@orderflow.example
alarm_receiver: oncall@orderflow.example
archive_retention_days: 90
log_retention_days: 90
"""


@pytest.mark.parametrize(
    "option",
    [
        ("--require-approval", "never"),
        ("--require-approval=never",),
        ("--requireApproval", "never"),
        ("--yes",),
        ("-y",),
        ("--watch",),
    ],
    ids=" ".join,
)
def test_cdk_broadens_no_permission_of_a_lasting_stage_unseen(
    option: tuple[str, ...], app: typer.Typer, account: Stage, cdk: FakeCdk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(stages.FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "dev.yaml").write_text(LASTING)
    with pytest.raises(UserError, match="would broaden permissions of stage dev unseen"):
        orderctl(app, account, "cdk", "--", "deploy", "OrderflowDev-Payment", *option)
    assert cdk.done == []
    orderctl(app, account, "cdk", "--", "deploy", "OrderflowDev-Payment", "--require-approval", "any-change")
    assert len(cdk.done) == 1


def test_missing_provider_stops_the_deployment_before_it_starts(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    with pytest.raises(UserError, match="OrderflowDev-Order needs"):
        orderctl(app, account, "deploy", "order", "--yes")
    assert cdk.done == []


def test_journal_is_emptied_again_if_a_stream_wrote_while_it_was_destroyed(account: Stage) -> None:
    store = account.client("s3")
    journal_objects.create_bucket(store, "journal")

    class WrittenMeanwhile(FakeCdk):
        def destroy(self, assembly: Path, stack: str) -> None:
            if not self.done:
                store.put_object(Bucket="journal", Key="events/late", Body=b"")
            super().destroy(assembly, stack)
            if "Contents" in store.list_objects_v2(Bucket="journal"):
                raise UserError("cdk destroy failed (code 1).")

    store.put_object(Bucket="journal", Key="events/early", Body=b"")
    cdk = WrittenMeanwhile(account=account)
    command.destroy_journal(cast(Cdk, cdk), Path(), "OrderflowDev-Journal")
    assert cdk.done == ["destroy OrderflowDev-Journal"] * 2


def test_destroy_asks_first(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    asked = orderctl(app, account, "destroy", "platform", stdin="n\n")
    assert "Destroy OrderflowDev-Platform?" in asked.output
    assert (asked.exit_code, cdk.done) == (1, [])
    assert orderctl(app, account, "destroy", "platform", "--yes").exit_code == 0
    assert cdk.done == ["destroy OrderflowDev-Platform"]


def test_protected_stack_is_destroyed_only_with_lift_protection(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    formation = account.client("cloudformation")
    formation.protection = {"EnableTerminationProtection": True}
    with pytest.raises(UserError, match="OrderflowDev-Platform is protected from termination") as refused:
        orderctl(app, account, "destroy", "platform", "--yes")
    assert (cdk.done, "--lift-protection" in refused.value.hint) == ([], True)
    asked = orderctl(app, account, "destroy", "platform", "--lift-protection", stdin="n\n")
    assert (asked.exit_code, cdk.done, formation.protection) == (1, [], {"EnableTerminationProtection": True})
    orderctl(app, account, "destroy", "platform", "--lift-protection", "--yes")
    assert formation.protection == {"EnableTerminationProtection": False}
    assert cdk.done == ["destroy OrderflowDev-Platform"]


def test_destroy_shows_the_place_and_the_kept_and_lost_resources(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    said = orderctl(app, account, "destroy", "platform", stdin="n\n").output
    assert "Destroy OrderflowDev-Platform: account 123456789012, region eu-west-1, stage dev (ephemeral)." in said
    assert said.index("Deleted: everything") < said.index("Destroy OrderflowDev-Platform?")
    assert "Kept: tables" in requirements.KEPT_AND_LOST[False][0]


def test_only_deployed_stacks_are_destroyed(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    assert "None of these stacks is deployed" in orderctl(app, account, "destroy", "shipping", "--yes").output
    orderctl(app, account, "destroy", "--all", "--yes")
    assert cdk.done == ["destroy OrderflowDev-Platform"]


def test_everything_is_destroyed_in_the_reverse_order(app: typer.Typer, account: Stage, cdk: FakeCdk) -> None:
    account.client("cloudformation").there = NAMES
    orderctl(app, account, "destroy", "--all", "--yes")
    assert [line.rsplit("-", 1)[1] for line in cdk.done] == ["Shipping", "Order", "Payment", "Platform"]


def test_stacks_are_synthesized_again_only_after_a_change(
    app: typer.Typer, account: Stage, cdk: FakeCdk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(stages.FOLDER_VARIABLE, str(tmp_path))
    for level, synthesized in (("INFO", True), ("INFO", False), ("DEBUG", True), ("INFO", True)):
        (tmp_path / "dev.yaml").write_text(f"ephemeral: true\nlog_level: {level}\n")
        before = cdk.syntheses
        orderctl(app, account, "deploy", "payment", "--yes")
        assert cdk.syntheses - before == synthesized
        assert cdk.done[-1] == "deploy OrderflowDev-Payment"


def test_output_of_a_failed_synthesis_is_not_deployed(
    app: typer.Typer, account: Stage, cdk: FakeCdk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orderctl(app, account, "deploy", "payment", "--yes")
    cdk.works = False
    monkeypatch.setenv(stages.FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "dev.yaml").write_text("ephemeral: true\nlog_level: DEBUG\n")
    for _ in range(2):
        with pytest.raises(UserError, match="cdk synth failed"):
            orderctl(app, account, "deploy", "payment", "--yes")
    assert (cdk.done, cdk.syntheses) == (["deploy OrderflowDev-Payment"], 3)


class FakeParameters:
    """SSM, as far as `up` keeps there what it deployed."""

    def __init__(self, **stacks: str) -> None:
        self.known = {"sources": "as they were", "stacks": stacks}

    def get_parameter(self, **request: str) -> dict[str, dict[str, str]]:
        assert request == {"Name": "/orderflow/dev/laptop/deployed"}
        return {"Parameter": {"Value": json.dumps(self.known)}}

    def put_parameter(self, **request: Any) -> None:
        self.known = json.loads(request["Value"])


def test_up_deploys_again_after_a_change_by_another_tool() -> None:
    parameters = FakeParameters(**{PAYMENT.name: "a", ORDER.name: "b"})
    target: Target = Stage(kind=Kind.LAPTOP, fakes={"ssm": parameters})
    laptop_module.invalidate(target, [PAYMENT.name])
    assert parameters.known == {"sources": None, "stacks": {ORDER.name: "b"}}
