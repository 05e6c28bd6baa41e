"""`orderctl history ORDER`: what happened to an order, by whom and why, and what it waits for."""

from typing import Annotated

import typer

from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

COLUMNS = {"at": "Time", "what": "What", "by": "By", "why": "Why"}


def register(root: typer.Typer) -> None:
    """Add the command to the command line."""
    root.command()(history)


def history(
    ctx: typer.Context,
    order: Annotated[str, typer.Argument(help="The order's id.")],
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show who placed an order, its events, and each act of an operator on it, with the reason; and what it waits for.

    The last lines say what the order and each service wait for. Their time is that of the next try. The acts come from the
    logs of the services, as long as the stage keeps them.

    Example: `orderctl history ord-ae2ryiqq5hnkd3tqqsyblahvqe`
    """
    from operations.orders import history as orders_history

    with output.err.status("Reading the logs ..."):
        found = orders_history.history(ctx.obj, order)
    output.show([entry._asdict() for entry in found], COLUMNS, output_format)
