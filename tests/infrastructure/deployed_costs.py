"""The facts of the template snapshots that cost money, as operations/economics/deployed.json has them.

Write the file: `.venv/bin/python -m tests.infrastructure.deployed_costs`
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

SNAPSHOTS: Final = Path(__file__).parent / "__snapshots__" / "test_snapshots"
MONTH_MINUTES: Final = 30 * 24 * 60
DEFAULT_LEVEL: Final = "INFO"


def document() -> str:
    """Return the file's text, made of the committed snapshots."""
    resources = [
        (path.stem.partition("[")[2].rstrip("]"), id, entry)
        for path in sorted(SNAPSHOTS.glob("test_template*.json"))
        for id, entry in json.loads(path.read_text())["Resources"].items()
    ]

    def of(kind: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        return ((service, id, entry["Properties"]) for service, id, entry in resources if entry["Type"] == f"AWS::{kind}")

    functions = {(service, id): (name_of(found["Handler"]), found) for service, id, found in of("Lambda::Function")}
    schedules = {
        functions[service, target["Arn"]["Fn::GetAtt"][0]][0]: MONTH_MINUTES / minutes(rule["ScheduleExpression"])
        for service, _, rule in of("Events::Rule")
        if "ScheduleExpression" in rule
        for target in rule["Targets"]
    }
    made = {
        "secrets": len(list(of("SecretsManager::Secret"))),
        "queue_mappings": sum("StartingPosition" not in found for _, _, found in of("Lambda::EventSourceMapping")),
        "schedules_per_month": dict(sorted(schedules.items())),
        "memory_mb": dict(sorted((name, found["MemorySize"]) for name, found in functions.values())),
        "system_logs": dict(
            sorted((name, found["LoggingConfig"].get("SystemLogLevel", DEFAULT_LEVEL)) for name, found in functions.values())
        ),
    }
    return json.dumps(made, indent=2) + "\n"


def name_of(handler: str) -> str:
    """Return `order-api` of `services.order.functions.api.handler`, and `journal-function` of `journal.function.handler`."""
    *_, package, module, _ = [part for part in handler.split(".") if part not in ("services", "functions")]
    return f"{package}-{module}"


def minutes(schedule: str) -> int:
    """Return 15 of `rate(15 minutes)`."""
    number, unit = schedule.removeprefix("rate(").removesuffix(")").split(" ")
    assert unit.startswith("minute"), f"{schedule} is not in minutes"
    return int(number)


if __name__ == "__main__":
    (Path(__file__).parents[2] / "operations" / "economics" / "deployed.json").write_text(document(), encoding="utf-8")
