"""The inventory of alarms, as operations/alarms/inventory.json has it: of a stage with every adapter and all alarms.

Write the file: `.venv/bin/python -m tests.infrastructure.listed_alarms`
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from cdk.constructs.alarm import TIER_TAG
from operations.alarms import inventory
from operations.alarms.inventory import Inventory, ListedAlarm
from tests.infrastructure.templates import Assembly, Resource

COMPARISONS = {"GreaterThanThreshold": "over", "LessThanThreshold": "under"}


def document(assembly: Assembly) -> str:
    """Return the file's text, made of the stage's templates."""
    alarms = [listed(alarm) for alarm in assembly.resources("CloudWatch::Alarm")]
    found: Inventory = {
        "alarms": sorted(alarms, key=lambda alarm: (alarm["service"], alarm["fault"], alarm["metric"])),
        "incidents": len(assembly.resources("CloudWatch::CompositeAlarm")),
    }
    return json.dumps(found, indent=2) + "\n"


def listed(alarm: Resource) -> ListedAlarm:
    """Return the alarm as the inventory lists it."""
    properties: dict[str, Any] = alarm.properties
    fault, _, runbook = properties["AlarmDescription"].rpartition(": ")
    series = metrics_of(alarm)
    minutes = series[0]["Period"] * properties["EvaluationPeriods"] // 60
    unit = "minute" if minutes == 1 else "minutes"
    return {
        "service": alarm.service,
        "metric": " and ".join(dict.fromkeys(entry["MetricName"] for entry in series)),
        "when": f"{COMPARISONS[properties['ComparisonOperator']]} {properties['Threshold']:,} in {minutes} {unit}",
        "fault": fault,
        "runbook": runbook,
        "tier": next(tag["Value"] for tag in properties["Tags"] if tag["Key"] == TIER_TAG),
        "watches": len(series),
    }


def metrics_of(alarm: Resource) -> list[dict[str, Any]]:
    """Return each metric that the alarm reads, with `MetricName`, `Namespace`, `Dimensions` and `Period`."""
    if "Metrics" not in alarm.properties:
        return [alarm.properties]
    stats = [entry["MetricStat"] for entry in alarm.properties["Metrics"] if "MetricStat" in entry]
    return [{**stat["Metric"], "Period": stat["Period"]} for stat in stats]


if __name__ == "__main__":
    from tests.infrastructure.conftest import LASTING, synthesize

    with tempfile.TemporaryDirectory() as folder:
        inventory.FILE.write_text(document(synthesize(Path(folder) / "cdk.out", LASTING)), encoding="utf-8")
