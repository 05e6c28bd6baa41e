"""AWS's prices and the assumptions that the cost of an order is computed with, from prices.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import yaml

FILE: Final = Path(__file__).with_name("prices.yaml")


@dataclass(frozen=True)
class Price:
    """A price in US dollars, of the part of AWS that bills it. `date` is the last day on which it was confirmed."""

    usd: float
    part: str
    source: str
    date: date


@dataclass(frozen=True)
class Assumptions:
    """The figures that the simulation cannot count: durations, the size of logs, the pollers of a queue."""

    invocation_seconds: float
    saga_seconds: float
    saga_gb: float
    system_log_kb: float
    sweep_seconds: float
    audit_run_seconds: float
    pollers: int
    memory_mb: int


@dataclass(frozen=True)
class Design:
    """Another design of the same order, to compare with: the units of one order."""

    meaning: str
    system_logs: bool
    units: Mapping[str, float]


@dataclass(frozen=True)
class Prices:
    """All of prices.yaml."""

    region: str
    per_million: Mapping[str, Price]
    apart: Mapping[str, Price]
    per_month: Mapping[str, Price]
    assumptions: Assumptions
    busy: Mapping[str, int]
    """How many items share one invocation of a function under load, by the function's module."""
    designs: Mapping[str, Design]


@cache
def load(file: Path = FILE) -> Prices:
    """Return the prices of the file."""
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    priced = {
        section: {unit: Price(**price) for unit, price in found[section].items()}
        for section in ("per_million", "apart", "per_month")
    }
    designs = {name: Design(**design) for name, design in found["designs"].items()}
    assumptions = Assumptions(**found["assumptions"])
    return Prices(region=found["region"], assumptions=assumptions, busy=found["busy"], designs=designs, **priced)
