"""`orderctl docs`: the reference pages that are made from the code."""

from typing import Annotated, cast

import typer
from typer.core import TyperGroup

from operations.errors import CheckFailedError
from orderctl.terminal import output

app = typer.Typer(no_args_is_help=True, help="The reference pages that are made from the code.")


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="docs")


@app.command()
def build(
    ctx: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 3 if a page is out of date.")] = False,
) -> None:
    """Write the reference pages: the command line, the settings of a stage, the invariants, the costs and the load, the
    states of each service.

    Examples:

    - `orderctl docs build`

    - `orderctl docs build --check`
    """
    from orderctl.reference import pages

    made = pages.documents(cast(TyperGroup, ctx.find_root().command))
    found = pages.differences(made) if check else pages.build(made)
    for path in found:
        output.err.print(f"{'out of date' if check else 'written'}: {path}")
    if check and found:
        raise CheckFailedError("Reference pages are out of date.", "Run `orderctl docs build` and commit the changes.")
