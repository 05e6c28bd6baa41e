"""`orderctl rules`: list, test."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from kernel import outside_json
from operations.errors import CheckFailedError
from orderctl.terminal import documents, output
from orderctl.terminal.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="The rules of the bus, and which of them take an event.")


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="rules")


@app.command("list")
def list_rules(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """List the rules of the stage's bus with their patterns, as they are deployed.

    Examples:

    - `orderctl rules list`

    - `orderctl rules list -o json | jq '.[] | {rule, pattern}'`
    """
    from operations.events import bus_rules

    rows = [
        {
            "rule": rule.name,
            "enabled": rule.enabled,
            "pattern": outside_json.read(rule.pattern),
            "description": rule.description,
        }
        for rule in bus_rules.rules(ctx.obj)
    ]
    columns = {"rule": "Rule", "enabled": "Enabled", "pattern": "Pattern"}
    output.show(rows, columns, output_format, empty="The bus has no rule.")


@app.command()
def test(
    ctx: typer.Context,
    file: Annotated[
        str,
        typer.Argument(help="A JSON file with the event, or with its detail; - for standard input.", metavar="EVENT.json"),
    ],
    source: Annotated[str | None, typer.Option(help="The event's source, if the file has only the detail.")] = None,
    detail_type: Annotated[
        str | None, typer.Option("--type", help="The event's detail-type, if the file has only the detail.")
    ] = None,
    rule: Annotated[list[str] | None, typer.Option(help="Ask this rule only, such as order/intake; may be repeated.")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Say which rules take an event, and for the others the field that does not match.

    The event is one as `orderctl events tail -o json` prints it, an entry of PutEvents, or a detail alone. Nothing is
    published. Exits with 0 if an enabled rule takes it, with 3 if none does.

    Examples:

    - `orderctl rules test event.json`

    - `orderctl rules test data/order-placed.json --source orderflow.channel.shop --type OrderPlaced`

    - `orderctl events tail --count 1 -o json | orderctl rules test - --rule shipping/orders`
    """
    from operations.events import bus_rules

    event = bus_rules.as_delivered(ctx.obj, documents.read(file), source, detail_type)
    asked = bus_rules.chosen(bus_rules.rules(ctx.obj), rule or [])
    verdicts = [bus_rules.verdict(one, event) for one in asked]
    refused = _refused(event)
    if refused:
        output.err.print(f"[yellow]![/yellow] {escape(refused)}", soft_wrap=True)
    if output_format is Format.JSON:
        output.show_json(verdicts)
    else:
        columns = {"rule": "Rule", "takes": "Takes it", "why": "Why not"}
        output.show([_said(one) for one in verdicts], columns, output_format, empty="The bus has no rule.")
    if not any(one["matches"] and one["enabled"] for one in verdicts):
        raise CheckFailedError("No enabled rule takes this event." if not rule else f"Not taken by {', '.join(rule)}.")


def _said(verdict: dict[str, Any]) -> dict[str, Any]:
    reasons = [f"{one['field']}: expected {one['expected']}, found {one['found']}" for one in verdict["mismatches"]]
    if verdict["refused"]:
        reasons.append(f"its pattern is not understood here: {verdict['refused']}")
    if not verdict["enabled"]:
        reasons.append("it is disabled")
    return {"rule": verdict["rule"], "takes": verdict["matches"] and verdict["enabled"], "why": "; ".join(reasons) or None}


def _refused(event: dict[str, Any]) -> str | None:
    """Why a consumer would set the event aside although a rule takes it."""
    from kernel import schemas

    try:
        schemas.validate(event["source"], event["detail-type"], event["detail"])
    except schemas.InvalidEventError as error:
        return f"A consumer would set it aside: {error}."
    return None
