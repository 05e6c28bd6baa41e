"""`orderctl stock`: show, replenish, watch."""

import re
import uuid
from typing import Annotated, Any

import typer
from rich.markup import escape

from operations.aws import service_client
from operations.errors import UserError
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption
from services.inventory.domain.stock import MAX_QUANTITY

app = typer.Typer(no_args_is_help=True, help="Show and replenish stock, and be told when it runs low.")
COLUMNS = {
    "sku": "SKU",
    "available": "Available",
    "held": "Held",
    "sold": "Sold",
    "replenished": "Replenished",
    "waiting": "Waiting",
}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="stock")


@app.command()
def show(
    ctx: typer.Context,
    skus: Annotated[list[str] | None, typer.Argument(help="The SKUs.  [default: all; reads the whole table]")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show what there is of some SKUs, or of all.

    Examples:

    - `orderctl stock show`

    - `orderctl stock show MUG-BLUE LP-KIND-OF-BLUE`
    """
    from operations.aws import stage_state

    found = (
        [_counters(ctx, sku) for sku in skus]
        if skus
        else [
            {**row, "waiting": sum(waiting["quantity"] for waiting in row.get("waiting", ()))}
            for row in stage_state.rows(ctx.obj, "inventory/table-name")
            if row["pk"].startswith("SKU#")
        ]
    )
    rows = [{name: row[name] for name in COLUMNS} for row in found]
    output.show(rows, COLUMNS, output_format, empty="There is no stock. Take a delivery in: `orderctl stock replenish`.")


@app.command()
def replenish(
    ctx: typer.Context,
    items: Annotated[list[str], typer.Argument(help="SKU=QUANTITY, one or more.")],
    delivery: Annotated[
        str | None, typer.Option(help="The delivery's id: taken in once, however often.  [default: a fresh one, printed]")
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Take in a delivery.

    A SKU without a price cannot be ordered, so it is named first; at a terminal you are asked whether it is meant.

    Examples:

    - `orderctl stock replenish MUG-BLUE=50 LP-KIND-OF-BLUE=20`

    - `orderctl stock replenish MUG-BLUE=50 --delivery monday-1` may be repeated
    """
    from operations.orders import store

    arrived = [_quantity(text) for text in items]
    delivery = delivery or uuid.uuid4().hex
    unpriced = store.unpriced(ctx.obj, [item["sku"] for item in arrived])
    if unpriced:
        output.err.print(f"[yellow]![/yellow] The catalogue has no price for {escape(', '.join(unpriced))}: a typing error?")
        if output.attended():
            typer.confirm("Take it in?", abort=True, err=True)
    with output.Progress().step(f"Take in delivery {delivery}"):
        service_client.replenish(ctx.obj, delivery, arrived)
    output.show([_counters(ctx, sku) for sku in dict.fromkeys(item["sku"] for item in arrived)], COLUMNS, output_format)


@app.command()
def watch(
    ctx: typer.Context,
    sku: str,
    below: Annotated[int, typer.Option(min=0, max=MAX_QUANTITY, help="Tell when fewer are available; 0 tells never.")],
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Publish StockRunningLow, and ring the alarm, when less of a SKU is available than so many.

    It is told once, and again when it runs low anew; looked at every minute.

    Example: `orderctl stock watch MUG-BLUE --below 10`
    """
    cause = {"correlation_id": f"orderctl:{sku}", "causation_id": f"orderctl:{sku}"}
    answer = service_client.invoke(
        ctx.obj, "inventory/operator-arn", {"command": "watch", "sku": sku, "threshold": below, **cause}
    )
    shown = {"sku": sku, "threshold": answer["threshold"], "level": answer["outcome"]}
    output.show([shown], {"sku": "SKU", "threshold": "Threshold", "level": "Level"}, output_format)


def _quantity(text: str) -> dict[str, Any]:
    sku, _, quantity = text.partition("=")
    if not sku or not re.fullmatch(r"[1-9][0-9]{0,6}", quantity):
        raise typer.BadParameter(f"{text!r} is not SKU=QUANTITY, for example MUG-BLUE=50")
    return {"sku": sku, "quantity": int(quantity)}


def _counters(ctx: typer.Context, sku: str) -> dict[str, Any]:
    answer = service_client.inventory_api(ctx.obj, "GET", f"/stock/{sku}")
    if answer.status != 200:
        raise UserError(f"The stock of {sku} cannot be shown: {service_client.refusal(answer)}.")
    counters: dict[str, Any] = answer.json()
    return counters
