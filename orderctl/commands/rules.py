"""`orderctl rules`: list, test."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from kernel import outside_json
from operations.errors import CheckFailedError
from orderctl.terminal import documents, output
from orderctl.terminal.output import Format, OutputOption

if TYPE_CHECKING:
    from operations.events.bus_rules import Verdict

app = typer.Typer(no_args_is_help=True, help="List the rules of the bus, and test them with an event.")


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="rules")


@app.command("list")
def list_rules(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """List the deployed rules of the stage's bus, with their patterns.

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
        Path,
        typer.Argument(help="A JSON file with an event, or with its detail; - for standard input.", metavar="EVENT.json"),
    ],
    source: Annotated[str | None, typer.Option(help="The event's source, if the file has only the detail.")] = None,
    detail_type: Annotated[
        str | None, typer.Option("--type", help="The event's detail-type, if the file has only the detail.")
    ] = None,
    rule: Annotated[list[str] | None, typer.Option(help="Test only this rule, such as order/intake. Can be repeated.")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Print the rules that match an event, and for the others the first field that differs.

    The event has the form of `orderctl events tail -o json`, or is an entry of PutEvents, or a detail. Nothing is published.
    Exit code 0 if an enabled rule matches, 3 if none does.

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
        columns = {"rule": "Rule", "takes": "Matches", "why": "Difference"}
        output.show([_said(one) for one in verdicts], columns, output_format, empty="The bus has no rule.")
    if not any(one["matches"] and one["enabled"] for one in verdicts):
        raise CheckFailedError(
            "No enabled rule matches this event." if not rule else f"{', '.join(rule)} does not match this event.",
            "See the differences above, and the patterns with `orderctl rules list`.",
        )


def _said(verdict: "Verdict") -> dict[str, object]:
    reasons = [f"{one['field']}: expected {one['expected']}, found {one['found']}" for one in verdict["mismatches"]]
    if verdict["refused"]:
        reasons.append(f"orderctl cannot read its pattern: {verdict['refused']}")
    if not verdict["enabled"]:
        reasons.append("it is disabled")
    return {"rule": verdict["rule"], "takes": verdict["matches"] and verdict["enabled"], "why": "; ".join(reasons) or None}


def _refused(event: dict[str, Any]) -> str | None:
    """Return why a consumer would quarantine the event, or None if it is valid."""
    from kernel import schemas

    try:
        schemas.validate(event["source"], event["detail-type"], event["detail"])
    except schemas.InvalidEventError as error:
        return f"A consumer would quarantine it: {error}."
    return None
