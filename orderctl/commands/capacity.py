"""`orderctl capacity`: the orders a minute that each part of a stage bears."""

from typing import Annotated

import typer

from operations.errors import UserError
from operations.plural import counted
from orderctl.terminal import output, stage_names
from orderctl.terminal.output import Format, OutputOption

BOUNDS = {"part": "Part", "orders_per_minute": "Orders a minute", "bound_by": "Bound by"}
RECOVERY = {
    "sweeper": "Sweeper",
    "rows_per_minute": "Rows a minute after an outage",
    "republished_per_minute": "Republished a minute",
    "bound_by": "Bound by",
}
DEFAULT_REGION = "us-east-1"


def register(root: typer.Typer) -> None:
    """Add the command to the command line."""
    root.command()(capacity)


def capacity(
    stage: Annotated[str | None, typer.Option(help="The stage whose settings are taken, not the default ones.")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Print the orders a minute that each part of a stage bears, the first bottleneck first.

    The figures follow from the stage's settings, AWS's default quotas in its region, and the units that the simulation
    counted for an order to the door. No command calls AWS.

    Examples:

    - `orderctl capacity`

    - `orderctl capacity --stage prod -o json`
    """
    import stages
    from operations.economics import capacity as economics

    try:
        settings = stages.load(stage_names.checked(stage)) if stage else stages.Stage("default", ephemeral=True)
    except stages.StageError as error:
        raise UserError(error.message, error.hint) from error
    known = economics.limits(settings.region or DEFAULT_REGION, settings.capacity)
    requested = economics.quotas_to_request(settings, known)
    bounds, recovery = economics.bounds(settings, known), economics.recovery(settings, known)
    if output_format is Format.JSON:
        found = {"stage": settings.name, "region": known.region, "requested_quotas": requested}
        output.show_json({**found, "bounds": bounds, "recovery": recovery})
        return
    first = bounds[0]
    rate = f"{counted(first['orders_per_minute'], 'order')} a minute"
    named = f"Stage {stage}" if stage else "The default settings"
    output.screen().print(f"{named} in {known.region}: {rate}; the first bottleneck is: {first['part']}.")
    if requested:
        quotas = ", ".join(f"{name} {quota:,}" for name, quota in requested.items())
        output.screen().print(f"The stage needs quotas above the default: {quotas}. Request them first.")
    output.show(bounds, BOUNDS, Format.TABLE)
    output.show(recovery, RECOVERY, Format.TABLE)
