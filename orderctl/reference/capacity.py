"""The page of the load that a stage bears, made from its settings, the quotas and the counted units."""

from dataclasses import replace
from typing import Final

import stages
from operations.contracts.markdown import escaped, table
from operations.economics import capacity

REGION: Final = "us-east-1"
INTRODUCTION: Final = """# The load of a stage

`orderctl capacity --stage STAGE` prints these figures for a stage. The ones below are for a new stage in {region}. The units of
an order are counted by the simulation, on its way to the door: [The cost of an order](cost.md) says how. The quotas are AWS's
defaults, in `operations/economics/quotas.yaml`, each with its source and its date. The durations of a row and of a parcel are
assumptions of the same file.

The first bottleneck comes first. An order that waits behind the API is not lost: it waits in a queue, in a stream or in an
index of due rows.

## With the default settings

"""
LARGE: Final = """
If all orders want the same SKU, the stage bears {one_sku:,} of them a minute, because each writes the SKU's row.

## With `capacity: large`

The setting `capacity: large` raises these settings, unless the stage's file names them:

"""
QUOTAS: Final = """
The stage needs higher quotas than AWS's defaults, and with `gateway: stripe` a higher limit of Stripe. Request them before you
deploy it:

"""
BOUNDS: Final = """
The large stage bears:

"""
CARRIER: Final = """
These figures are for the carrier and the gateway of the sandbox. With `carrier: easypost`, a call takes {seconds:g} s. Then
{booked:,} parcels a minute are booked, and the others wait in the queue. EasyPost's webhook brings the news of a parcel, and
the queries make up for a lost one. Under that load, they come later than each six hours.

[How a million orders a minute would be done](../explanation/a-million-orders-a-minute.md) goes on from here.

## How fast is a backlog worked off?

After an outage, the sweepers move what was left behind. Sweeps run once a minute. Those of order, payment and shipping run
side by side, as many as the setting `sweepers` says. A call to the gateway or the carrier takes 1.5 s here. With the default
settings:

"""
LARGE_RECOVERY: Final = """
With `capacity: large`:

"""


def page() -> str:
    """Return the page as Markdown."""
    standard, large = (stages.parse("new", f"ephemeral: true\ncapacity: {size}", "new.yaml") for size in stages.CAPACITIES)
    known, known_large = capacity.limits(REGION, standard.capacity), capacity.limits(REGION, large.capacity)
    settings = [(f"`{name}`", f"{stages.default(name):,}", f"{value:,}") for name, value in stages.CAPACITIES["large"].items()]
    quotas = [(f"`{name}`", f"{known.quotas[name]:,}", f"{quota:,}") for name, quota in known_large.requested.items()]
    easypost = capacity.bounds(replace(large, carrier="easypost"), known_large)
    booked = next(bound["orders_per_minute"] for bound in easypost if bound["part"] == capacity.BOOKING)
    return (
        INTRODUCTION.format(region=REGION)
        + _bounds(standard, known)
        + LARGE.format(one_sku=capacity.one_sku(known))
        + table(("Setting", "Default", "Large"), settings)
        + QUOTAS
        + table(("Quota", "Default", "Large"), quotas)
        + BOUNDS
        + _bounds(large, known_large)
        + CARRIER.format(seconds=known.carrier_seconds["easypost"], booked=booked)
        + _recovered(standard, known)
        + LARGE_RECOVERY
        + _recovered(large, known_large)
    )


def _bounds(stage: stages.Stage, known: capacity.Limits) -> str:
    """Return the table of the stage's parts."""
    bounds = capacity.bounds(stage, known)
    rows = [(bound["part"], f"{bound['orders_per_minute']:,}", escaped(bound["bound_by"])) for bound in bounds]
    return table(("Part", "Orders a minute", "Bound by"), rows)


def _recovered(stage: stages.Stage, known: capacity.Limits) -> str:
    """Return the table of the stage's sweepers."""
    rows = [
        (row["sweeper"], f"{row['rows_per_minute']:,}", f"{row['republished_per_minute']:,}", row["bound_by"])
        for row in capacity.recovery(stage, known)
    ]
    return table(("Sweeper", "Rows a minute", "Republished a minute", "Bound by"), rows)
