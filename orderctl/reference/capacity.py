"""The page of the load that a stage bears, made from its settings, the quotas and the counted units."""

from dataclasses import replace
from typing import Final

import stages
from operations.contracts.markdown import escaped, table
from operations.economics import capacity

REGION: Final = "us-east-1"
INTRODUCTION: Final = """# The load of a stage

`orderctl capacity --stage STAGE` prints these figures for a stage. The ones below are for the settings of stage `dev`, in
{region}. The units of an order are counted by the simulation, on its way to the door: [The cost of an order](cost.md) says how.
The quotas are AWS's defaults, in `operations/economics/quotas.yaml`, each with its source and its date.

The first bottleneck comes first. The durations of a row and of a parcel are assumptions of the same file.

"""
RECOVERY: Final = """
## How fast is a backlog worked off?

After an outage, the sweepers move what was left behind. Sweeps run once a minute. Those of order, payment and
shipping run side by side, as many as the setting `sweepers` says. A call to the gateway or the carrier takes 1.5 s here.

"""
DEFAULTS: Final = """
With the default of the setting `sweepers`, {sweepers}:

"""


def page() -> str:
    """Return the page as Markdown."""
    known = capacity.limits(REGION)
    stage = stages.load(stages.LAPTOP_STAGE)
    bounds = capacity.bounds(stage, known)
    rows = [(bound["part"], f"{bound['orders_per_minute']:,}", escaped(bound["bound_by"])) for bound in bounds]
    head = ("Part", "Orders a minute", "Bound by")
    default = replace(stage, sweepers=stages.default("sweepers"))
    return (
        INTRODUCTION.format(region=REGION)
        + table(head, rows)
        + RECOVERY
        + _recovered(stage, known)
        + DEFAULTS.format(sweepers=default.sweepers)
        + _recovered(default, known)
    )


def _recovered(stage: stages.Stage, known: capacity.Limits) -> str:
    """Return the table of the stage's sweepers."""
    rows = [
        (row["sweeper"], f"{row['rows_per_minute']:,}", f"{row['republished_per_minute']:,}", row["bound_by"])
        for row in capacity.recovery(stage, known)
    ]
    return table(("Sweeper", "Rows a minute", "Republished a minute", "Bound by"), rows)
