"""`orderctl`, the operator's command line: the global options and the list of commands.

The commands of a noun are in `orderctl/commands/<noun>.py`, with one function `register(app)`. Add the module to `COMMANDS`.
A command takes `ctx: typer.Context` and reads its `Target` from `ctx.obj`.
"""

import sys
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape
from typer.core import TyperGroup

import stages
from kernel.errors import OrderflowError
from laptop.emulator import process
from operations import errors
from operations.aws import refusals
from operations.aws.target import LAPTOP_REGION, Kind, Target
from orderctl.commands import (
    alarms,
    audit,
    capacity,
    catalogue,
    console,
    contacts,
    cost,
    customers,
    demo,
    deploy,
    dlq,
    docs,
    events,
    faults,
    history,
    lifecycle,
    mails,
    new,
    orders,
    replay,
    rules,
    schemas,
    shipments,
    stock,
    tables,
    trace,
)
from orderctl.commands import stages as stages_command
from orderctl.terminal import files, output
from stages import StageError

T = TypeVar("T")

COMMANDS = (
    lifecycle,
    console,
    orders,
    shipments,
    catalogue,
    stock,
    mails,
    trace,
    history,
    events,
    faults,
    rules,
    replay,
    dlq,
    alarms,
    deploy,
    demo,
    tables,
    audit,
    capacity,
    cost,
    contacts,
    customers,
    schemas,
    docs,
    new,
    stages_command,
)


class Commands(TyperGroup):
    """The group of all commands, which turns errors of AWS and of files into errors for the operator."""

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401  typer keeps the class of `ctx` private
        """Run the command. Raises UserError, without a traceback, for an error of botocore, of a file, or of our own."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(error, OSError) and (of_file := files.explained(error)):
                raise of_file from error
            if isinstance(error, OrderflowError):
                raise errors.UserError(f"The command failed: {error}.", "See the reason. You can run it again.") from error
            if isinstance(error, UnicodeEncodeError):
                raise errors.UserError("The command line has text that is not UTF-8.", "Correct it, then try again.") from error
            if not refusals.is_of_aws(error):
                raise
            raise refusals.explained(error, ctx.obj) from error


app = typer.Typer(
    name="orderctl",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
    help="Operate Orderflow on this laptop, without an AWS account, or on AWS (`--target aws`).\n\n"
    "Exit codes: 0 success, 1 failure, 2 wrong usage, 3 a check failed, 130 interrupted.",
)


@app.callback()
def choose_target(
    ctx: typer.Context,
    target: Annotated[Kind, typer.Option(help="The AWS to work on: this laptop's, or a real account.")] = Kind.LAPTOP,
    profile: Annotated[str | None, typer.Option(help="The profile of ~/.aws/config to use (aws only).")] = None,
    region: Annotated[str | None, typer.Option(help="The region (aws only; the laptop's is us-east-1).")] = None,
    stage: Annotated[
        str | None,
        typer.Option(help="The stage.  [default: dev; none on AWS]", envvar="ORDERFLOW_STAGE"),
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help="The address of another AWS emulator on this machine (laptop only).")
    ] = None,
) -> None:
    ctx.obj = resolve_target(target, profile=profile, region=region, stage=stage, endpoint_url=endpoint_url)


def resolve_target(
    kind: Kind,
    *,
    profile: str | None = None,
    region: str | None = None,
    stage: str | None = None,
    endpoint_url: str | None = None,
) -> Target:
    """Return the target that the global options choose.

    The laptop's endpoint is the given one, else the running one, else AWS_ENDPOINT_URL, which may be any emulator.
    """
    if stage is not None:
        _known(stages.check_name, stage)
    if kind is Kind.AWS:
        return _aws(profile, region, stage, endpoint_url)
    for option, value in (("--profile", profile), ("--region", region)):
        if value is not None:
            raise UsageError(f"{option} needs a real account. Add --target aws.")
    running = process.running()
    endpoint = endpoint_url or (running.endpoint if running else None) or process.exported_endpoint()
    return Target(Kind.LAPTOP, endpoint, LAPTOP_REGION, stage or (running.stage if running else "dev"))


def _aws(profile: str | None, region: str | None, stage: str | None, endpoint_url: str | None) -> Target:
    if endpoint_url is not None:
        raise UsageError("--endpoint-url works on the laptop only. Leave it out with --target aws.")
    if stage is None:
        raise UsageError(f"On AWS there is no default stage. Choose one with --stage: {stages.listed()}.")
    settings = _known(stages.load, stage)
    if settings.region and region not in (None, settings.region):
        raise UsageError(f"stages/{stage}.yaml puts stage {stage!r} in {settings.region}, not in {region}. Leave --region out.")
    region = region or settings.region
    if region is None:
        import boto3

        region = boto3.Session(profile_name=profile).region_name
    if region is None:
        raise UsageError("There is no region. Choose one with --region, or a --profile that has one.")
    return Target(Kind.AWS, None, region, stage, profile)


UsageError = typer.BadParameter


def _known(read: Callable[[str], T], stage: str) -> T:
    """Return the result of `read`. Raises UsageError for a stage that does not exist or is invalid."""
    try:
        return read(stage)
    except StageError as error:
        raise UsageError(str(error)) from error


for module in COMMANDS:
    module.register(app)


def main() -> None:
    """Run the command line. Print a `UserError` as two lines on standard error, and exit with its code."""
    try:
        app()
    except errors.UserError as error:
        output.err.print(f"[red]Error:[/red] {escape(error.message)}", soft_wrap=True)
        if error.hint:
            output.err.print(f"[dim]{escape(error.hint)}[/dim]", soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        output.err.print("Interrupted.")
        sys.exit(errors.EXIT_INTERRUPTED)
