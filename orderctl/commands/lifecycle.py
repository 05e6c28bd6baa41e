"""`orderctl up`, `down`, `status`, `env`, `doctor`: the laptop's AWS and what is deployed on it."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from operations.aws.target import Target
from operations.errors import CheckFailedError, UserError
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

NOT_RUNNING = "The laptop's AWS is not running."


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (up, down, status, env, doctor):
        app.command()(command)


def up(
    ctx: typer.Context,
    persist: Annotated[Path | None, typer.Option(help="Keep everything in this folder, for the next start.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to answer on.  [default: 4566, or any free one]")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Deploy every stack, changed or not.")] = False,
    app: Annotated[str | None, typer.Option(hidden=True, help="Another CDK app than Orderflow's.")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Start the laptop's AWS and deploy Orderflow to it; again: deploy what changed.

    It stays up in the background until `orderctl down`.

    Examples:

    - `orderctl up`

    - `orderctl up --persist ~/orderflow-data` keeps orders over a restart

    - `ORDERFLOW_HOME=/tmp/second orderctl up` runs a second one beside the first
    """
    from laptop import bring_up

    target = laptop_of(ctx)
    target, record = bring_up.up(target, output.Progress(), port=port, persist=persist, app=app, everything=everything)
    found = bring_up.addresses(target)
    if output_format is Format.JSON:
        output.show_json({"endpoint": record.endpoint, "stage": target.stage, "addresses": found, "outputs": record.outputs})
        return
    rows = [{"name": "AWS", "address": record.endpoint}, *({"name": n, "address": a} for n, a in found.items())]
    output.show(rows, {"name": "What", "address": "Where"}, output_format)
    output.err.print(
        "[dim]Next: `orderctl orders place --line MUG-BLUE=1`, `orderctl status`, `eval $(orderctl env)` for the aws CLI.[/dim]"
    )


def down(ctx: typer.Context) -> None:
    """Stop the laptop's AWS. What it held is gone, unless it was started with --persist.

    Example: `orderctl down`
    """
    from laptop.emulator import process

    laptop_of(ctx)
    stopped = process.stop()
    if stopped is None:
        output.err.print("Nothing was running.")
        return
    kept = f"; its data is kept in {stopped.persist}" if stopped.persist else ""
    output.err.print(f"Stopped the laptop's AWS (pid {stopped.pid}){kept}.")


def status(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """Show what runs and what is deployed: the process, the stacks, the resources, and which of them do nothing here.

    Exit code 3 if it is not running, does not answer, or a stack has failed.

    Examples:

    - `orderctl status`

    - `orderctl status -o json | jq .stacks`
    """
    from laptop.emulator import process, resources

    target = laptop_of(ctx)
    record = process.running()
    if record is None and target.endpoint_url is None:
        if output_format is Format.JSON:
            output.show_json({"running": False})
        raise CheckFailedError(NOT_RUNNING, "Start it with `orderctl up`.")
    found = resources.look(target, record)
    if output_format is Format.JSON:
        output.show_json(found)
    else:
        _show_status(found)
    wrong = [s["stack"] for s in found["stacks"] if not s["status"].endswith("_COMPLETE") or "ROLLBACK" in s["status"]]
    if wrong:
        raise CheckFailedError(f"Not deployed: {', '.join(wrong)}.", "Run `orderctl up` again; its logs say why.")


def _show_status(found: dict[str, object]) -> None:
    process_row = {k: found[k] for k in ("endpoint", "pid", "uptime", "persist", "log")}
    columns = {"endpoint": "Endpoint", "pid": "Process", "uptime": "Up for", "persist": "Kept in", "log": "Log"}
    output.show([process_row], columns, Format.TABLE)
    for key, title, columns in (
        ("stacks", "Stacks", {"stack": "Stack", "status": "Status", "resources": "Resources"}),
        ("resources", "Resources", {"type": "Type", "count": "Count"}),
        ("inert", "Deployed, inert here", {"type": "Type", "count": "Count", "why": "Why"}),
    ):
        rows = found[key]
        assert isinstance(rows, list)
        output.out.print()
        output.show(rows, columns, Format.TABLE, title=title, empty=f"{title}: none.")


def env(ctx: typer.Context) -> None:
    """Print the variables that make any AWS tool work on the laptop's AWS.

    Examples:

    - `eval $(orderctl env)`, then `aws dynamodb list-tables`

    - `eval $(orderctl env)`, then `aws logs filter-log-events --log-group-name /aws/lambda/NAME`
    """
    for name, value in laptop_of(ctx).exports().items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def doctor(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """Check that this machine has what Orderflow needs, and say what to do about what is missing.

    Exit code 3 if something is missing.

    Example: `orderctl doctor`
    """
    from laptop import doctor

    checks = doctor.examine()
    output.show(checks, {"ok": "OK", "check": "Check", "found": "Found", "todo": "What to do"}, output_format)
    missing = [check["check"] for check in checks if not check["ok"]]
    if missing:
        raise CheckFailedError(f"Not ready: {', '.join(missing)}.", "Do what the table says, then `orderctl doctor` again.")


def laptop_of(ctx: typer.Context) -> Target:
    """The command's target, which has to be the laptop."""
    target: Target = ctx.obj
    if not target.is_laptop:
        raise UserError("This command is about the laptop's AWS.", "Leave --target aws out.")
    return target
