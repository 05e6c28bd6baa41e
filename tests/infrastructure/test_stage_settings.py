"""The effects of a stage's settings on the templates: rules for protected settings, and resources that outlive a stack."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

import app as composition
import stages
from cdk.constructs.alarm import notify
from cdk.platform_stack import PlatformStack
from cdk.service_stack import ServiceStack, put_in_order
from stages import StageError
from tests.infrastructure import templates
from tests.infrastructure.conftest import LASTING
from tests.infrastructure.templates import Assembly

PROTECTED_BY = {
    "Ephemeral": None,
    "LogRetentionDays": {"platform"},
    "ArchiveRetentionDays": {"platform", "journal"},
    "Gateway": {"payment"},
    "StripeUrl": {"payment"},
    "Carrier": {"shipping"},
    "EasypostUrl": {"shipping"},
}
"""Which stacks hold a protected setting; None is all."""


def rules(template: dict[str, Any]) -> dict[str, Any]:
    """Return the assertions on protected settings, by their parameter."""
    own = {name: rule for name, rule in template.get("Rules", {}).items() if name.endswith("Stays")}
    return {name.removesuffix("Stays"): rule["Assertions"][0] for name, rule in own.items()}


def test_protected_setting_is_a_parameter_of_the_stacks_that_use_it(lasting: Assembly) -> None:
    assert set(PROTECTED_BY) == {stages.parameter_id(name) for name in stages.PROTECTED}
    for service, template in lasting.templates.items():
        settings = json.loads(settings_of(lasting, service))
        used = {stages.parameter_id(name) for name in settings if name in stages.PROTECTED}
        assert set(rules(template)) == used
        assert {name for name, where in PROTECTED_BY.items() if where and service in where} - {"LogRetentionDays"} <= used
        assert "Ephemeral" in used


def test_rule_compares_the_deployed_value_with_the_template(lasting: Assembly) -> None:
    template = lasting.templates["payment"]
    rule = rules(template)["Gateway"]
    assert template["Parameters"]["Gateway"]["Default"] == "stripe"
    assert rule["Assert"] == {"Fn::Equals": [{"Ref": "Gateway"}, "stripe"]}
    assert "`orderctl deploy payment --allow-change gateway`" in rule["AssertDescription"]
    assert "--parameters OrderflowProd-Payment:Gateway=stripe" in rule["AssertDescription"]


def test_ephemeral_stage_protects_only_its_ephemerality(assembly: Assembly) -> None:
    assert {name for template in assembly.templates.values() for name in rules(template)} == {"Ephemeral"}


def settings_of(assembly: Assembly, service: str) -> str:
    (found,) = [
        parameter.properties["Value"]
        for parameter in assembly.resources("SSM::Parameter", service=service)
        if parameter.properties["Name"].endswith(f"/{service}/settings")
    ]
    return str(found)


def test_each_stack_keeps_the_settings_that_it_used(lasting: Assembly) -> None:
    kept = {service: json.loads(settings_of(lasting, service)) for service in lasting.templates}
    assert {name for settings in kept.values() for name in settings} <= set(stages.SETTINGS)
    for service, settings in kept.items():
        assert settings == {name: LASTING.value_for(service, name) for name in settings}
    assert kept["payment"]["gateway"] == "stripe"
    assert kept["payment"]["log_level"] == "DEBUG"
    assert "gateway" not in kept["shipping"]


def test_settings_fit_in_a_parameter(lasting: Assembly) -> None:
    assert max(len(settings_of(lasting, service)) for service in lasting.templates) < 4096


def test_stacks_of_a_lasting_stage_are_pinned_to_its_account_and_protected(assembly: Assembly, lasting: Assembly) -> None:
    for found, protected, environment in (
        (lasting, True, "aws://123456789012/eu-central-1"),
        (assembly, False, "aws://unknown-account/unknown-region"),
    ):
        artifacts = json.loads((found.folder / "manifest.json").read_text())["artifacts"].values()
        own = [artifact for artifact in artifacts if artifact["type"] == "aws:cloudformation:stack"]
        assert len(own) == len(found.templates)
        assert {artifact["environment"] for artifact in own} == {environment}
        assert {artifact["properties"].get("terminationProtection") for artifact in own} == {protected}


@pytest.mark.parametrize("kind", ["DynamoDB::Table", "Events::Archive", "SecretsManager::Secret", "Logs::LogGroup"])
def test_only_a_lasting_stage_retains_data_of_a_destroyed_stack(assembly: Assembly, lasting: Assembly, kind: str) -> None:
    assert {resource.entry["DeletionPolicy"] for resource in assembly.resources(kind)} == {"Delete"}
    assert {resource.entry["DeletionPolicy"] for resource in lasting.resources(kind)} == {"Retain"}


def test_the_stages_receiver_gets_the_alarms(assembly: Assembly, lasting: Assembly) -> None:
    assert assembly.resources("SNS::Subscription") == []
    (subscription,) = lasting.resources("SNS::Subscription")
    assert (subscription.properties["Protocol"], subscription.properties["Endpoint"]) == ("email", LASTING.alarm_receiver)
    topic = lasting.one("SNS::Topic", "platform", "AlarmTopic")
    assert subscription.properties["TopicArn"] == {"Ref": topic.id}


def test_logs_are_kept_as_long_as_the_stage_says(lasting: Assembly) -> None:
    assert {log.properties["RetentionInDays"] for log in lasting.resources("Logs::LogGroup")} == {365}


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({}, r"No stage is named. Name one with -c stage=NAME: .*dev"),
        ({"stage": "prod-eu"}, "'prod-eu' is not the name of a stage"),
        ({"stage": "none"}, "There is no stage 'none'"),
        ({"stage": "dev", "gateway": "stripe"}, "-c gateway=stripe contradicts stages/dev.yaml, which says gateway: sandbox"),
        ({"stage": "mine", "like": "dev", "gateway": "stripe"}, "-c gateway=stripe contradicts"),
        ({"stage": "dev", "gatway": "stripe"}, "There is no setting 'gatway'"),
    ],
)
def test_a_context_that_names_no_stage_or_contradicts_its_file_ends_the_synthesis(
    context: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(StageError, match=said):
        composition.stage_of(App(context=context, outdir=str(tmp_path)))


def test_context_can_repeat_the_file_and_have_keys_of_the_cdk(tmp_path: Path) -> None:
    context = {"stage": "dev", "gateway": "sandbox", "@aws-cdk/core:x": True, "cli-telemetry": False}
    assert composition.stage_of(App(context=context, outdir=str(tmp_path))).name == "dev"
    assert composition.stage_of(App(context={"stage": "mine", "like": "dev"}, outdir=str(tmp_path))).ephemeral


def platform_of(tmp_path: Path, receiver: str) -> Assembly:
    app = App(outdir=str(tmp_path / "cdk.out"), analytics_reporting=False)
    stack: ServiceStack = PlatformStack(app, replace(LASTING, alarm_receiver=receiver))
    notify(stack)
    put_in_order([stack])
    app.synth()
    return templates.read(tmp_path / "cdk.out")


def test_alarms_of_a_stage_can_go_to_a_topic_of_the_account(tmp_path: Path) -> None:
    arn = "arn:aws:sns:eu-central-1:123456789012:pager"
    found = platform_of(tmp_path, arn)
    assert found.resources("SNS::Topic") == []
    alarms = found.resources("CloudWatch::Alarm", "CloudWatch::CompositeAlarm")
    assert {action for alarm in alarms for action in alarm.properties.get("AlarmActions", [])} == {arn}


def test_alarms_of_a_stage_can_go_to_a_channel_of_slack(tmp_path: Path) -> None:
    found = platform_of(tmp_path, "slack:T0123ABCD/C0456EFGH")
    chat = found.one("Chatbot::SlackChannelConfiguration", "platform", "AlarmChat")
    assert (chat.properties["SlackWorkspaceId"], chat.properties["SlackChannelId"]) == ("T0123ABCD", "C0456EFGH")
    assert chat.properties["SnsTopicArns"] == [{"Ref": found.one("SNS::Topic", "platform", "AlarmTopic").id}]
    assert found.resources("SNS::Subscription") == []
