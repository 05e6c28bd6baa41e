"""`orderctl mails`: preview, suppressed, suppress, allow."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from operations import acts
from operations.acts import Act
from operations.aws import service_client
from operations.plural import counted
from orderctl.terminal import files, output
from orderctl.terminal.output import Format, OutputOption
from orderctl.terminal.reasons import ReasonOption

app = typer.Typer(no_args_is_help=True, help="Preview the mails, and show and edit the e-mail suppression list.")
Address = Annotated[str, typer.Argument(help="The e-mail address. Only its digest is stored.")]
Kind = Literal["backordered", "confirmed", "cancelled", "dispatched"]
"""The kinds of mails, as `services.notification.domain.model` has them: that module imports boto3."""
COLUMNS = {"address": "Address", "outcome": "Mails", "reason": "Reason", "since": "Since"}


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="mails")


@app.command()
def preview(
    ctx: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="The kind of mail.")] = "confirmed",
    country: Annotated[str, typer.Option(help="The customer's country (ISO 3166-1, two letters).")] = "US",
    to: Annotated[Path | None, typer.Option(help="A folder for all kinds, each as .txt and .html.")] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Print a mail as a customer gets it, about a sample order. It names the shop as the stage's settings do.

    The command sends nothing and calls no AWS. -o json also prints the page of the mail or, with --to, the files.

    Examples:

    - `orderctl mails preview dispatched`

    - `orderctl mails preview --country DE --to mails`, then open `mails/confirmed.html`
    """
    from operations import mail_samples
    from services.order.domain.addresses import COUNTRIES

    if country.upper() not in COUNTRIES:
        raise typer.BadParameter(f"{country!r} is no country of ISO 3166-1, such as DE", param_hint="--country")
    shop = mail_samples.shop_of(ctx.obj.settings())
    if to is None:
        mail = mail_samples.compose(kind, shop, country.upper())
        if output_format is Format.JSON:
            output.show_json({"kind": kind, "subject": mail.subject, "text": mail.text, "html": mail.html})
        else:
            typer.echo(f"{mail.subject}\n\n{mail.text}")
        return
    files.check_folder(to)
    to.mkdir(parents=True, exist_ok=True)
    for each in mail_samples.KINDS:
        mail = mail_samples.compose(each, shop, country.upper())
        files.write(to / f"{each}.txt", f"{mail.subject}\n\n{mail.text}\n")
        files.write(to / f"{each}.html", f"{mail.html}\n")
    if output_format is Format.JSON:
        output.show_json(
            [{"kind": each, **{end: str(to / f"{each}.{end}") for end in ("txt", "html")}} for each in mail_samples.KINDS]
        )
    output.err.print(f"Wrote {counted(len(mail_samples.KINDS), 'mail')}, each as text and as a page, to {to}.", markup=False)


@app.command()
def suppressed(ctx: typer.Context, address: Address, output_format: OutputOption = Format.TABLE) -> None:
    """Show if an address is suppressed, with the reason and the time.

    BOUNCED: a mail bounced permanently. COMPLAINED: the recipient reported spam. OPERATOR: an operator suppressed it.

    Example: `orderctl mails suppressed alice@example.com`
    """
    _check(address)
    _show(ctx, "suppression", address, output_format)


@app.command()
def suppress(
    ctx: typer.Context, address: Address, reason: ReasonOption = "", output_format: OutputOption = Format.TABLE
) -> None:
    """Suppress all mails to an address.

    Example: `orderctl mails suppress alice@example.com`
    """
    _check(address)
    _show(ctx, "suppress", address, output_format, acts.act(ctx.obj, reason))


@app.command()
def allow(ctx: typer.Context, address: Address, reason: ReasonOption = "", output_format: OutputOption = Format.TABLE) -> None:
    """Allow mails to an address again. Mails that were suppressed stay unsent.

    Do this only at the recipient's request: SES suspends accounts with many complaints.

    Example: `orderctl mails allow alice@example.com`
    """
    _check(address)
    _show(ctx, "allow", address, output_format, acts.act(ctx.obj, reason))


def _show(ctx: typer.Context, command: str, address: str, output_format: Format, act: Act | None = None) -> None:
    answer = service_client.invoke(ctx.obj, "notification/commands-arn", {"command": command, "address": address}, act)
    output.show([{"address": address, **answer}], COLUMNS, output_format)


def _check(address: str) -> None:
    if "@" not in address:
        raise typer.BadParameter(f"{address!r} is not an e-mail address such as alice@example.com")
