"""The page of the load that a stage bears, made from its settings, the quotas and the counted units."""

from typing import Final

import stages
from operations.contracts.markdown import escaped, table
from operations.economics import capacity

REGION: Final = "us-east-1"
INTRODUCTION: Final = """# The load of a stage

`orderctl capacity --stage STAGE` prints these figures for a stage. The ones below are for the settings of stage `dev`, in
{region}. The units of an order are counted by the simulation, on its way to the door: [The cost of an order](cost.md) says how.
The quotas are AWS's defaults, in `operations/economics/quotas.yaml`, each with its source and its date.

The first bottleneck comes first. The durations of a row, of a batch and of a parcel are assumptions of the same file.

"""
RECOVERY: Final = """
After an outage, the sweepers move what was left behind. A sweep runs once a minute and takes so many rows:

"""


def page() -> str:
    """Return the page as Markdown."""
    known = capacity.limits(REGION)
    stage = stages.load(stages.LAPTOP_STAGE)
    bounds = capacity.bounds(stage, known)
    rows = [(bound["part"], f"{bound['orders_per_minute']:,}", escaped(bound["bound_by"])) for bound in bounds]
    recovered = [(row["sweeper"], f"{row['rows_per_minute']:,}") for row in capacity.recovery(stage, known)]
    head = ("Part", "Orders a minute", "Bound by")
    return INTRODUCTION.format(region=REGION) + table(head, rows) + RECOVERY + table(("Sweeper", "Rows a minute"), recovered)
