"""`orderctl faults`: list, start, stop."""

import uuid
from typing import Annotated

import typer

from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="Break something on the laptop, and see it heal.")
COLUMNS = {"name": "Fault", "on": "On", "what": "What happens", "heals": "How it heals"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="faults")


@app.command("list")
def list_(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """List the faults, and say which are on.

    Example: `orderctl faults list`
    """
    from operations import faults

    found = faults.listed(ctx.obj)
    if output_format is Format.JSON:
        output.show_json(found)
        return
    rows = [{**fault, "on": "on" if fault["on"] else "" if fault["lasts"] else "one order"} for fault in found]
    output.show(rows, COLUMNS, output_format)


@app.command()
def start(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The fault, as `orderctl faults list` names it.")],
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Start a fault, and place an order that meets it. A switch stays on until you stop it.

    Examples:

    - `orderctl faults start declined-card`

    - `orderctl faults start failing-gateway`, then `orderctl faults stop`
    """
    from operations import faults

    begun = faults.start(ctx.obj, name, uuid.uuid4().hex)
    output.show([{"fault": name, **begun}], {"fault": "Fault", "order_id": "Order"}, output_format)


@app.command()
def stop(
    ctx: typer.Context,
    name: Annotated[list[str] | None, typer.Argument(help="The faults to switch off.  [default: all]")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Switch faults off.

    Example: `orderctl faults stop`
    """
    from operations import faults

    stopped = faults.stop(ctx.obj, name or ())
    output.show([{"fault": each} for each in stopped], {"fault": "Switched off"}, output_format)
