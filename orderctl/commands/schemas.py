"""`orderctl schemas`: build, diff, release."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from operations.errors import CheckFailedError
from operations.plural import counted
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

if TYPE_CHECKING:
    from operations.contracts.baseline import Schemas

app = typer.Typer(no_args_is_help=True, help="Compare, release and document the event schemas.")
COLUMNS = {"event": "Event", "verdict": "Verdict", "field": "Field", "what": "Change", "breaks": "Breaks"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="schemas")


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Write nothing. Exit code 3 if a file is out of date.")] = False,
) -> None:
    """Generate all files from the schemas: pages, AsyncAPI documents, samples, typed models.

    Examples:

    - `orderctl schemas build`

    - `orderctl schemas build --check`
    """
    from operations.contracts import generated

    made = generated.documents()
    report(generated.differences(made) if check else generated.build(made), check=check)
    if not check:
        output.err.print(f"{counted(len(made), 'document')} checked: each matches the schemas.")


def report(found: Mapping[str, Collection[Path]], *, check: bool) -> None:
    """Print the files of a build by the action. Raises CheckFailedError for a check that found any."""
    for what, paths in found.items():
        for path in paths:
            output.err.print(f"{'would be ' if check else ''}{what}: {path}")
    if check and any(found.values()):
        raise CheckFailedError(
            "Generated files do not match the schemas.", "Run `orderctl schemas build`, then commit the changes."
        )


@app.command()
def diff(
    against: Annotated[str | None, typer.Option(help="A git revision.  [default: the schemas last released]")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Compare the schemas with the released ones, and print the changes that break the archive or consumers.

    Exit code 3 if a change breaks one.

    Examples:

    - `orderctl schemas diff`

    - `orderctl schemas diff --against v1.2.0 -o json`
    """
    from kernel import schemas
    from operations.contracts import baseline

    compare(baseline.of_revision(against) if against else baseline.read(), schemas.read_schemas(), output_format)


def compare(old: "Schemas", new: "Schemas", output_format: Format) -> None:
    """Print the changes between schemas. Raises CheckFailedError, with each break, if one breaks its contract."""
    from operations.contracts import baseline

    found = baseline.verdicts(old, new)
    rows = [
        {"event": verdict.name, "verdict": verdict.kind, "field": field, "what": what, "breaks": ", ".join(breaks)}
        for verdict in found
        if verdict.kind != "unchanged"
        for field, what, breaks in [(c.field, c.what, sorted(c.breaks)) for c in verdict.changes] or [("", "", [])]
    ]
    output.show(rows, COLUMNS, output_format, empty=f"{counted(len(found), 'schema')} compared: none has changed.")
    if text := baseline.broken(found):
        raise CheckFailedError("A schema breaks its contract.", text)


@app.command()
def release() -> None:
    """Release the current schemas: later changes are compared with them. Fails if a change breaks a released schema.

    Example: `orderctl schemas release`
    """
    from operations.contracts import baseline

    found = baseline.release()
    new = [verdict.name for verdict in found if verdict.kind != "unchanged"]
    output.err.print(f"Released {counted(len(found), 'schema')}, {len(new)} of them new or changed: {baseline.FILE.name}.")
