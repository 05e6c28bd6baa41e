"""The changes of a stage's settings by a deployment, and those that need permission by name."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import NoCredentialsError

import stages
from operations.aws.target import LAPTOP_ACCOUNT, Kind, Target
from operations.deploy import deployed_settings, requirements
from operations.deploy.deployed_settings import Change
from operations.errors import UserError, WrongUsageError
from orderctl.commands import deploy as command
from stages import Stage
from tests.unit.orderctl.conftest import Stage as Account
from tests.unit.orderctl.conftest import orderctl
from tests.unit.orderctl.test_deploy import FakeCdk

MOTO_ACCOUNT = "123456789012"
PAYMENT = {"ephemeral": False, "gateway": "stripe", "stripe_url": "https://api.stripe.com", "log_retention_days": 90}
PLATFORM = {"ephemeral": False, "archive_retention_days": 365}


def stage(**settings: Any) -> Stage:
    plain: dict[str, Any] = {"ephemeral": False, "gateway": "stripe", "archive_retention_days": 365, "log_retention_days": 90}
    return Stage("prod", **{**plain, **settings})


def changes(to: Stage, **deployed: dict[str, Any]) -> list[Change]:
    return deployed_settings.changes(to, deployed)


def refused(to: Stage, *allowed: str, **deployed: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        deployed_settings.check_allowed(to, changes(to, **deployed), allowed)
    return f"{caught.value.message} {caught.value.hint}"


def test_deployed_settings_are_read_from_the_parameters_of_the_stacks() -> None:
    parameters = {
        "/orderflow/prod/payment/settings": json.dumps(PAYMENT),
        "/orderflow/prod/payment/gateway": "stripe",
        "/orderflow/prod/shipping/carrier": "easypost",
        "/orderflow/prod/order/api-url": "https://api.example",
    }
    found = deployed_settings.deployed("prod", parameters)
    assert found == {"payment": PAYMENT, "shipping": {"carrier": "easypost"}}


def test_file_equal_to_the_deployed_settings_changes_nothing() -> None:
    assert changes(stage(), payment=PAYMENT, platform=PLATFORM) == []


def test_change_is_shown_for_each_service_with_the_setting() -> None:
    found = changes(stage(log_retention_days=30), payment=PAYMENT, platform=PLATFORM)
    assert found == [Change("payment", "log_retention_days", 90, 30, must_be_allowed=True)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"gateway": "sandbox"}, "gateway of payment from stripe to sandbox. "),
        ({"stripe_url": "https://elsewhere.example"}, "stripe_url of payment from https://api.stripe.com to "),
        ({"log_retention_days": 30}, "log_retention_days of payment from 90 to 30"),
        ({"archive_retention_days": 30}, "archive_retention_days of platform from 365 to 30"),
        ({"ephemeral": True}, "ephemeral of payment from false to true; ephemeral of platform from false to true"),
    ],
)
def test_lasting_stage_refuses_a_change_that_is_not_allowed(settings: dict[str, Any], said: str) -> None:
    to = stage(**settings)
    (name,) = settings
    text = refused(to, payment=PAYMENT, platform=PLATFORM)
    assert said in text
    assert f"--allow-change {name}" in text
    assert "Nothing was changed" in text
    deployed_settings.check_allowed(to, changes(to, payment=PAYMENT, platform=PLATFORM), [name])


def test_every_change_is_allowed_by_its_name() -> None:
    to = stage(gateway="sandbox", log_retention_days=30)
    assert "log_retention_days of payment" in refused(to, "gateway", payment=PAYMENT)


def test_longer_retention_or_a_lasting_stage_needs_no_permission() -> None:
    to = stage(archive_retention_days=731, log_retention_days=365)
    found = changes(to, payment=PAYMENT, platform={**PLATFORM, "ephemeral": True})
    assert [change.setting for change in found] == ["log_retention_days", "ephemeral", "archive_retention_days"]
    deployed_settings.check_allowed(to, found, [])


def test_ephemeral_stage_allows_every_change() -> None:
    to = stage(ephemeral=True, gateway="sandbox")
    deployed_settings.check_allowed(to, changes(to, payment={**PAYMENT, "ephemeral": True}), [])


def test_stage_older_than_stage_files_keeps_its_gateway() -> None:
    assert "gateway of payment from stripe to sandbox" in refused(stage(gateway="sandbox"), payment={"gateway": "stripe"})


def test_a_setting_that_is_not_protected_cannot_be_allowed() -> None:
    with pytest.raises(WrongUsageError, match="There is no protected setting gatewey"):
        deployed_settings.check_protected(["gateway", "gatewey"])


def test_cloudformation_is_given_the_protected_values_that_change() -> None:
    to = stage(gateway="sandbox", archive_retention_days=731)
    found = changes(to, payment=PAYMENT, platform=PLATFORM)
    assert deployed_settings.template_parameters(to, found) == {
        "payment": ["Gateway=sandbox"],
        "platform": ["ArchiveRetentionDays=731"],
    }


def test_an_ephemeral_stages_template_has_one_parameter_only() -> None:
    to = stage(ephemeral=True, gateway="sandbox")
    assert deployed_settings.template_parameters(to, changes(to, payment=PAYMENT)) == {"payment": ["Ephemeral=true"]}


def test_credentials_must_be_of_the_account_of_the_stage(aws: None) -> None:
    account = Account()
    assert requirements.check_account(account, stage(account=MOTO_ACCOUNT)) == MOTO_ACCOUNT
    assert requirements.check_account(account, stage()) == MOTO_ACCOUNT
    with pytest.raises(UserError, match="'prod' belongs to account 210987654321, by its file; these credentials are for 1234"):
        requirements.check_account(account, stage(account="210987654321"))


def test_stage_of_a_real_account_is_not_deployed_on_the_laptop() -> None:
    laptop = Target(Kind.LAPTOP, "http://127.0.0.1:1")
    assert requirements.check_account(laptop, stage(account=LAPTOP_ACCOUNT)) == LAPTOP_ACCOUNT
    with pytest.raises(UserError, match="and not to this laptop"):
        requirements.check_account(laptop, stage(account=MOTO_ACCOUNT))


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    command.register(app)
    return app


@pytest.fixture
def cdk(account: Account) -> FakeCdk:
    cdk: FakeCdk = account.fakes["cdk"]
    return cdk


@pytest.fixture
def account(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Return an account with stage prod, deployed with Stripe. Its file is the example's, in that account."""
    monkeypatch.setenv(stages.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    write(tmp_path)
    account = Account(stage="prod", fakes={"cdk": FakeCdk()})
    ssm = account.client("ssm")
    ssm.put_parameter(Name="/orderflow/prod/payment/settings", Value=json.dumps(PAYMENT), Type="String")
    ssm.put_parameter(Name=requirements.BOOTSTRAPPED, Value="30", Type="String")
    return account


def write(folder: Path, **settings: str) -> None:
    (folder / "prod.yaml").write_text(stages.example("prod", account=f'"{MOTO_ACCOUNT}"', region="eu-west-1", **settings))


def test_deployment_shows_its_place_and_changes_and_asks(
    app: typer.Typer, account: Account, cdk: FakeCdk, tmp_path: Path
) -> None:
    write(tmp_path, log_retention_days="365")
    asked = orderctl(app, account, "deploy", "platform", "payment", stdin="n\n")
    assert "Deploy platform, payment: account 123456789012, region eu-west-1, stage prod (not ephemeral)." in asked.output
    assert asked.output.index("stage prod") < asked.output.index("log_retention_days") < asked.output.index("Deploy?")
    assert "90" in asked.output
    assert "365" in asked.output
    assert (asked.exit_code, cdk.done) == (1, [])


def test_a_deployment_that_changes_the_gateway_is_refused_before_anything_starts(
    app: typer.Typer, account: Account, cdk: FakeCdk, tmp_path: Path
) -> None:
    write(tmp_path, gateway="sandbox")
    with pytest.raises(UserError, match="gateway of payment from stripe to sandbox"):
        orderctl(app, account, "deploy", "payment", "--yes")
    with pytest.raises(UserError, match="gateway of payment from stripe to sandbox"):
        orderctl(app, account, "deploy", "--all", "--yes")
    assert cdk.is_untouched


def test_an_override_that_contradicts_the_file_is_refused_before_anything_starts(
    app: typer.Typer, account: Account, cdk: FakeCdk
) -> None:
    with pytest.raises(UserError, match=r"-c gateway=sandbox contradicts stages/prod.yaml, which says gateway: stripe"):
        orderctl(app, account, "deploy", "payment", "--yes", "-c", "gateway=sandbox")
    with pytest.raises(UserError, match="There is no setting 'gatway'"):
        orderctl(app, account, "deploy", "payment", "--yes", "-c", "gatway=sandbox")
    assert cdk.is_untouched


def test_unknown_service_is_refused_before_anything_starts(app: typer.Typer, account: Account, cdk: FakeCdk) -> None:
    with pytest.raises(UserError, match="There is no service 'paymnt'") as refused:
        orderctl(app, account, "deploy", "paymnt", "--yes")
    assert "platform, inventory, notification, order, payment, shipping, audit, journal" in refused.value.hint
    with pytest.raises(UserError, match="Name the services, or --all"):
        orderctl(app, account, "deploy", "--yes")
    assert cdk.is_untouched


class NotSignedIn:
    """STS, to a person without a session."""

    def get_caller_identity(self) -> None:
        raise NoCredentialsError


def test_credentials_account_and_bootstrap_are_checked_before_anything_starts(
    app: typer.Typer, account: Account, cdk: FakeCdk, tmp_path: Path
) -> None:
    with pytest.raises(NoCredentialsError):
        orderctl(app, Account(stage="prod", fakes={"sts": NotSignedIn()}), "deploy", "--all", "--yes")
    account.client("ssm").delete_parameter(Name=requirements.BOOTSTRAPPED)
    with pytest.raises(UserError, match="not bootstrapped in this account and region eu-west-1") as refused:
        orderctl(app, account, "deploy", "--all", "--yes")
    assert "`orderctl --target aws --stage prod bootstrap`" in refused.value.hint
    (tmp_path / "prod.yaml").write_text(stages.example("prod", account='"210987654321"'))
    for command_line in (("deploy", "--all"), ("destroy", "--all"), ("bootstrap",)):
        with pytest.raises(UserError, match="these credentials are for 123456789012"):
            orderctl(app, account, *command_line, "--yes")
    assert cdk.is_untouched
