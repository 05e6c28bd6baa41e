"""`orderctl events`: publish, tail."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from kernel.naming import SOURCE_PREFIX
from orderctl.terminal import documents, output
from orderctl.terminal.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="Publish order events, and watch the bus.")


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="events")


@app.command()
def publish(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="A JSON file with an event's detail {metadata, data}, an entry of PutEvents, or a list; - for stdin."
        ),
    ],
    channel: Annotated[
        str | None, typer.Option(help="The channel that publishes.  [default: orderctl, or the source of an entry]")
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Publish OrderPlaced events as a channel. If one event is wrong, none is published.

    The command refuses what EventBridge would accept and lose: an entry with another source than a channel's, and an entry
    without the name of the bus.

    Examples:

    - `orderctl events publish data/order-placed.json`

    - `jq -c .orders feed.json | orderctl events publish - --channel marketplace`
    """
    from operations.events import channel_orders, entries, publisher

    if channel is not None:
        publisher.source_of(channel)
    given = entries.read(documents.read(file), channel, lambda: ctx.obj.parameter("platform/bus-name"))
    rows = channel_orders.publish(ctx.obj, given)
    output.show(rows, {"event_id": "Event", "order_id": "Order", "bus_id": "Id on the bus"}, output_format)


@app.command()
def tail(
    ctx: typer.Context,
    pattern: Annotated[
        str | None, typer.Option(help="An EventBridge event pattern, in JSON.  [default: all domain events]")
    ] = None,
    detail_type: Annotated[list[str] | None, typer.Option("--type", help="Only this detail-type. Can be repeated.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after this number of events.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="Stop after this number of seconds.")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Print the events on the bus as they arrive, until you press Ctrl-C. -o json prints one JSON document a line.

    A line has the time, the type, its version and its source. The versions of one event, which are published side by side,
    are one line; -o json prints each. The command creates a rule and a queue for itself, and deletes both when it stops.

    Examples:

    - `orderctl events tail --type OrderConfirmed`

    - `orderctl events tail --pattern '{"detail": {"data": {"reason": ["OUT_OF_STOCK"]}}}'`

    - `orderctl events tail --pattern '{"detail": {"data": {"total": {"amount": [{"numeric": [">", 10000]}]}}}}'`
    """
    from operations.events import live_tail
    from operations.events.seen_versions import SeenVersions

    wanted, seen, printed = _pattern(pattern, detail_type), SeenVersions(), 0
    with live_tail.watched(ctx.obj, wanted) as url:
        output.err.print("[dim]Watching the bus. Press Ctrl-C to stop.[/dim]")
        try:
            for event in live_tail.received(ctx.obj, url, timeout, output.Progress()):
                if output_format is Format.TABLE and seen.is_another_version(event):
                    continue
                _print(event, output_format)
                printed += 1
                if printed == count:
                    break
        except KeyboardInterrupt:
            output.err.print("[dim]Stopped.[/dim]")


def _print(event: dict[str, Any], output_format: Format) -> None:
    if output_format is Format.JSON:
        typer.echo(json.dumps(event))
        return
    from operations.events.seen_versions import metadata_of

    known = metadata_of(event)
    version = f"v{_escaped(known['event_version'])}" if "event_version" in known else ""
    replayed = f" [yellow]replay {_escaped(event['replay-name'])}[/yellow]" if "replay-name" in event else ""
    about = _escaped(known.get("order_id") or known.get("event_id", ""))
    when = _escaped(known.get("occurred_at") or event.get("time", ""))
    source = _escaped(event.get("source", "")).removeprefix(SOURCE_PREFIX)
    output.out.print(f"{when}  [bold]{_escaped(event['detail-type']):20}[/bold] {version:3} {source:14} {about}{replayed}")


def _escaped(value: object) -> str:
    """Return a part of an event, which may be anything, without effect on the terminal."""
    return escape("".join(sign if sign.isprintable() else "?" for sign in str(value)))


def _pattern(text: str | None, detail_types: list[str] | None) -> dict[str, Any]:
    from operations.event_pattern import InvalidPatternError, Pattern, parse
    from operations.events.live_tail import EVERYTHING

    try:
        wanted = {**EVERYTHING, **(parse(text) if text else {}), **({"detail-type": detail_types} if detail_types else {})}
        Pattern(wanted)
    except InvalidPatternError as error:
        raise typer.BadParameter(f"{error}.", param_hint="--pattern") from error
    return wanted
