"""One synthesis for the session, checked by cdk-nag on the way."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

import stages
from app import compose
from stages import Stage
from tests.infrastructure import templates
from tests.infrastructure.templates import Assembly

LASTING = stages.parse(
    "prod",
    """
account: "123456789012"
region: eu-central-1
ephemeral: false
gateway: stripe
carrier: easypost
ship_from: {name: Shop, street1: 1 Main St, city: Springfield, zip: "12345", country: US}
grams_per_item: 300
transit_seconds: 5
sender: shop@orderflow.example
channels:
  - {name: shop, principals: [role/shop]}
  - {name: market, principals: ["arn:aws:iam::210987654321:role/market"]}
archive_retention_days: 90
log_retention_days: 365
alarm_receiver: oncall@orderflow.example
alarms: full
otel_layer: "arn:aws:lambda:eu-central-1:615299751070:layer:AWSOpenTelemetryDistroPython:11"
abort_after_seconds: 300
webhook_concurrency: 20
log_levels: {payment: DEBUG}
""",
    "prod.yaml",
)
"""A stage that keeps its data when its stacks are destroyed, with settings of its own and the real adapters."""
SHIFTING = replace(LASTING, traffic="canary", traffic_minutes=5, encryption_key="own")
"""The same, where CodeDeploy shifts traffic from version to version, and a key of the stage's own encrypts its data."""


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Synthesize stage dev, as it is deployed. The findings of cdk-nag are in its `validation-report.json`."""
    return synthesize(tmp_path_factory.mktemp("synth") / "cdk.out", stages.load("dev"), checked=True)


@pytest.fixture(scope="session")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Synthesize the stage `LASTING`. It is checked as the other is."""
    return synthesize(tmp_path_factory.mktemp("synth") / "cdk.out", LASTING, checked=True)


@pytest.fixture(scope="session")
def shifting(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Synthesize the stage `SHIFTING`. It is checked as the others are."""
    return synthesize(tmp_path_factory.mktemp("synth") / "cdk.out", SHIFTING, checked=True)


def synthesize(folder: Path, stage: Stage, *, checked: bool = False) -> Assembly:
    """Synthesize the stacks of that stage. Findings do not stop it: the tests read the report."""
    app = App(outdir=str(folder), analytics_reporting=False)
    compose(app, stage)
    if checked:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    with contextlib.suppress(RuntimeError):
        app.synth()
    return templates.read(folder)
