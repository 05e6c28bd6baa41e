"""`orderctl console`: the operator's page in a browser."""

import contextlib
import secrets
import webbrowser
from typing import Annotated

import typer

from laptop.emulator import process
from operations.aws.target import Target
from orderctl.terminal import output


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(console)


def console(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port on 127.0.0.1.  [default: 4600, or a free one]")
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    allow_actions: Annotated[
        bool, typer.Option("--allow-actions", help="Allow changes on AWS. Without it, the page is read-only there.")
    ] = False,
) -> None:
    """Serve the operator's page on this machine until you press Ctrl-C: the orders of the stage, live, and each one's course.

    Only this machine can open the page. With --target aws it uses your own credentials.

    Examples:

    - `orderctl console --open`

    - `orderctl --target aws --stage prod console`
    """
    from console import server
    from console.api import Console

    listener = server.bound(port)
    page = Console(
        target=ctx.obj,
        actions=ctx.obj.is_laptop or allow_actions,
        token=secrets.token_urlsafe(32),
        run=secrets.token_hex(4),
        names_endpoint=ctx.obj.is_laptop and not _is_found_without_address(ctx.obj),
    )
    address = server.address(listener)
    output.out.print(address)
    output.err.print("[dim]Serving the page. Press Ctrl-C to stop.[/dim]")
    if open_browser:
        webbrowser.open(address)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve(page, listener)


def _is_found_without_address(target: Target) -> bool:
    """Return whether a plain `orderctl` in a new shell reaches this laptop's AWS."""
    with process.home_at(process.DEFAULT_HOME):
        running = process.running()
    return running is not None and running.endpoint == target.endpoint_url
