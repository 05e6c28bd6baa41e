"""`orderctl up`, `down`, `status`, `env`, `doctor`: the laptop's AWS and its deployment."""

import shlex
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from operations.aws.target import Target
from operations.errors import CheckFailedError, WrongUsageError
from orderctl.terminal import files, output
from orderctl.terminal.output import Format, OutputOption

NOT_RUNNING = "The laptop's AWS is not running."


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (up, down, status, env, doctor):
        app.command()(command)


def up(
    ctx: typer.Context,
    persist: Annotated[Path | None, typer.Option(help="Keep the data in this folder for the next start.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The port.  [default: 4566, or a free one]")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Deploy every stack, even if it has not changed.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the operator's page in the browser.")] = False,
    app: Annotated[str | None, typer.Option(hidden=True, help="Another CDK app than Orderflow's.")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Start the laptop's AWS, deploy Orderflow to it, and serve the operator's page. If it runs already, deploy the changes.

    Both run in the background until `orderctl down`.

    Examples:

    - `orderctl up --open`

    - `orderctl up --persist ~/orderflow-data` keeps the orders over a restart

    - `ORDERFLOW_HOME=/tmp/second orderctl up` runs a second AWS beside the first
    """
    from laptop import bring_up, page

    target = laptop_of(ctx)
    if persist is not None:
        files.check_folder(persist)
    target, record = bring_up.up(target, output.Progress(), port=port, persist=persist, app=app, everything=everything)
    found = bring_up.addresses(target)
    served = page.serve(console_command(record.endpoint, target.stage)) if app is None else None
    if output_format is Format.JSON:
        where = {"endpoint": record.endpoint, "stage": target.stage, "page": served.address if served else None}
        output.show_json({**where, "addresses": found, "outputs": record.outputs})
    else:
        named = {"AWS": record.endpoint, **({"page": served.address} if served else {}), **found}
        rows = [{"name": name, "address": address} for name, address in named.items()]
        output.show(rows, {"name": "Name", "address": "Address"}, output_format)
        output.err.print(
            "[dim]Next: open the page, `orderctl orders place --line MUG-BLUE=1` for an order, "
            "`eval $(orderctl env)` for the aws CLI.[/dim]"
        )
    if served and open_page:
        webbrowser.open(served.address)
    if served is None and app is None:
        output.err.print(f"The page did not start. See {page.log()}, then run `orderctl console`.", soft_wrap=True)


def console_command(endpoint: str, stage: str) -> list[str]:
    """Return the command that serves the operator's page of a stage of the laptop's AWS."""
    return [str(Path(sys.executable).with_name("orderctl")), "--endpoint-url", endpoint, "--stage", stage, "console"]


def down(ctx: typer.Context) -> None:
    """Stop the laptop's AWS and the page. Its data is deleted, unless you started it with --persist.

    Example: `orderctl down`
    """
    from laptop import bring_up

    laptop_of(ctx)
    stopped = bring_up.down()
    if stopped is None:
        output.err.print("The laptop's AWS was not running.")
        return
    kept = f"; its data is kept in {stopped.persist}" if stopped.persist else ""
    output.err.print(f"Stopped the laptop's AWS (pid {stopped.pid}){kept}.")


def status(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """Show the process, the stacks and the resources, also those that the emulator accepts but does not run.

    Exit code 3 if the laptop's AWS does not run or answer, or if a stack has failed.

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
        raise CheckFailedError(f"Not deployed: {', '.join(wrong)}.", "Run `orderctl up` again. If it fails, see its logs.")


def _show_status(found: dict[str, object]) -> None:
    process_row = {k: found[k] for k in ("endpoint", "pid", "uptime", "persist", "log")}
    columns = {"endpoint": "Endpoint", "pid": "Process", "uptime": "Up for", "persist": "Kept in", "log": "Log"}
    output.show([process_row], columns, Format.TABLE)
    for key, title, columns in (
        ("stacks", "Stacks", {"stack": "Stack", "status": "Status", "resources": "Resources"}),
        ("resources", "Resources", {"type": "Type", "count": "Count"}),
        ("inert", "Accepted, not run by the emulator", {"type": "Type", "count": "Count", "why": "Why"}),
    ):
        rows = found[key]
        assert isinstance(rows, list)
        output.out.print()
        output.show(rows, columns, Format.TABLE, title=title, empty=f"{title}: none.")


def env(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """Print the environment variables that point any AWS tool to the laptop's AWS.

    Once Orderflow is deployed, ORDERFLOW_API is the address of the order API and ORDERFLOW_BUS the name of the bus.

    Examples:

    - `eval $(orderctl env)`, then `aws dynamodb list-tables`

    - `eval $(orderctl env)`, then `aws logs filter-log-events --log-group-name /aws/lambda/NAME`
    """
    from laptop import bring_up

    target = laptop_of(ctx)
    variables = {**target.exports(), **bring_up.exports(target)}
    if output_format is Format.JSON:
        output.show_json(variables)
        return
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def doctor(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """Check that this machine meets Orderflow's requirements, and print how to meet the others.

    Exit code 3 if a requirement is not met.

    Example: `orderctl doctor`
    """
    from laptop import doctor

    checks = doctor.examine()
    output.show(checks, {"ok": "OK", "check": "Check", "found": "Found", "todo": "Next step"}, output_format)
    missing = [check["check"] for check in checks if not check["ok"]]
    if missing:
        raise CheckFailedError(f"Not ready: {', '.join(missing)}.", "Follow the table, then run `orderctl doctor` again.")


def laptop_of(ctx: typer.Context) -> Target:
    """Return the command's target. Raises WrongUsageError if it is not the laptop."""
    target: Target = ctx.obj
    if not target.is_laptop:
        raise WrongUsageError("This command works on the laptop's AWS only.", "Leave --target aws out.")
    return target
