"""`orderctl mails`: suppressed, suppress, allow."""

from typing import Annotated

import typer

from operations.aws import service_client
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="Show and edit the e-mail suppression list.")
Address = Annotated[str, typer.Argument(help="The e-mail address. Only its digest is stored.")]
COLUMNS = {"address": "Address", "outcome": "Mails", "reason": "Reason", "since": "Since"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="mails")


@app.command()
def suppressed(ctx: typer.Context, address: Address, output_format: OutputOption = Format.TABLE) -> None:
    """Show if an address is suppressed, with the reason and the time.

    BOUNCED: a mail bounced permanently. COMPLAINED: the recipient reported spam. OPERATOR: an operator suppressed it.

    Example: `orderctl mails suppressed alice@example.com`
    """
    _show(ctx, "suppression", address, output_format)


@app.command()
def suppress(ctx: typer.Context, address: Address, output_format: OutputOption = Format.TABLE) -> None:
    """Suppress all mails to an address.

    Example: `orderctl mails suppress alice@example.com`
    """
    _show(ctx, "suppress", address, output_format)


@app.command()
def allow(ctx: typer.Context, address: Address, output_format: OutputOption = Format.TABLE) -> None:
    """Allow mails to an address again. Mails that were suppressed stay unsent.

    Do this only at the recipient's request: SES suspends accounts with many complaints.

    Example: `orderctl mails allow alice@example.com`
    """
    _show(ctx, "allow", address, output_format)


def _show(ctx: typer.Context, command: str, address: str, output_format: Format) -> None:
    if "@" not in address:
        raise typer.BadParameter(f"{address!r} is not an e-mail address such as alice@example.com")
    answer = service_client.invoke(ctx.obj, "notification/commands-arn", {"command": command, "address": address})
    output.show([{"address": address, **answer}], COLUMNS, output_format)
