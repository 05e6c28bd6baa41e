"""`orderctl alarms`: list, test."""

from typing import Annotated

import typer

from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="Show a stage's alarms, and test that one reaches its receiver.")
COLUMNS = {"state": "State", "fault": "Fault", "runbook": "Runbook", "since": "Since"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="alarms")


@app.command("list")
def list_alarms(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also the alarms that are quiet.")] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List the alarms that ring, each with its runbook.

    The laptop's AWS evaluates no alarm: there, an alarm rings only if it is tested.

    Examples:

    - `orderctl alarms list`

    - `orderctl --target aws --stage prod alarms list --all -o json`
    """
    from operations.alarms import states

    rows = [alarm for alarm in states.of_stage(ctx.obj) if everything or alarm["state"] == states.RINGS]
    output.show(rows, COLUMNS, output_format, empty="No alarm rings. `--all` lists the quiet ones.")


@app.command("test")
def send_test(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The alarm; without one, any that is quiet.")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Let one alarm ring, to see that its receiver gets the notification. CloudWatch ends it at its next look.

    Examples:

    - `orderctl --target aws --stage prod alarms test`

    - `orderctl --target aws --stage prod alarms test OrderflowProd-Order-OrderStuckAlarm05BF9669-1A2B3C4D5E6F`
    """
    from operations.alarms import states

    output.show([states.send_test(ctx.obj, name)], COLUMNS, output_format)
