"""`orderctl stock`: list, show, replenish, watch, split."""

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.markup import escape

from kernel.statements import Quantity
from operations import acts
from operations.aws import service_client
from operations.errors import UserError
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption
from orderctl.terminal.reasons import ReasonOption
from services.inventory.domain.stock import COUNTERS, MAX_QUANTITY, MAX_ROWS

if TYPE_CHECKING:  # the module of a function imports boto3
    from services.inventory.functions.operator import Spread, Watched

app = typer.Typer(no_args_is_help=True, help="Show and replenish stock, and set alerts for low stock.")
UnpricedOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask about a SKU without a price.")]
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


@app.command("list")
def list_stock(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """List the stock of all SKUs. Reads the whole table of inventory.

    Example: `orderctl stock list`
    """
    from operations.aws import stage_state

    _show(added_up(stage_state.rows(ctx.obj, "inventory/table-name", "SKU#", "SHARD#")), output_format)


@app.command()
def show(
    ctx: typer.Context,
    skus: Annotated[list[str], typer.Argument(help="The SKUs, one or more.")],
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show the stock of some SKUs.

    Example: `orderctl stock show MUG-BLUE LP-KIND-OF-BLUE`
    """
    _show([_counters(ctx, sku) for sku in skus], output_format)


@app.command()
def replenish(
    ctx: typer.Context,
    items: Annotated[list[str], typer.Argument(help="SKU=QUANTITY, one or more.")],
    delivery: Annotated[
        str | None, typer.Option(help="The delivery's id; a repeat has no effect.  [default: a new one, printed]")
    ] = None,
    reason: ReasonOption = "",
    yes: UnpricedOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Add a delivery to the stock.

    A SKU without a price cannot be ordered, and may be a typing error. The command asks before it adds one, as `watch` and
    `split` do. Without a terminal, it refuses the delivery unless you give --yes.

    Examples:

    - `orderctl stock replenish MUG-BLUE=50 LP-KIND-OF-BLUE=20`

    - `orderctl stock replenish MUG-BLUE=50 --delivery monday-1` can be repeated
    """
    arrived, act = [_quantity(text) for text in items], acts.act(ctx.obj, reason)
    delivery = delivery or uuid.uuid4().hex
    _confirm_unpriced(ctx, [item["sku"] for item in arrived], "No stock was added.", yes=yes)
    with output.Progress().step(f"Add delivery {delivery}"):
        service_client.replenish(ctx.obj, delivery, arrived, act)
    output.show([_counters(ctx, sku) for sku in dict.fromkeys(item["sku"] for item in arrived)], COLUMNS, output_format)


@app.command()
def watch(
    ctx: typer.Context,
    sku: Annotated[str, typer.Argument(help="The SKU.")],
    below: Annotated[int, typer.Option(min=0, max=MAX_QUANTITY, help="The threshold; 0 disables the alert.")],
    reason: ReasonOption = "",
    yes: UnpricedOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Publish StockRunningLow and raise an alarm when available stock falls below a threshold.

    The sweeper checks every minute. It alerts once each time that the stock falls below the threshold.

    Example: `orderctl stock watch MUG-BLUE --below 10`
    """
    act = acts.act(ctx.obj, reason)
    if below:
        _confirm_unpriced(ctx, [sku], "No alert was set.", yes=yes)
    cause = {"correlation_id": f"orderctl:{sku}", "causation_id": f"orderctl:{sku}"}
    command = {"command": "watch", "sku": sku, "threshold": below, **cause}
    answered = service_client.invoke(ctx.obj, "inventory/operator-arn", command, act)
    answer = cast("Watched", answered)
    shown = {"sku": sku, "threshold": answer["threshold"], "level": answer["outcome"]}
    output.show([shown], {"sku": "SKU", "threshold": "Threshold", "level": "Level"}, output_format)


@app.command()
def split(
    ctx: typer.Context,
    sku: Annotated[str, typer.Argument(help="The SKU.")],
    shards: Annotated[int, typer.Option(min=1, max=MAX_ROWS, help="The number of rows; 1 merges the stock.")],
    reason: ReasonOption = "",
    yes: UnpricedOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Split the stock of a SKU over several rows before a flash sale, or merge it.

    An order that finds too little in each row merges the stock by itself. A SKU for which orders wait stays merged. Split a SKU
    again to spread what was delivered since.

    Examples:

    - `orderctl stock split MUG-BLUE --shards 8`

    - `orderctl stock split MUG-BLUE --shards 1`
    """
    act = acts.act(ctx.obj, reason)
    if shards > 1:
        _confirm_unpriced(ctx, [sku], "No stock was split.", yes=yes)
    command = {"command": "split", "sku": sku, "shards": shards}
    answered = service_client.invoke(ctx.obj, "inventory/operator-arn", command, act)
    answer = cast("Spread", answered)
    output.show([{"sku": sku, "shards": answer["shards"]}], {"sku": "SKU", "shards": "Shards"}, output_format)


def _confirm_unpriced(ctx: typer.Context, skus: list[str], otherwise: str, *, yes: bool) -> None:
    """Let a person confirm SKUs without a price: a typing error would do harm in silence.

    Raises UserError, with what was not done, if no person is there and `yes` is not given.
    """
    from operations.orders import store

    unpriced = store.unpriced(ctx.obj, skus)
    if not unpriced:
        return
    fault = f"The catalogue has no price for {', '.join(unpriced)}. Check the SKU."
    if not (yes or output.attended()):
        raise UserError(fault, f"{otherwise} See `orderctl catalogue list`, or give --yes for a SKU that gets its price later.")
    output.err.print(f"[yellow]![/yellow] {escape(fault)}")
    if not yes:
        typer.confirm("Go on?", abort=True, err=True)


def _show(found: Iterable[Mapping[str, Any]], output_format: Format) -> None:
    """Show the counters of some SKUs, without what else a row has."""
    rows = [{name: row[name] for name in COLUMNS} for row in found]
    output.show(rows, COLUMNS, output_format, empty="There is no stock. Add a delivery with `orderctl stock replenish`.")


def added_up(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the counters of each SKU, added up over its own row and its shards, by SKU."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        counters = found.setdefault(row["sku"], {"sku": row["sku"], "waiting": 0, **dict.fromkeys(COUNTERS, 0)})
        counters["waiting"] += row.get("waited_for", 0)
        for counter in COUNTERS:
            counters[counter] += row[counter]
    return [found[sku] for sku in sorted(found)]


def _quantity(text: str) -> Quantity:
    sku, _, quantity = text.partition("=")
    if not sku or not re.fullmatch(r"[1-9][0-9]{0,6}", quantity):
        raise typer.BadParameter(f"{text!r} is not SKU=QUANTITY, such as MUG-BLUE=50")
    return {"sku": sku, "quantity": int(quantity)}


def _counters(ctx: typer.Context, sku: str) -> dict[str, Any]:
    answer = service_client.inventory_api(ctx.obj, "GET", f"/stock/{sku}")
    if answer.status != 200:
        raise UserError(
            f"The stock of {sku} cannot be shown: {service_client.refusal(answer)}.",
            "List all SKUs with `orderctl stock list`.",
        )
    return answer.json()
