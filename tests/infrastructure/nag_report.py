"""The report that cdk-nag writes beside the templates."""

import json
from pathlib import Path
from typing import Final

PACKS: Final = {"AwsSolutions", "Serverless"}
"""The packs of rules that each synthesis of the tests is checked by."""


def findings(folder: Path) -> list[str]:
    """Return the findings in a folder of templates, such as `AwsSolutions-SQS3: Order/Queue`.

    Raises ValueError if a pack is missing.
    """
    reports = json.loads((folder / "validation-report.json").read_text())["pluginReports"]
    ran = {report["pluginName"] for report in reports}
    if ran != PACKS:
        raise ValueError(f"{folder}: checked by {sorted(ran)}, and not by {sorted(PACKS)}")
    return [
        f"{violation['ruleName']}: {construct['constructPath']}"
        for report in reports
        for violation in report.get("violations", ())
        for construct in violation["violatingConstructs"]
    ]
