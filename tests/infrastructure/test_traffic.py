"""Versions and shifted traffic: every way to a function or to the saga leads to its alias, which moves in steps and back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

import stages
from kernel.naming import SERVICES
from stages import StageError
from tests.infrastructure.conftest import SHIFTING, synthesize
from tests.infrastructure.templates import Assembly, Resource, listed, referred, texts
from tests.infrastructure.test_snapshots import normalised

WITH_FUNCTIONS = (*SERVICES, "audit", "journal")


def aliased(assembly: Assembly) -> dict[tuple[str, str], Resource]:
    """Return the alias of each function, by service and function."""
    found = assembly.resources("Lambda::Alias")
    return {(alias.service, referred(alias.properties["FunctionName"])): alias for alias in found}


def mentions(value: Any, functions: set[str]) -> Iterator[str]:
    """Yield the functions that a nested value refers to: by `Ref`, `Fn::GetAtt` or `Fn::Sub`."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "Ref" and part in functions:
                yield part
            elif name == "Fn::GetAtt" and part[0] in functions:
                yield part[0]
            else:
                yield from mentions(part, functions)
    elif isinstance(value, list):
        for part in value:
            yield from mentions(part, functions)


def test_every_function_has_a_published_version_behind_an_alias(shifting: Assembly) -> None:
    functions = {(function.service, function.id) for function in shifting.resources("Lambda::Function")}
    assert set(aliased(shifting)) == functions
    for alias in aliased(shifting).values():
        assert alias.properties["Name"] == "live"
        assert alias.properties["FunctionVersion"]["Fn::GetAtt"][1] == "Version"


def test_version_is_published_anew_when_a_value_of_another_stack_changes(shifting: Assembly) -> None:
    """The template, and with it the id of the version, stays the same then."""
    found = shifting.resources("Lambda::Version")
    versions = {(version.service, referred(version.properties["FunctionName"])): version for version in found}
    for function in shifting.resources("Lambda::Function"):
        parameters = set(shifting.templates[function.service].get("Parameters", {}))
        wanted = set(mentions(function.properties["Environment"]["Variables"], parameters))
        description = versions[function.service, function.id].properties.get("Description")
        assert set(mentions(description, parameters)) == wanted, function


OF_THE_FUNCTION_ITSELF = {"Lambda::Version", "Lambda::Alias", "CloudWatch::Alarm", "IAM::Policy"}
"""The types that are about a function and not a way to it. Policies are looked at one by one."""


def test_every_way_to_a_function_leads_to_its_alias(shifting: Assembly) -> None:
    """Queues, streams, APIs, rules, schedules, the saga, delivery streams, permissions and parameters."""
    for service in WITH_FUNCTIONS:
        functions = {function.id for function in shifting.resources("Lambda::Function", service=service)}
        for resource in shifting.resources(service=service):
            if resource.type == "Lambda::EventInvokeConfig":
                assert resource.properties["Qualifier"] != "$LATEST", resource
            elif resource.type not in OF_THE_FUNCTION_ITSELF:
                assert list(mentions(resource.properties, functions)) == [], resource


def test_roles_may_invoke_aliases_only(shifting: Assembly) -> None:
    for policy in shifting.resources("IAM::Policy"):
        functions = {function.id for function in shifting.resources("Lambda::Function", service=policy.service)}
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if "lambda:InvokeFunction" in listed(statement["Action"]):
                assert list(mentions(statement["Resource"], functions)) == [], policy
                named = [text for text in texts(statement["Resource"]) if "-facts" in text]
                assert all(text.endswith("-facts:live") for text in named), policy


def test_callers_of_facts_name_the_alias(shifting: Assembly) -> None:
    for function in shifting.resources("Lambda::Function"):
        asks = any(
            "-facts:live" in text for statement in shifting.statements(function) for text in texts(statement["Resource"])
        )
        assert (function.properties["Environment"]["Variables"].get("FACTS_ALIAS") == "live") is asks, function


