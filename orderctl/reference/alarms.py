"""The page of alarms, made from the inventory."""

from itertools import groupby
from pathlib import PurePosixPath
from typing import Final

from operations.alarms import inventory
from operations.contracts.markdown import escaped, table
from operations.economics import prices

INTRODUCTION: Final = """# Alarms

The setting `alarms` of a stage chooses the tier. `essential` has {essential} alarms, for {essential_usd:.2f} USD a month: each
shows that orders, money or parcels need an operator. `full` has {full} alarms, for {full_usd:.2f} USD a month: it adds causes
and early signs. There, the alarms of a service with the same runbook notify together, by one of {incidents} composite alarms.

The counts are of a stage with Stripe and EasyPost. `orderctl alarms list` shows the alarms of a stage that ring, and
`orderctl alarms test` sends one to the receiver.
"""


def page() -> str:
    """Return the page as Markdown."""
    found = inventory.load()
    known = prices.load()
    parts = [
        INTRODUCTION.format(
            essential=len(inventory.of_tier(inventory.ESSENTIAL)),
            full=len(found["alarms"]),
            essential_usd=inventory.month_usd(inventory.ESSENTIAL, known),
            full_usd=inventory.month_usd(inventory.FULL, known),
            incidents=found["incidents"],
        )
    ]
    for service, alarms in groupby(found["alarms"], key=lambda alarm: alarm["service"]):
        rows = [
            (
                escaped(alarm["fault"]),
                f"`{alarm['metric']}` {alarm['when']}",
                alarm["tier"],
                f"[{PurePosixPath(alarm['runbook']).stem}](../{alarm['runbook'].removeprefix('docs/')})",
            )
            for alarm in alarms
        ]
        parts.append(f"## {service}\n\n" + table(("Fault", "When", "Tier", "Runbook"), rows))
    return "\n".join(parts)
