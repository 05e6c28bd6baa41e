"""`orderctl up`, `down`, `status`, `env`, `doctor`: the laptop's AWS and what is deployed on it."""

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(down)


def down(ctx: typer.Context) -> None:
    """Stop the laptop's AWS."""
    from orderctl import output
    from orderctl.embedded import process

    stopped = process.stop()
    output.err.print("Nothing was running." if stopped is None else f"Stopped the laptop's AWS (pid {stopped.pid}).")
