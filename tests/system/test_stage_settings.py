"""A stage that is not ephemeral keeps its gateway, its carrier and its retention, by any deployment and any tool."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import stages
from laptop.emulator import process
from operations.aws.target import Target
from operations.deploy import cdk_cli, requirements, retained_tables
from operations.deploy.cdk_cli import Cdk
from operations.repository import REPOSITORY
from tests.support.orderctl_run import orderctl
from tests.support.runbook import follow
from tests.system.conftest import STAGES

PROD = ("--stage", "prod")
SERVICES = ("platform", "payment", "inventory", "order", "shipping")


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Start a laptop AWS that is bootstrapped, with a folder of stages that a test can change."""
    home = tmp_path_factory.mktemp("lasting")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ORDERFLOW_HOME", str(home))
        monkeypatch.setenv(stages.FOLDER_VARIABLE, str(home / "stages"))
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        shutil.copytree(STAGES, home / "stages")
        target = Target(stage="prod").at(process.start(port=process.free_port()).endpoint)
        try:
            cdk = Cdk(target, home / "logs" / "bootstrap.log")
            cdk.finish(cdk.bootstrapping(), "bootstrap")
            yield target
        finally:
            process.stop()


def write(**settings: str) -> None:
    """Change the stage's file."""
    text = (STAGES / "prod.yaml").read_text()
    for name, value in settings.items():
        text, changed = re.subn(rf"(?m)^{name}: .*$", f"{name}: {value}", text)
        assert changed
    (stages.folder() / "prod.yaml").write_text(text)


