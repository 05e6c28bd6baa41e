"""`orderctl demo`."""

from typing import Annotated

import typer


def register(root: typer.Typer) -> None:
    """Add the command to the command line."""
    root.command()(demo)


def demo(
    ctx: typer.Context,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the demonstration's AWS running, to look around in.")] = False,
) -> None:
    """Show an order's ways on a laptop AWS of its own, then audit the books.

    Exit code 3 when the audit finds anything. It runs beside `orderctl up`, and as often as you like.

    Example: `orderctl demo --keep`
    """
    from laptop.demo import show
    from orderctl.commands.lifecycle import laptop_of

    show.run(laptop_of(ctx), keep=keep)
