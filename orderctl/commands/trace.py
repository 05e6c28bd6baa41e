"""`orderctl trace ORDER`: the events of an order and their causes."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.tree import Tree

from operations.plural import counted
from orderctl.terminal import files, output

if TYPE_CHECKING:
    from operations.order_trace import Node


class TraceFormat(StrEnum):
    """The values of `-o` for a trace."""

    TREE = "tree"
    JSON = "json"
    MERMAID = "mermaid"


def register(root: typer.Typer) -> None:
    """Add the command to the command line."""
    root.command()(trace)


def trace(
    ctx: typer.Context,
    order: Annotated[str, typer.Argument(help="The order's id.")],
    output_format: Annotated[TraceFormat, typer.Option("--output", "-o", help="The output format.")] = TraceFormat.TREE,
    otlp: Annotated[Path | None, typer.Option("--otlp", help="Also write the trace as OTLP/JSON to this file.")] = None,
) -> None:
    """Show an order's events across all services, each below its cause.

    Each line shows the time of the event, the number of times it was published, the replays that sent it, and the duplicates
    that consumers dropped. The order's rows say when to look; the data comes from the journal.

    Examples:

    - `orderctl trace ord-abc`

    - `orderctl trace ord-abc -o mermaid`

    - `orderctl trace ord-abc --otlp trace.json`
    """
    from operations import order_trace
    from operations.otlp import document

    if otlp is not None:
        files.check_file(otlp)
    with output.err.status("Reading the journal ..."):
        found = order_trace.trace(ctx.obj, order)
    roots = found.roots
    if otlp is not None:
        files.write(otlp, json.dumps(document(roots), indent=1) + "\n")
    match output_format:
        case TraceFormat.JSON:
            output.show_json([root.as_data() for root in roots])
        case TraceFormat.MERMAID:
            typer.echo(order_trace.mermaid(roots))
        case TraceFormat.TREE:
            drawn = Tree(f"[bold]{escape(order)}[/bold]")
            for root in roots:
                _draw(drawn, root)
            output.screen().print(drawn)
    if found.missing:
        output.err.print(
            f"The journal lacks {counted(len(found.missing), 'event')} of the order's timeline: {', '.join(found.missing)}. "
            "On AWS, events reach it within three minutes. If they do not: docs/how-to/runbooks/journal-incomplete.md."
        )


def _draw(tree: Tree, node: "Node") -> None:
    from operations import order_trace

    branch = tree.add(escape(order_trace.in_words(node)))
    for caused in node.caused:
        _draw(branch, caused)