def plain_cdk(target: Target, *arguments: str, app: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the CDK's command line as it is, on the composition of the repository or on what it synthesized before."""
    synthesize = ["--app", f"{sys.executable} -m app", "--output", str(process.home() / "plain")]
    command = [str(cdk_cli.CDK), *arguments, *(["--app", app] if app else synthesize)]
    environment = Cdk(target, process.home() / "logs" / "plain.log").environment()
    return subprocess.run(
        [*command, "-c", "stage=prod", "--no-notices"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def plain_deploy(target: Target, *stacks: str, again: bool = False, **parameters: str) -> "subprocess.CompletedProcess[str]":
    """Deploy by the CDK's command line, and by nothing else. `again` takes the last synthesis."""
    given = [part for name, value in parameters.items() for part in ("--parameters", f"{stacks[0]}:{name}={value}")]
    app = str(process.home() / "plain") if again else None
    return plain_cdk(target, "deploy", "--exclusively", *stacks, "--require-approval", "never", *given, app=app)


def deployed(target: Target) -> dict[str, Any]:
    """Return the deployed settings: the functions' gateway and carrier, and the days of archive and logs."""
    lambdas = target.client("lambda").get_paginator("list_functions").paginate()
    variables = {f["FunctionName"]: f["Environment"]["Variables"] for page in lambdas for f in page["Functions"]}
    (archive,) = target.client("events").list_archives()["Archives"]
    groups = target.client("logs").get_paginator("describe_log_groups").paginate()
    return {
        "gateway": {found["GATEWAY"] for found in variables.values() if "GATEWAY" in found},
        "carrier": {found["CARRIER"] for found in variables.values() if "CARRIER" in found},
        "archive": archive["RetentionDays"],
        "logs": {group.get("retentionInDays") for page in groups for group in page["logGroups"]},
    }


KEPT = {"gateway": {"stripe"}, "carrier": {"easypost"}, "archive": 90, "logs": {365}}


@pytest.mark.timeout(900)
def test_redeployment_keeps_the_settings(prod: Target) -> None:
    orderctl(prod, *PROD, "deploy", *SERVICES, "--yes")
    assert deployed(prod) == KEPT
    said = orderctl(prod, *PROD, "deploy", "payment", "shipping", "platform", "--yes")
    assert "No setting changes." in said
    assert deployed(prod) == KEPT
    done = plain_deploy(prod, "OrderflowProd-Platform", "OrderflowProd-Payment", "OrderflowProd-Shipping")
    assert done.returncode == 0, done.stderr
    assert deployed(prod) == KEPT


@pytest.mark.timeout(900)
def test_orderctl_and_cloudformation_refuse_a_change_that_is_not_allowed(prod: Target) -> None:
    write(gateway="sandbox", carrier="sandbox", archive_retention_days="30", ephemeral="true")
    refused = orderctl(prod, *PROD, "deploy", *SERVICES, "--yes", fails=True)
    for said in (
        "gateway of payment from stripe to sandbox",
        "carrier of shipping from easypost to sandbox",
        "archive_retention_days of platform from 90 to 30",
        "ephemeral of platform from false to true",
    ):
        assert said in refused
    done = plain_deploy(prod, "OrderflowProd-Payment")
    assert (done.returncode, "ephemeral of stage prod would become true" in done.stderr) == (1, True), done.stderr
    write(gateway="sandbox", carrier="sandbox", archive_retention_days="30")
    done = plain_deploy(prod, "OrderflowProd-Payment")
    assert (done.returncode, "gateway of stage prod would become sandbox" in done.stderr) == (1, True), done.stderr
    done = plain_deploy(prod, "OrderflowProd-Shipping", again=True)
    assert (done.returncode, "carrier of stage prod would become sandbox" in done.stderr) == (1, True), done.stderr
    done = plain_deploy(prod, "OrderflowProd-Platform", again=True)
    assert (done.returncode, "archive_retention_days of stage prod would become 30" in done.stderr) == (1, True), done.stderr
    assert deployed(prod) == KEPT
    assert prod.parameter("payment/gateway") == "stripe"


@pytest.mark.timeout(900)
def test_allowed_change_is_made_and_then_protected(prod: Target) -> None:
    write(gateway="sandbox", archive_retention_days="180")
    orderctl(prod, *PROD, "deploy", "payment", "platform", "--yes", "--allow-change", "gateway")
    assert deployed(prod) == {**KEPT, "gateway": {"sandbox"}, "archive": 180}
    write()
    refused = orderctl(prod, *PROD, "deploy", "payment", "platform", "--yes", fails=True)
    assert "gateway of payment from sandbox to stripe" in refused
    assert "archive_retention_days of platform from 180 to 90" in refused
    done = plain_deploy(prod, "OrderflowProd-Payment", Gateway="stripe")
    assert done.returncode == 0, done.stderr
    done = plain_deploy(prod, "OrderflowProd-Platform", again=True, ArchiveRetentionDays="90")
    assert done.returncode == 0, done.stderr
    assert deployed(prod) == KEPT


def test_a_context_that_contradicts_the_file_ends_the_synthesis(prod: Target) -> None:
    done = plain_cdk(prod, "synth", "--quiet", "-c", "gateway=sandbox")
    assert done.returncode != 0
    assert "-c gateway=sandbox contradicts stages/prod.yaml, which says gateway: stripe" in done.stderr


def test_stacks_are_protected_from_termination(prod: Target) -> None:
    refused = orderctl(prod, *PROD, "destroy", "shipping", "--yes", fails=True)
    assert "OrderflowProd-Shipping is protected from termination" in refused
    done = plain_cdk(prod, "destroy", "--exclusively", "OrderflowProd-Shipping", "--force", app=str(process.home() / "plain"))
    assert done.returncode != 0
    assert "OrderflowProd-Shipping" in requirements.protected(prod, ["OrderflowProd-Shipping"])


@pytest.mark.timeout(900)
def test_destroyed_service_takes_up_its_retained_table(prod: Target) -> None:
    """The runbook `take-up-a-retained-table`, after the trouble that it is for."""
    write()
    orderctl(prod, *PROD, "deploy", *SERVICES, "notification", "journal", "--yes")
    before = shipments(prod)
    orderctl(prod, *PROD, "destroy", "shipping", "--yes", "--lift-protection")
    assert "/orderflow/prod/shipping/table-name" not in requirements.parameters_there(prod)
    printed = follow("take-up-a-retained-table", prod, ORDERFLOW_STAGE="prod", **prod.exports())
    assert before["TableName"] in printed[0]
    assert before["TableName"] in printed[2]
    after = shipments(prod)
    assert (after["TableId"], after["CreationDateTime"]) == (before["TableId"], before["CreationDateTime"])
    pages = prod.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName="OrderflowProd-Shipping")
    events = [event for page in pages for event in page["StackEvents"]]
    assert "IMPORT_COMPLETE" in {e["ResourceStatus"] for e in events if e["ResourceType"] == retained_tables.TABLE}
    assert deployed(prod) == KEPT


def shipments(target: Target) -> dict[str, Any]:
    """Return shipping's current table."""
    found: dict[str, Any] = target.client("dynamodb").describe_table(TableName=target.parameter("shipping/table-name"))["Table"]
    return found
