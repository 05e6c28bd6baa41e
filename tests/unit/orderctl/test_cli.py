"""The global options: the stage and its account, before anything starts."""

import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import stages
from operations.aws.target import Kind
from operations.errors import UserError
from orderctl.cli import app, resolve_target
from tests.unit.orderctl.conftest import orderctl_json


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two stages: dev, and prod in eu-central-1. Nothing of the person's own environment."""
    monkeypatch.setenv(stages.FOLDER_VARIABLE, str(tmp_path))
    for name in ("ORDERFLOW_STAGE", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dev.yaml").write_text("ephemeral: true\n")
    (tmp_path / "prod.yaml").write_text(stages.example("prod"))
    return tmp_path


def refused(*arguments: str) -> str:
    """Return the output of a command that must not start: wrong usage."""
    answer = CliRunner().invoke(app, arguments, env={"COLUMNS": "400", "TERMINAL_WIDTH": "400"})
    assert answer.exit_code == 2, answer.output
    return " ".join(answer.output.replace("│", " ").split())


@pytest.mark.parametrize("name", ["prod-eu", "Prod", "1a", "a" * 17])
@pytest.mark.parametrize("target", [(), ("--target", "aws")])
def test_invalid_stage_name_is_refused_at_once(folder: Path, name: str, target: tuple[str, ...]) -> None:
    for command in (("deploy", "--all"), ("orders", "list"), ("up",)):
        said = refused(*target, "--stage", name, *command)
        law = "up to 16 characters of a-z and 0-9, starting with a letter"
        assert f"'{name}' is not the name of a stage: {law}. Stages: dev, prod." in said


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("orderctl ord", ["orders"]),
        ("orderctl orders pl", ["place"]),
        ("orderctl orders place --if-sh", ["--if-short"]),
        ("orderctl orders place --if-short b", ["back-order"]),
    ],
)
def test_shell_completes_commands_options_and_values(typed: str, completed: list[str]) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    answer = CliRunner().invoke(app, [], env={"_ORDERCTL_COMPLETE": "complete_bash", **words}, prog_name="orderctl")
    assert answer.output.split() == completed


def test_missing_credentials_are_named_on_aws(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UserError, match="No AWS credentials were found") as caught:
        CliRunner().invoke(app, ["--target", "aws", "--stage", "prod", "orders", "list"], catch_exceptions=False)
    assert "aws sso login" in caught.value.hint
    (folder / "blue.yaml").write_text("ephemeral: true\n")
    assert "There is no region. Choose one with --region" in refused("--target", "aws", "--stage", "blue", "orders", "list")


@pytest.mark.parametrize("address", ["http://[", "http://127.0.0.1:99999", "http://127.0.0.1:x"])
def test_an_address_that_is_none_is_refused(folder: Path, address: str) -> None:
    with pytest.raises(UserError, match="is not an address"):
        CliRunner().invoke(app, ["--endpoint-url", address, "orders", "list"], catch_exceptions=False)


@pytest.mark.parametrize("port", ["0", "65536"])
def test_a_port_that_is_none_is_refused(folder: Path, port: str) -> None:
    assert "--port" in refused("up", "--port", port)


def test_aws_has_no_default_stage(folder: Path) -> None:
    said = refused("--target", "aws", "deploy", "--all")
    assert "On AWS there is no default stage. Choose one with --stage: dev, prod." in said


def test_stage_on_aws_needs_a_file(folder: Path) -> None:
    assert "There is no stage 'test'" in refused("--target", "aws", "--stage", "test", "orders", "list")


def test_region_comes_from_the_stage_file(folder: Path) -> None:
    assert resolve_target(Kind.AWS, stage="prod").region == "eu-central-1"
    assert resolve_target(Kind.AWS, stage="prod", region="eu-central-1").region == "eu-central-1"
    with pytest.raises(typer.BadParameter, match=r"stages/prod.yaml puts stage 'prod' in eu-central-1, not in us-east-1"):
        resolve_target(Kind.AWS, stage="prod", region="us-east-1")
    with pytest.raises(typer.BadParameter, match="There is no region"):
        resolve_target(Kind.AWS, stage="dev")


@pytest.mark.parametrize(
    ("environment", "region", "said"),
    [
        ({}, "eu-north-1", "No AWS credentials were found"),
        (
            {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "x", "HTTPS_PROXY": "http://127.0.0.1:9"},
            "eu-south-1",
            "AWS cannot be reached",
        ),
    ],
)
@pytest.mark.parametrize("command", [("orders", "list"), ("deploy", "--all"), ("destroy", "--all")])
def test_missing_credentials_or_network_are_reported_at_once(
    folder: Path,
    loopback: None,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    region: str,
    said: str,
    command: tuple[str, ...],
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    apart = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    for name, value in {**apart, "AWS_MAX_ATTEMPTS": "1", "NO_PROXY": "", "no_proxy": "", **environment}.items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(app, ["--target", "aws", "--stage", "dev", "--region", region, *command])
    assert isinstance(answer.exception, UserError), answer.output
    assert said in answer.exception.message
    assert "orderctl up" not in f"{answer.exception.message}{answer.exception.hint}"


def test_unusable_folder_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("ORDERFLOW_HOME", str(folder / "file" / "home"))
    answer = CliRunner().invoke(app, ["up"])
    assert isinstance(answer.exception, UserError), answer.output
    assert answer.exception.message == f"Cannot use {folder / 'file' / 'home' / 'laptop.json'}: Not a directory."
    assert "set ORDERFLOW_HOME" in answer.exception.hint


def test_stage_on_the_laptop_needs_no_file(folder: Path) -> None:
    target = resolve_target(Kind.LAPTOP, stage="mine")
    assert target.settings() == stages.Stage("mine", ephemeral=True)


def test_stages_are_listed_shown_checked_and_created(folder: Path) -> None:
    assert [row["stage"] for row in orderctl_json(app, None, "stages", "list")] == ["dev", "prod"]  # type: ignore[arg-type]
    assert orderctl_json(app, None, "stages", "show", "prod")["gateway"] == "stripe"  # type: ignore[arg-type]
    made = CliRunner().invoke(app, ["stages", "new", "test", "--account", "210987654321", "--region", "us-east-1"])
    assert made.exit_code == 0, made.output
    assert stages.load("test").account == "210987654321"
    assert CliRunner().invoke(app, ["stages", "check"]).exit_code == 0
    assert "already exists" in str(CliRunner().invoke(app, ["stages", "new", "test"]).exception)
    assert "is not the name of a stage" in refused("stages", "new", "prod-eu")
    (folder / "test.yaml").write_text("gateway: barter\n")
    checked = CliRunner().invoke(app, ["stages", "check"])
    assert "test.yaml: " in checked.output
    assert "Invalid: test." in str(checked.exception)
