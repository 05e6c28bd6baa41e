"""Each stack's template, whole: the effect of a change of the composition or of the CDK on the deployment.

After a change that is meant: `pytest tests/infrastructure/test_snapshots.py --snapshot-update`, and read the difference.
"""

import copy
import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from kernel.naming import SERVICES
from tests.infrastructure.templates import Assembly


def normalised(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template without the parts that every change of a function's code or of the saga's definition changes."""
    found = copy.deepcopy(template)
    for resource in found["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function":
            properties["Code"]["S3Key"] = "<digest>.zip"
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            properties["DefinitionString"] = f"<{len(json.loads(properties['DefinitionString'])['States'])} states>"
    return found


@pytest.mark.parametrize("service", ["platform", *SERVICES, "audit", "journal"])
def test_template(assembly: Assembly, snapshot: SnapshotAssertion, service: str) -> None:
    assert normalised(assembly.templates[service]) == snapshot(extension_class=JSONSnapshotExtension)
