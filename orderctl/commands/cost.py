"""`orderctl cost`: the cost of orders on AWS, by units that the simulation counted."""

from typing import TYPE_CHECKING, Annotated

import typer

from operations.plural import counted
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

if TYPE_CHECKING:
    from operations.economics.costs import Costs

PATHS = {
    "path": "Path",
    "calls": "DynamoDB calls",
    "reads": "Reads",
    "quiet_usd": "USD, quiet",
    "busy_usd": "USD, busy",
    "apart_usd": "Mails",
    "meaning": "What happens",
}
DESIGNS = {"design": "Design", "usd": "USD", "meaning": "What it does"}
SHARES = {"usd": "USD", "percent": "%", "units": "Units of one order"}
AUDITS = {"audit": "Audit", "usd": "USD"}
IDLE = {"of": "A month without orders, besides alarms", "usd": "USD"}
KEY = {"of": "A month of a key of the stage's own", "usd": "USD"}
ALARMS = {"tier": "Alarms of the tier", "alarms": "Alarms", "incidents": "Composite", "usd": "USD a month"}


def register(root: typer.Typer) -> None:
    """Add the command to the command line."""
    root.command()(cost)


def cost(
    path: Annotated[str | None, typer.Option(help="One path of an order, in detail, such as happy.")] = None,
    orders: Annotated[int, typer.Option(min=1, help="The number of orders.")] = 1_000_000,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Print the cost of orders on AWS: by path, by part of AWS and by promise, of audits, of an idle stage and of its alarms.

    The simulation counts the units of one order, and prices.yaml has AWS's prices. No command calls AWS.
    On a quiet stage, each event has an invocation of its own; on a busy one, events share them.

    Examples:

    - `orderctl cost`

    - `orderctl cost --path happy --orders 50000 -o json`
    """
    from operations.economics import costs

    found = costs.costs(orders, path)
    if output_format is Format.JSON:
        output.show_json(found)
        return
    output.screen().print(f"{counted(found['orders'], 'order')} in {found['region']}, US dollars:")
    output.show(found["paths"], PATHS, Format.TABLE)
    if path is None:
        output.show(found["designs"], DESIGNS, Format.TABLE)
        output.show(found["audits"], AUDITS, Format.TABLE)
        output.show(found["idle_month"], IDLE, Format.TABLE)
        output.show(found["key_month"], KEY, Format.TABLE)
        output.show(found["alarms"], ALARMS, Format.TABLE)
        output.screen().print(f"Business metrics, a month with each of them in each hour: {found['metrics_month']:.2f} USD")
        output.screen().print(f"Ages of secrets, a month with each one read in each hour: {found['secret_ages_month']:.2f} USD")
        output.screen().print(f"Dashboards, a month of a stage that keeps its data: {found['dashboards_month']:.2f} USD")
    else:
        _show_path(found, path)


def _show_path(found: "Costs", path: str) -> None:
    output.show(found["parts"][path], {"name": "Part of AWS", **SHARES}, Format.TABLE)
    output.show(found["promises"][path], {"name": "Promise", **SHARES, "meaning": "Meaning"}, Format.TABLE)
