"""The facts of the templates that cost money: memory, logs, secrets. A snapshot test writes deployed.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("deployed.json")


@dataclass(frozen=True)
class Deployed:
    """A stage's resources that cost money whether orders come or not, and the settings of its functions."""

    secrets: int
    queue_mappings: int
    schedules_per_month: Mapping[str, float]
    """How often the clock invokes a function, by its name."""
    memory_mb: Mapping[str, int]
    """By the function's name, such as `order-api`."""
    system_logs: Mapping[str, str]
    """The level of Lambda's own log lines, by the function's name."""


@cache
def load(file: Path = FILE) -> Deployed:
    """Return the facts of the file."""
    return Deployed(**json.loads(file.read_text(encoding="utf-8")))
