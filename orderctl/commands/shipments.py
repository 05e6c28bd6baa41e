"""`orderctl shipments`: show, advance."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption
from orderctl.terminal.reasons import ReasonOption, record

app = typer.Typer(no_args_is_help=True, help="Show and advance shipments.")
OrderId = Annotated[str, typer.Argument(help="The order's id.")]
COLUMNS = {"order_id": "Order", "status": "Status", "tracking": "Tracking", "reason": "Reason", "next_due": "Next due"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="shipments")


@app.command()
def show(ctx: typer.Context, order_id: OrderId, output_format: OutputOption = Format.TABLE) -> None:
    """Show an order's shipment.

    Example: `orderctl shipments show ord-ae2ryiqq5hnkd3tqqsyblahvqe`
    """
    from operations.orders import shipments

    output.show([_shown(shipments.find(ctx.obj, order_id))], COLUMNS, output_format)


@app.command()
def advance(
    ctx: typer.Context, order_id: OrderId, reason: ReasonOption = "", output_format: OutputOption = Format.TABLE
) -> None:
    """Advance an order's shipment by one step: from shipping to the carrier, then from the carrier to the customer.

    The second step calls the webhook of the sandbox carrier. A real carrier calls it by itself. A delivered, cancelled or
    failed shipment cannot advance.

    Example: `orderctl shipments advance ord-ae2ryiqq5hnkd3tqqsyblahvqe`
    """
    from operations import acts
    from operations.orders import shipments

    act = acts.act(ctx.obj, reason)
    with output.Progress().step("Advance the shipment"):
        row = shipments.advance(ctx.obj, order_id)
    record(ctx.obj, "shipments advance", act, [order_id])
    output.show([_shown(row)], COLUMNS, output_format)


def _shown(row: Mapping[str, object]) -> dict[str, Any]:
    return {name: row.get(name) for name in COLUMNS}
