"""`orderctl dlq`: list, show, redrive, drop."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from operations.errors import CheckFailedError
from operations.polling import wait_for
from orderctl.terminal import files, output
from orderctl.terminal.output import Format, OutputOption
from orderctl.terminal.reasons import ReasonOption, record

app = typer.Typer(no_args_is_help=True, help="Show, redrive or drop the messages of dead-letter queues.")


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="dlq")


@app.command("list")
def list_queues(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """List the stage's dead-letter queues, with the number and the kind of their messages.

    Examples:

    - `orderctl dlq list`

    - `orderctl dlq list -o json | jq 'map(.messages) | add'` counts them all
    """
    from operations.dead_letters import messages

    rows = [
        {"name": name, "messages": depth, "holds": messages.content_of(name)}
        for name, depth in messages.queues(ctx.obj).items()
    ]
    columns = {"name": "Queue", "messages": "Messages", "holds": "Holds"}
    output.show(rows, columns, output_format, empty="No service is deployed.")


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The queue, such as order/intake: see `orderctl dlq list`.")],
    limit: Annotated[int, typer.Option(min=1, max=100, help="The largest number of messages.")] = 10,
    wait: Annotated[float, typer.Option(min=0, help="Wait so many seconds for a first message.")] = 0,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show messages of a dead-letter queue, each with its reason. The messages stay in the queue.

    Examples:

    - `orderctl dlq show order/intake`

    - `orderctl dlq show order/intake --wait 60` right after you published an event

    - `orderctl dlq show order/intake -o json` shows the whole bodies
    """
    from operations.dead_letters import messages

    columns = {"id": "Message", "event": "Event", "order_id": "Order", "redriven": "Redriven", "reason": "Reason"}
    with output.err.status("Waiting for a message ..."):
        found = wait_for(lambda: messages.messages(ctx.obj, name, limit), bool, wait, ctx.obj.clock)
    output.show(found, columns, output_format, empty=f"{name} is empty.")


QueueArgument = Annotated[str, typer.Argument(help="The queue, such as order/intake: see `orderctl dlq list`.")]
IdOption = Annotated[list[str] | None, typer.Option("--id", help="A message: see `orderctl dlq show`. Can be repeated.")]
AllOption = Annotated[bool, typer.Option("--all", help="All messages.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="The largest number of messages.  [default: no limit]")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
OUTCOME = {"id": "Message", "event": "Event", "order_id": "Order", "outcome": "Outcome", "why": "Why"}


@app.command()
def redrive(
    ctx: typer.Context,
    name: QueueArgument,
    ids: IdOption = None,
    everything: AllOption = False,
    limit: LimitOption = None,
    max_attempts: Annotated[int, typer.Option(min=1, help="The number of redrives before quarantine.")] = 3,
    reason: ReasonOption = "",
    yes: YesOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Send messages back to the queue that they failed in. Repair their consumer first.

    Each message that was sent before the command began gets one attempt. A message that the current schema rejects
    stays, with the reason. A message that was redriven too often moves to platform/quarantine, and you can redrive it from
    there. You can redrive a message twice, because consumers drop duplicates. Exit code 3 if a message stays.

    Examples:

    - `orderctl dlq redrive order/intake --all`

    - `orderctl dlq redrive notification/notices --id 3f0c... -o json`
    """
    from operations import acts
    from operations.dead_letters import redrives

    which, act = redrives.chosen(ids, everything=everything, limit=limit), acts.act(ctx.obj, reason)
    if output.attended() and not yes:
        typer.confirm(f"Redrive {'all' if everything else len(ids or [])} of {name}?", abort=True, err=True)
    with (
        redrives.reporting(
            lambda one: line.update(f"{one['id']}: {one['outcome']}"),
            lambda moved: record(ctx.obj, f"dlq redrive {name}", act, moved),
        ) as report,
        output.err.status("Redriving ...") as line,
    ):
        results = redrives.redrive(ctx.obj, name, which, max_attempts, report)
    output.show(results, OUTCOME, output_format, empty=f"{name} is empty.")
    if any(result["outcome"] == redrives.KEPT for result in results):
        raise CheckFailedError(
            "Some messages are still invalid and stay in the queue.",
            "Correct the schema or the publisher, deploy the missing queue, or drop them with `orderctl dlq drop`.",
        )


@app.command()
def drop(
    ctx: typer.Context,
    name: QueueArgument,
    ids: IdOption = None,
    everything: AllOption = False,
    limit: LimitOption = None,
    to: Annotated[Path | None, typer.Option(help="The file for the copies.  [default: named after the queue]")] = None,
    reason: ReasonOption = "",
    yes: YesOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Delete messages from a dead-letter queue. The command writes a copy of each to a file first.

    Examples:

    - `orderctl dlq drop order/intake --id 3f0c...`

    - `orderctl dlq drop platform/quarantine --all --to quarantined.jsonl`
    """
    from operations import acts
    from operations.dead_letters import redrives

    which = redrives.chosen(ids, everything=everything, limit=limit)
    file = to or Path(redrives.copies(name, datetime.now(UTC)))
    files.check_file(file)
    act = acts.act(ctx.obj, reason)
    if output.attended() and not yes:
        typer.confirm(f"Drop {'all' if everything else len(ids or [])} of {name}?", abort=True, err=True)
    with (
        redrives.reporting(
            lambda one: line.update(one["id"]), lambda moved: record(ctx.obj, f"dlq drop {name}", act, moved)
        ) as report,
        output.err.status("Dropping ...") as line,
    ):
        results = redrives.drop(ctx.obj, name, which, file, report)
    output.show(results, OUTCOME, output_format, empty=f"{name} is empty.")
