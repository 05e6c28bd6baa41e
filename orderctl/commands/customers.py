"""`orderctl customers`: erase."""

from typing import Annotated

import typer

from operations.plural import counted
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="Erase a customer's personal data.")
COLUMNS = {"where": "Where", "what": "What remains", "until": "Until"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="customers")


@app.callback()
def customers() -> None:
    """Keep `erase` a command of its own."""


@app.command()
def erase(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Delete a customer's name and addresses, and list what remains and until when. The orders stay in the books.

    A customer with an order that still needs the address is refused. A repeat changes nothing.

    Examples:

    - `orderctl customers erase alice`

    - `orderctl customers erase alice -o json`
    """
    from kernel import clock
    from operations.orders import erasure

    with output.Progress().step(f"Erase the contact of {customer}"):
        done = erasure.erase(ctx.obj, customer, clock.now())
    if output_format is Format.JSON:
        output.show_json(done)
        return
    output.show(done["remains"], COLUMNS, output_format)
    output.err.print(f"The books keep {counted(done['orders'], 'order')}, with the customer's id only.", markup=False)
    if done["placed_meanwhile"]:
        placed = ", ".join(done["placed_meanwhile"])
        output.err.print(f"Placed meanwhile, and cancelled if no contact comes: {placed}.", markup=False, soft_wrap=True)
