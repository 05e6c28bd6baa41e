"""`orderctl catalogue`: list, set."""

from pathlib import Path
from typing import Annotated, cast

import typer

from kernel.money import Money
from operations.plural import counted
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption
from orderctl.terminal.reasons import ReasonOption

app = typer.Typer(no_args_is_help=True, help="Show and set the prices and titles of SKUs.")
COLUMNS = {"sku": "SKU", "title": "Title", "price": "Price"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="catalogue")


@app.command("list")
def list_prices(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """List each SKU that can be ordered, with its title and price. Reads the whole table of orders.

    Example: `orderctl catalogue list`
    """
    from operations.aws import stage_state
    from services.order.storage.catalogue import PriceRow

    found = (cast(PriceRow, row) for row in stage_state.rows(ctx.obj, "order/table-name", "PRICE#"))
    shown = [
        {
            "sku": row["sku"],
            **({"title": row["title"]} if "title" in row else {}),
            "amount": row["amount"],
            "currency": row["currency"],
            "price": str(Money.from_dict(row)),
        }
        for row in sorted(found, key=lambda row: row["sku"])
    ]
    output.show(shown, COLUMNS, output_format, empty="The catalogue is empty. Fill it with `orderctl catalogue set FILE`.")


@app.command("set")
def set_prices(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns sku, title, price and currency.")],
    reason: ReasonOption = "",
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Set prices and titles from a file of comma-separated values. Orders that were placed before keep their prices.

    A row replaces what the catalogue has of its SKU. SKUs that the file does not name stay as they are. A price is written as
    customers read it: 12.50 is 1250 minor units of USD. The file is checked before the first price is set.

    Example: `orderctl catalogue set catalogue.csv`
    """
    from operations import acts, catalogue_file
    from operations.aws import service_client

    prices = catalogue_file.read(file)
    with output.Progress().step(f"Set {counted(len(prices), 'price')}"):
        service_client.set_prices(ctx.obj, prices, acts.act(ctx.obj, reason))
    shown = [{**price, "price": str(Money(price["amount"], price["currency"]))} for price in prices]
    output.show(shown, COLUMNS, output_format, empty="The file has no row.")
