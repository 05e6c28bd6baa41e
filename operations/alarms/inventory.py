"""The inventory of alarms, with what they cost. It is made from the templates of a stage with every adapter and all alarms.

Write it again: `.venv/bin/python -m tests.infrastructure.listed_alarms`
"""

import json
from functools import cache
from pathlib import Path
from typing import Final, TypedDict

from operations.economics.prices import Prices

FILE: Final = Path(__file__).with_name("inventory.json")
ESSENTIAL: Final = "essential"
FULL: Final = "full"


class ListedAlarm(TypedDict):
    """An alarm: its service, AWS's or our metric, when it rings (`over 0 in 5 minutes`), the fault, its runbook and tier.

    `watches` is the number of metrics that it reads, and that CloudWatch bills.
    """

    service: str
    metric: str
    when: str
    fault: str
    runbook: str
    tier: str
    watches: int


class Inventory(TypedDict):
    """Every alarm, and how many composite alarms join those of an incident in the tier `full`."""

    alarms: list[ListedAlarm]
    incidents: int


@cache
def load(file: Path = FILE) -> Inventory:
    """Return the inventory."""
    found: Inventory = json.loads(file.read_text(encoding="utf-8"))
    return found


def of_tier(tier: str) -> list[ListedAlarm]:
    """Return the alarms that a stage of the tier has."""
    return [alarm for alarm in load()["alarms"] if tier in (FULL, alarm["tier"])]


def month_usd(tier: str, prices: Prices) -> float:
    """Return what the alarms of a tier cost a month, in US dollars."""
    each, joined = prices.per_month["alarm"].usd, prices.per_month["composite_alarm"].usd
    return sum(alarm["watches"] for alarm in of_tier(tier)) * each + (load()["incidents"] * joined if tier == FULL else 0)
