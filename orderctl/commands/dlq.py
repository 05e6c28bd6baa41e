"""`orderctl dlq`: list, show, redrive, drop."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from operations.errors import CheckFailedError
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="Look into the dead-letter queues, give letters another try, or drop them.")


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
    from operations.dead_letters import messages

    rows = [
        {"name": name, "messages": depth, "holds": messages.held_by(name)} for name, depth in messages.queues(ctx.obj).items()
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
    from operations.dead_letters import messages

    columns = {"id": "Message", "event": "Event", "order_id": "Order", "redriven": "Redriven", "reason": "Reason"}
    output.show(messages.messages(ctx.obj, name, limit), columns, output_format, empty=f"{name} is empty.")


QueueArgument = Annotated[str, typer.Argument(help="The queue, as `orderctl dlq list` names it: order/intake.")]
IdOption = Annotated[list[str] | None, typer.Option("--id", help="A message, as `dlq show` names it; may be repeated.")]
AllOption = Annotated[bool, typer.Option("--all", help="All of them.")]
LimitOption = Annotated[int, typer.Option(min=1, help="At most so many.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
OUTCOME = {"id": "Message", "event": "Event", "order_id": "Order", "outcome": "Outcome", "why": "Why"}


@app.command()
def redrive(
    ctx: typer.Context,
    name: QueueArgument,
    ids: IdOption = None,
    everything: AllOption = False,
    limit: LimitOption = 1000,
    max_attempts: Annotated[int, typer.Option(min=1, help="How often a message may be redriven before quarantine.")] = 3,
    yes: YesOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Send messages back to the queue they failed in, once what was wrong with their consumer is mended.

    Each letter that was there when the command began gets one try; one that fails again waits for the next command.
    What today's schema still refuses is kept where it is, with the reason; what was redriven too often goes to
    platform/quarantine, from where it can be redriven by name. To redrive twice is harmless: consumers dedupe. Exit code 3 if
    any was kept.

    Examples:

    - `orderctl dlq redrive order/intake --all`

    - `orderctl dlq redrive notification/notices --id 3f0c... -o json`
    """
    from operations.dead_letters import redrives

    which = redrives.chosen(ids, everything=everything, limit=limit, now=datetime.now(UTC))
    if output.attended() and not yes:
        typer.confirm(f"Redrive {'all' if everything else len(ids or [])} of {name}?", abort=True, err=True)
    with output.err.status("Redriving ...") as line:
        results = redrives.redrive(
            ctx.obj, name, which, max_attempts, lambda one: line.update(f"{one['id']}: {one['outcome']}")
        )
    output.show(results, OUTCOME, output_format, empty=f"{name} is empty.")
    if any(result["outcome"] == redrives.KEPT for result in results):
        raise CheckFailedError(
            "Some messages are refused still, and were kept.", "Mend the schema or the publisher; or `orderctl dlq drop`."
        )


@app.command()
def drop(
    ctx: typer.Context,
    name: QueueArgument,
    ids: IdOption = None,
    everything: AllOption = False,
    limit: LimitOption = 1000,
    to: Annotated[Path | None, typer.Option(help="The file that gets a copy of each.  [default: named by queue]")] = None,
    yes: YesOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Take messages out of a dead-letter queue for good. A copy of each is written to a file first.

    Examples:

    - `orderctl dlq drop order/intake --id 3f0c...`

    - `orderctl dlq drop platform/quarantine --all --to quarantined.jsonl`
    """
    from operations.dead_letters import redrives

    which = redrives.chosen(ids, everything=everything, limit=limit, now=datetime.now(UTC))
    if output.attended() and not yes:
        typer.confirm(f"Drop {'all' if everything else len(ids or [])} of {name}?", abort=True, err=True)
    file = to or Path(f"dead-letters-{name.replace('/', '-')}-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl")
    with output.err.status("Dropping ...") as line:
        results = redrives.drop(ctx.obj, name, which, file, lambda one: line.update(str(one["id"])))
    output.show(results, OUTCOME, output_format, empty=f"{name} is empty.")
