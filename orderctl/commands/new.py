"""`orderctl new`: service, event, channel."""

from collections.abc import Sequence
from typing import Annotated

import typer

from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="Make a new service, event or channel, as files of this checkout.")
REBUILD = "make generated"


def register(root: typer.Typer) -> None:
    """Add the commands to the command line."""
    root.add_typer(app, name="new")


@app.command()
def service(
    name: Annotated[str, typer.Argument(help="The service: one word, such as loyalty.")],
    consumes: Annotated[str, typer.Option(help="The event about an order that it records.")] = "OrderConfirmed",
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Make a service: a table, a subscriber that records each order once, a relay, a sweeper, and unit tests.

    The other services stay as they are. If anything fails, nothing is written.

    Examples:

    - `orderctl new service loyalty`

    - `orderctl new service loyalty --consumes OrderPlaced`
    """
    from operations.repository import REPOSITORY
    from operations.scaffold import service as scaffold

    files = scaffold.create(REPOSITORY, name, consumes)
    report(files, (REBUILD, f".venv/bin/python -m pytest -q tests/unit/{name}", f"orderctl deploy {name}"), output_format)


@app.command()
def event(
    owner: Annotated[str, typer.Argument(metavar="SERVICE", help="The service that publishes it.")],
    name: Annotated[str, typer.Argument(help="The event: what has happened, such as PointsGiven.")],
    step: Annotated[str | None, typer.Option(help="The step of the service's states that publishes it.")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Make an event: its schema, without data yet, and the step that publishes it.

    Add the fields of `data` to the schema and to the decision of the step before you release it.

    Examples:

    - `orderctl new event loyalty PointsGiven`

    - `orderctl new event loyalty PointsGiven --step record`
    """
    from operations.repository import REPOSITORY
    from operations.scaffold import event as scaffold

    files = scaffold.create(REPOSITORY, owner, name, step)
    report(files, ("orderctl schemas release", REBUILD, f"orderctl deploy platform {owner}"), output_format)


@app.command()
def channel(
    name: Annotated[str, typer.Argument(help="The channel: up to 32 of a-z, 0-9 and -.")],
    stage: Annotated[str, typer.Option("--for", metavar="STAGE", help="The stage whose file gets it.")] = "dev",
    principal: Annotated[
        list[str] | None, typer.Option(help="An IAM role or user that may publish; repeat it for more.  [default: role/NAME]")
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Make a channel: its item in `stages/STAGE.yaml`, with the principals that may publish orders in its name.

    Examples:

    - `orderctl new channel market`

    - `orderctl new channel market --for prod --principal role/market-feed`
    """
    import stages
    from operations.scaffold import channel as scaffold

    file = scaffold.create(stages.folder(), name, stage, principal or [f"role/{name}"])
    chosen = "" if stage == stages.LAPTOP_STAGE else f"--stage {stage} "
    chosen = chosen if stages.load(stage).ephemeral else f"--target aws {chosen}"
    publish = f"orderctl {chosen}events publish data/order-placed.json --channel {name}"
    report([str(file)], (REBUILD, f"orderctl {chosen}deploy platform", publish), output_format)


def report(files: Sequence[str], commands: Sequence[str], output_format: Format) -> None:
    """Print the files that a scaffold has made or changed, and the commands to run next."""
    if output_format is Format.JSON:
        output.show_json({"files": files, "next": commands})
        return
    for file in files:
        typer.echo(file)
    output.err.print("\nNext:")
    for command in commands:
        output.err.print(f"  {command}", markup=False, soft_wrap=True)
