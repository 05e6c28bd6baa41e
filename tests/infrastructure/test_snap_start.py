"""Snapshots and provisioned instances: settings of a stage, on published versions behind an alias that callers use."""

from dataclasses import replace
from typing import Any

import pytest

import stages
from stages import StageError
from tests.infrastructure.conftest import synthesize
from tests.infrastructure.templates import Assembly, Resource

STAGE = replace(stages.load("dev"), snap_start=("order.api", "payment.commands"), provisioned_concurrency={"order.commands": 2})


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesize(tmp_path_factory.mktemp("synth") / "cdk.out", STAGE)


def aliases(assembly: Assembly, service: str) -> list[Resource]:
    return assembly.resources("Lambda::Alias", service=service)


def test_function_from_a_snapshot_has_a_version_and_an_alias(quick: Assembly) -> None:
    api = quick.function("order", "api")
    assert api.properties["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert api.properties["Environment"]["Variables"]["PRIMED_ROW"] == "ORDER#snapshot"
    of_api = [alias for alias in aliases(quick, "order") if alias.properties["FunctionName"] == {"Ref": api.id}]
    assert [alias.properties["Name"] for alias in of_api] == ["live"]
    assert "ProvisionedConcurrencyConfig" not in of_api[0].properties


def test_provisioned_function_has_its_instances_on_the_alias(quick: Assembly) -> None:
    commands = quick.function("order", "commands")
    assert "SnapStart" not in commands.properties
    provisioned = [alias for alias in aliases(quick, "order") if alias.properties["FunctionName"] == {"Ref": commands.id}]
    assert [alias.properties["ProvisionedConcurrencyConfig"] for alias in provisioned] == [
        {"ProvisionedConcurrentExecutions": 2}
    ]


def test_callers_use_the_alias(quick: Assembly) -> None:
    names = {alias.id for service in ("order", "payment") for alias in aliases(quick, service)}
    [integration] = quick.resources("ApiGatewayV2::Integration", service="order")
    assert integration.properties["IntegrationUri"]["Ref"] in names
    published = {resource.properties["Name"]: resource.properties["Value"] for resource in quick.resources("SSM::Parameter")}
    for service in ("order", "payment"):
        assert published[f"/orderflow/dev/{service}/commands-arn"]["Ref"] in names
    [machine] = quick.resources("StepFunctions::StateMachine", service="order")
    assert machine.properties["DefinitionSubstitutions"]["OrderCommands"]["Ref"] in names


def test_functions_of_other_stages_have_no_alias(assembly: Assembly) -> None:
    assert assembly.resources("Lambda::Alias", "Lambda::Version") == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("snap_start: [order.api]\nprovisioned_concurrency: {order.api: 1}", "order.api is in snap_start too"),
        ("snap_start: [order.sweeper]", "snap_start"),
        ("provisioned_concurrency: {order.api: 0}", "provisioned_concurrency"),
        ("provisioned_concurrency: {audit: 1}", "provisioned_concurrency"),
    ],
)
def test_setting_that_lambda_refuses_is_refused_before(text: str, fault: str) -> None:
    with pytest.raises(StageError, match=fault):
        stages.parse("quick", f"ephemeral: true\n{text}", "quick.yaml")


def test_settings_are_parsed() -> None:
    settings: dict[str, Any] = {"snap_start": ["order.api"], "provisioned_concurrency": {"order.commands": 2}}
    text = "ephemeral: true\nsnap_start: [order.api]\nprovisioned_concurrency: {order.commands: 2}"
    stage = stages.parse("quick", text, "quick.yaml")
    assert {name: stage.value(name) for name in settings} == settings