def test_codedeploy_moves_each_alias_by_the_stage_s_steps(shifting: Assembly) -> None:
    groups = {(group.service, group.id): group for group in shifting.resources("CodeDeploy::DeploymentGroup")}
    moved = set()
    for alias in aliased(shifting).values():
        update = alias.entry["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        group = groups[alias.service, update["DeploymentGroupName"]["Ref"]]
        assert group.properties["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        assert group.properties["AutoRollbackConfiguration"]["Enabled"] is True
        assert "DEPLOYMENT_STOP_ON_ALARM" in group.properties["AutoRollbackConfiguration"]["Events"]
        moved.add((group.service, group.id))
    assert moved == set(groups)


def test_each_function_goes_back_by_its_own_errors_and_its_service_s_alarms(shifting: Assembly) -> None:
    by_id = {(alarm.service, alarm.id): alarm for alarm in shifting.resources("CloudWatch::Alarm")}
    for (service, function), alias in aliased(shifting).items():
        group = alias.entry["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"]
        (found,) = (each for each in shifting.resources("CodeDeploy::DeploymentGroup", service=service) if each.id == group)
        configuration = found.properties["AlarmConfiguration"]
        alarms = [by_id[service, alarm["Name"]["Ref"]] for alarm in configuration["Alarms"]]
        assert configuration["Enabled"] is True
        assert 1 <= len(alarms) <= 10
        own, *others = alarms
        assert (own.properties["MetricName"], own.properties["Period"]) == ("Errors", 60)
        assert {part["Name"] for part in own.properties["Dimensions"]} == {"FunctionName", "Resource"}
        assert set(mentions(own.properties["Dimensions"], {function})) == {function}
        assert "Errors" not in {alarm.properties.get("MetricName") for alarm in others}
    services = {alarm.service for alarm in by_id.values() if alarm.properties.get("MetricName") == "EventsNotPublished"}
    assert services == set(SERVICES)


def test_alarms_of_a_shift_notify_nobody_because_the_deployment_fails(shifting: Assembly, lasting: Assembly) -> None:
    known = {(alarm.service, alarm.id) for alarm in lasting.resources("CloudWatch::Alarm")}
    added = [alarm for alarm in shifting.resources("CloudWatch::Alarm") if (alarm.service, alarm.id) not in known]
    assert len(added) == len(shifting.resources("Lambda::Function")) + 1
    assert not [alarm for alarm in added if "AlarmActions" in alarm.properties]


def test_codedeploy_may_move_the_aliases_of_its_service_only(shifting: Assembly) -> None:
    for service in WITH_FUNCTIONS:
        (application,) = shifting.resources("CodeDeploy::Application", service=service)
        roles = {
            referred(group.properties["ServiceRoleArn"])
            for group in shifting.resources("CodeDeploy::DeploymentGroup", service=service)
        }
        (role,) = roles
        assert application.properties["ComputePlatform"] == "Lambda"
        statements = shifting.statements_of(service, role)
        actions = {action for statement in statements for action in listed(statement["Action"])}
        assert actions == {
            *("lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"),
            "cloudwatch:DescribeAlarms",
        }
        assert not [text for statement in statements for text in texts(statement["Resource"]) if "*" in text]
        (resource,) = (each for each in shifting.resources("IAM::Role", service=service) if each.id == role)
        assert "ManagedPolicyArns" not in resource.properties


def test_saga_runs_a_version_and_its_alias_moves_in_the_same_steps(shifting: Assembly) -> None:
    (machine,) = shifting.resources("StepFunctions::StateMachine")
    (version,) = shifting.resources("StepFunctions::StateMachineVersion")
    (alias,) = shifting.resources("StepFunctions::StateMachineAlias")
    assert version.properties == {
        "StateMachineArn": {"Ref": machine.id},
        "StateMachineRevisionId": {"Fn::GetAtt": [machine.id, "StateMachineRevisionId"]},
    }
    preference = alias.properties["DeploymentPreference"]
    assert preference["StateMachineVersionArn"] == {"Fn::GetAtt": [version.id, "Arn"]}
    assert (preference["Type"], preference["Percentage"], preference["Interval"]) == ("CANARY", 10, 5)
    assert len(preference["Alarms"]) >= 2
    for module in ("api", "sweeper"):
        variables = shifting.function("order", module).properties["Environment"]["Variables"]
        assert variables["WORKFLOW_ARN"] == {"Fn::GetAtt": [alias.id, "Arn"]}
    rule = shifting.one("Events::Rule", "order", "Start")
    assert [target["Arn"] for target in rule.properties["Targets"]] == [{"Fn::GetAtt": [alias.id, "Arn"]}]
    published = [each for each in shifting.resources("SSM::Parameter") if each.properties["Name"].endswith("/workflow-arn")]
    assert [each.properties["Value"] for each in published] == [{"Fn::GetAtt": [alias.id, "Arn"]}]


def test_step_functions_authorises_an_alias_by_the_workflow(shifting: Assembly) -> None:
    """Step Functions compares the ARN of the state machine, and not that of its alias."""
    (machine,) = shifting.resources("StepFunctions::StateMachine")
    for policy in shifting.resources("IAM::Policy", service="order"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if set(listed(statement["Action"])) & {"states:StartExecution", "states:StartSyncExecution"}:
                assert statement["Resource"] == {"Ref": machine.id}, policy


def test_no_stack_waits_for_itself(shifting: Assembly) -> None:
    """CloudFormation refuses a template with a circle of references, also over an alias's update policy and its alarms."""
    for template in shifting.templates.values():
        resources = template["Resources"]
        graph = {
            name: {*mentions(entry, set(resources)), *listed(entry.get("DependsOn", []))} for name, entry in resources.items()
        }
        assert len(list(TopologicalSorter(graph).static_order())) == len(resources)


@pytest.mark.parametrize("service", ["order", "journal"])
def test_template_of_a_stage_that_shifts_traffic(shifting: Assembly, snapshot: SnapshotAssertion, service: str) -> None:
    assert without_versions(normalised(shifting.templates[service])) == snapshot(extension_class=JSONSnapshotExtension)


def without_versions(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template without the digests in the ids of versions, which every change of a function's code changes."""
    text = json.dumps(template)
    for name, entry in template["Resources"].items():
        if entry["Type"] == "AWS::Lambda::Version":
            text = text.replace(name, name[:-32] + "<digest>")
    changed: dict[str, Any] = json.loads(text)
    return changed


def test_stage_with_versions_and_without_steps_has_aliases_that_move_at_once(tmp_path: Path) -> None:
    at_once = synthesize(tmp_path / "cdk.out", replace(stages.load("dev"), traffic="at_once"))
    assert set(aliased(at_once)) == {(function.service, function.id) for function in at_once.resources("Lambda::Function")}
    assert at_once.resources("CodeDeploy::DeploymentGroup", "CodeDeploy::Application") == []
    assert not [alias for alias in aliased(at_once).values() if "UpdatePolicy" in alias.entry]
    (alias,) = at_once.resources("StepFunctions::StateMachineAlias")
    assert alias.properties["DeploymentPreference"]["Type"] == "ALL_AT_ONCE"


def test_linear_shift_of_one_minute_has_codedeploy_s_name(tmp_path: Path) -> None:
    linear = synthesize(tmp_path / "cdk.out", replace(SHIFTING, traffic="linear", traffic_minutes=1))
    names = {group.properties["DeploymentConfigName"] for group in linear.resources("CodeDeploy::DeploymentGroup")}
    assert names == {"CodeDeployDefault.LambdaLinear10PercentEvery1Minute"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("traffic: canary\ntraffic_minutes: 1", "CodeDeploy has no canary of 1 minutes"),
        ("traffic: linear\ntraffic_minutes: 30", "CodeDeploy has no linear of 30 minutes"),
        ("traffic: canary\ntraffic_minutes: 7", "traffic_minutes"),
        ("traffic: blue", "traffic"),
    ],
)
def test_steps_that_codedeploy_does_not_have_are_refused(text: str, fault: str) -> None:
    with pytest.raises(StageError, match=fault):
        stages.parse("shop", f"ephemeral: true\n{text}", "shop.yaml")
