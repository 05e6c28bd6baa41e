"""`orderctl tables`: restore, compare, put-back, drop."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from kernel import clock
from operations.errors import CheckFailedError, WrongUsageError
from operations.plural import counted
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption
from orderctl.terminal.reasons import ReasonOption, recorded

app = typer.Typer(no_args_is_help=True, help="Take all tables back to one moment of the last 35 days.")
MomentArgument = Annotated[str, typer.Argument(metavar="MOMENT", help="A moment in UTC, such as 2026-11-29T20:00:00Z.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
COPIES, DELETED = {"copy": "Copy"}, {"copy": "Deleted copy"}
DIFFERENCES = {"table": "Table", "added": "Added since", "changed": "Changed since", "missing": "Missing now"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="tables")


@app.command()
def restore(
    ctx: typer.Context, moment: MomentArgument, reason: ReasonOption = "", output_format: OutputOption = Format.TABLE
) -> None:
    """Restore every table, as it was at a moment, into a copy beside it. The tables themselves do not change.

    DynamoDB takes minutes for it. Copies that exist already are left alone. They cost money until you drop them.

    Example: `orderctl tables restore 2026-11-29T20:00:00Z`
    """
    from operations import acts
    from operations.recovery import point_in_time

    at, act = _moment(moment), acts.act(ctx.obj, reason)
    with recorded(ctx.obj, f"tables restore {moment}", act):
        copies = point_in_time.restore(ctx.obj, at, output.Progress())
    output.show([{"copy": copy} for copy in copies], COPIES, output_format)


@app.command()
def compare(ctx: typer.Context, moment: MomentArgument, output_format: OutputOption = Format.TABLE) -> None:
    """Count the rows of each table that differ from its copy. Changes nothing. Exit code 3 if a row differs.

    Example: `orderctl tables compare 2026-11-29T20:00:00Z`
    """
    from operations.recovery import point_in_time

    found = point_in_time.compare(ctx.obj, _moment(moment))
    output.show([vars(each) for each in found], DIFFERENCES, output_format)
    if rows := sum(each.rows for each in found):
        raise CheckFailedError(f"The tables differ from those of {moment} in {counted(rows, 'row')}.", "See the table above.")


@app.command("put-back")
def put_back(
    ctx: typer.Context,
    moment: MomentArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Make every table equal to its copy. Each change since the moment is lost, unless a replay makes it again.

    Stop the stage's functions first: docs/how-to/runbooks/restore-all-tables.md.

    Example: `orderctl tables put-back 2026-11-29T20:00:00Z`
    """
    from operations import acts
    from operations.recovery import point_in_time

    at, act = _moment(moment), acts.act(ctx.obj, reason)
    if not yes:
        typer.confirm(f"Take all tables of stage {ctx.obj.stage} back to {moment}?", abort=True, err=True)
    with recorded(ctx.obj, f"tables put-back {moment}", act):
        found = point_in_time.put_back(ctx.obj, at, output.Progress())
    output.show([vars(each) for each in found], DIFFERENCES, output_format)


@app.command()
def drop(
    ctx: typer.Context,
    moment: MomentArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Delete the copies of a moment.

    Example: `orderctl tables drop 2026-11-29T20:00:00Z`
    """
    from operations import acts
    from operations.recovery import point_in_time

    at, act = _moment(moment), acts.act(ctx.obj, reason)
    if not yes:
        typer.confirm(f"Delete the copies of {moment}?", abort=True, err=True)
    with recorded(ctx.obj, f"tables drop {moment}", act):
        deleted = point_in_time.drop(ctx.obj, at)
    output.show([{"copy": copy} for copy in deleted], DELETED, output_format)


def _moment(text: str) -> datetime:
    """Return the moment. Raises WrongUsageError if the text names none, or one that is still to come."""
    try:
        moment = clock.from_rfc3339(text)
    except ValueError:
        raise WrongUsageError(f"{text} is not a moment.", "Give it in UTC, such as 2026-11-29T20:00:00Z.") from None
    if moment > datetime.now(UTC):
        raise WrongUsageError(f"{text} is still to come.", "Name a moment of the last 35 days.")
    return moment
