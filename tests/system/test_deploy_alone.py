"""Each service is deployed, updated and destroyed alone, given the platform, on an empty laptop AWS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import stages
from cdk import stack_contract, stack_order
from cdk.stack_contract import Contract
from laptop.emulator import process
from operations.aws.target import Target
from operations.deploy import requirements
from operations.deploy.cdk_cli import Cdk
from operations.errors import UserError
from orderctl.terminal.output import Progress
from tests.support.orderctl_run import orderctl

IN_ORDER = ("payment", "inventory", "order", "shipping", "notification", "audit")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Start a laptop AWS that is bootstrapped and has nothing of Orderflow."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path_factory.mktemp("alone")))
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        target = Target().at(process.start(port=process.free_port()).endpoint)
        try:
            cdk = Cdk(target, process.home() / "logs" / "bootstrap.log")
            with Progress().step("Bootstrap"):
                cdk.finish(cdk.bootstrapping(), "bootstrap")
            yield target
        finally:
            process.stop()


def parameters(target: Target, service: str) -> int:
    path = f"/orderflow/{target.stage}/{service}/"
    return len(target.client("ssm").get_parameters_by_path(Path=path, Recursive=True)["Parameters"])


def log_levels(target: Target, service: str) -> set[str]:
    prefix = f"Orderflow{target.stage.capitalize()}-{service.capitalize()}-"
    functions = target.client("lambda").get_paginator("list_functions").paginate()
    found = [f for page in functions for f in page["Functions"] if f["FunctionName"].startswith(prefix)]
    return {function["Environment"]["Variables"]["LOG_LEVEL"] for function in found}


@pytest.fixture(scope="module")
def assemblies(empty: Target) -> dict[str, Path]:
    """Synthesize the stacks twice, as they are and with another setting, as an update deploys them."""
    home = process.home()
    made = {level: home / f"cdk.out.{level}" for level in ("INFO", "DEBUG")}
    cdks = {level: Cdk(empty, home / "logs" / f"synth.{level}.log") for level in made}
    begun = {}
    # Side by side: each keeps one core busy.
    for level in made:
        (home / level).mkdir()
        (home / level / "dev.yaml").write_text(f"ephemeral: true\nlog_level: {level}\n")
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setenv(stages.FOLDER_VARIABLE, str(home / level))
            begun[level] = cdks[level].synthesizing(made[level])
    for level, synthesizing in begun.items():
        cdks[level].finish(synthesizing, "synth")
    return made


@pytest.mark.timeout(600)
def test_every_service_deploys_alone(empty: Target, assemblies: dict[str, Path]) -> None:
    stacks = {requirements.service_of(stack): stack for stack in stack_order.read(assemblies["INFO"])}
    cdk = Cdk(empty, process.home() / "logs" / "deploy.log")

    def deploy(service: str, level: str) -> None:
        requirements.check_required([stacks[service]], list(stacks.values()), requirements.parameters_there(empty))
        cdk.deploy(assemblies[level], [stacks[service].name])

    with pytest.raises(
        UserError, match=r"OrderflowDev-Payment needs .*, and OrderflowDev-Platform, which provides it, is not deployed"
    ):
        deploy("payment", "INFO")
    deploy("platform", "INFO")
    with pytest.raises(
        UserError,
        match=r"OrderflowDev-Shipping needs .*contact-arn, and OrderflowDev-Order, which provides it, is not deployed",
    ):
        deploy("shipping", "INFO")
    for service in IN_ORDER:
        deploy(service, "INFO")
        assert parameters(empty, service) > 0
        assert log_levels(empty, service) == {"INFO"}
    there = requirements.stacks_there(empty, list(stacks.values()))
    with pytest.raises(UserError, match="OrderflowDev-Payment cannot be destroyed: OrderflowDev-Order needs its"):
        requirements.check_unneeded([stacks["payment"]], list(stacks.values()), there)
    for service in IN_ORDER:
        deploy(service, "DEBUG")
        assert log_levels(empty, service) == {"DEBUG"}
    for service in reversed(IN_ORDER):
        cdk.destroy(assemblies["DEBUG"], stacks[service].name)
        assert parameters(empty, service) == 0


def test_orderctl_deploys_and_destroys_by_name(empty: Target, assemblies: dict[str, Path]) -> None:
    Cdk(empty, process.home() / "logs" / "deploy.log").deploy(assemblies["INFO"], ["OrderflowDev-Platform"])
    assert "OrderflowDev-Order needs /orderflow/dev/" in orderctl(empty, "deploy", "order", fails=True)
    orderctl(empty, "deploy", "payment")
    assert parameters(empty, "payment") > 0
    assert "Number of stacks with differences: 0" in orderctl(empty, "diff", "payment")
    newer = stack_contract.as_json(Contract(calls={"payment.capture": (2,)}))
    deployed = {"Name": f"/orderflow/{empty.stage}/order/{stack_contract.CONTRACT}"}
    empty.client("ssm").put_parameter(**deployed, Value=newer, Type="String")
    refused = orderctl(empty, "deploy", "payment", fails=True)
    assert "order sends payment.capture in version 2, and payment accepts version 1" in refused
    empty.client("ssm").delete_parameter(**deployed)
    orderctl(empty, "destroy", "payment", "--yes")
    assert parameters(empty, "payment") == 0
