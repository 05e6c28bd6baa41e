"""`orderctl mails`: suppressed, suppress, allow."""

from typing import Annotated, Any

import typer

from operations.aws import service_client
from orderctl.terminal import output
from orderctl.terminal.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="See, and say, which addresses no mail goes to.")
Address = Annotated[str, typer.Argument(help="The e-mail address. It is kept nowhere: a digest stands for it.")]
COLUMNS = {"address": "Address", "outcome": "Mails", "reason": "Reason", "since": "Since"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="mails")


@app.command()
def suppressed(ctx: typer.Context, address: Address, output_format: OutputOption = Format.TABLE) -> None:
    """Show whether mails go to an address; if not, why and since when.

    BOUNCED: one came back for good. COMPLAINED: its owner called one spam. OPERATOR: somebody said so here.

    Example: `orderctl mails suppressed alice@example.com`
    """
    _show(ctx, "suppression", address, output_format)


@app.command()
def suppress(ctx: typer.Context, address: Address, output_format: OutputOption = Format.TABLE) -> None:
    """Let no mail go to an address.

    Example: `orderctl mails suppress alice@example.com`
    """
    _show(ctx, "suppress", address, output_format)


@app.command()
def allow(ctx: typer.Context, address: Address, output_format: OutputOption = Format.TABLE) -> None:
    """Let mails go to an address again. Mails that were not sent meanwhile stay unsent.

    Only if its owner wants them: SES closes the accounts of those who write to who complained.

    Example: `orderctl mails allow alice@example.com`
    """
    _show(ctx, "allow", address, output_format)


def _show(ctx: typer.Context, command: str, address: str, output_format: Format) -> None:
    if "@" not in address:
        raise typer.BadParameter(f"{address!r} is not an e-mail address, for example alice@example.com")
    answer: dict[str, Any] = service_client.invoke(
        ctx.obj, "notification/commands-arn", {"command": command, "address": address}
    )
    output.show([{"address": address, **answer}], COLUMNS, output_format)
