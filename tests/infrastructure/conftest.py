"""One synthesis for the session, checked by cdk-nag on the way."""

import contextlib
from pathlib import Path

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from cdk.app import compose
from tests.infrastructure import templates
from tests.infrastructure.templates import Assembly

LASTING_SETTINGS = {
    "sender": "shop@orderflow.example",
    "transit_seconds": "5",
    "abort_after_seconds": "300",
    "archive_retention_days": "90",
    "gateway": "stripe",
    "carrier": "easypost",
    "ship_from": '{"name": "Shop", "street1": "1 Main St", "city": "Springfield", "zip": "12345", "country": "US"}',
    "grams_per_item": "300",
}
"""As `cdk deploy -c name=value` gives them: as text."""


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Stage dev, as it is deployed. What cdk-nag found is in its `validation-report.json`."""
    folder = tmp_path_factory.mktemp("synth") / "cdk.out"
    return synthesize(folder, "dev", checked=True)


@pytest.fixture(scope="session")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """A stage whose data must outlive its stacks, with settings of its own and the real adapters. Checked as the other is."""
    return synthesize(tmp_path_factory.mktemp("synth") / "cdk.out", "prod", checked=True, **LASTING_SETTINGS)


def synthesize(folder: Path, stage: str, *, checked: bool = False, **settings: str) -> Assembly:
    """The stacks of that stage. Findings do not stop it: the tests read the report."""
    app = App(outdir=str(folder), context={"stage": stage, **settings}, analytics_reporting=False)
    compose(app)
    if checked:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    with contextlib.suppress(RuntimeError):
        app.synth()
    return templates.read(folder)
