"""`orderctl dlq`: list, show."""

from typing import Annotated

import typer

from orderctl import output
from orderctl.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="Look into the dead-letter queues.")


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="dlq")


@app.command("list")
def list_queues(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """List the stage's dead-letter queues, how many messages each holds, and what lands there.

    Examples:

    - `orderctl dlq list`

    - `orderctl dlq list -o json | jq 'map(.messages) | add'` counts them all
    """
    from orderctl import dead_letters

    rows = [
        {"name": name, "messages": depth, "holds": dead_letters.held_by(name)}
        for name, depth in dead_letters.queues(ctx.obj).items()
    ]
    columns = {"name": "Queue", "messages": "Messages", "holds": "What lands there"}
    output.show(rows, columns, output_format, empty="No service is deployed.")


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The queue, as `orderctl dlq list` names it: order/intake.")],
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 10,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show messages of a dead-letter queue, and why each is there. They stay in it.

    Examples:

    - `orderctl dlq show order/intake`

    - `orderctl dlq show order/intake -o json` shows the whole bodies
    """
    from orderctl import dead_letters

    columns = {"id": "Message", "event": "Event", "order_id": "Order", "reason": "Reason"}
    output.show(dead_letters.messages(ctx.obj, name, limit), columns, output_format, empty=f"{name} is empty.")
