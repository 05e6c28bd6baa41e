"""`orderctl contacts`: put, mark."""

from pathlib import Path
from typing import Annotated

import typer

from operations.aws import service_client
from operations.errors import UserError
from orderctl.terminal import documents, output
from orderctl.terminal.output import Format, OutputOption
from orderctl.terminal.reasons import ReasonOption, recorded

app = typer.Typer(no_args_is_help=True, help="Save customers' names, e-mail addresses and postal addresses.")


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="contacts")


@app.command()
def put(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    file: Annotated[Path, typer.Argument(help="A JSON file with name, email and address; - for standard input.")],
) -> None:
    """Save a customer's contact, and replace an earlier one. An order needs its customer's contact.

    Example: `orderctl contacts put carol data/contact.json`
    """
    contact = documents.read(file)
    if not isinstance(contact, dict) or not {"name", "email", "address"} <= contact.keys():
        raise UserError(f"{file} is not a contact.", "Give a JSON object with name, email and address.")
    with output.Progress().step(f"Save the contact of {customer}"):
        name, email, address = contact["name"], contact["email"], contact["address"]
        service_client.put_contact(ctx.obj, {"customer_id": customer, "name": name, "email": email, "address": address})


@app.command()
def mark(ctx: typer.Context, reason: ReasonOption = "", output_format: OutputOption = Format.TABLE) -> None:
    """Mark the customers whose contacts were saved before version 0.2.0. Run it once; a repeat changes nothing.

    Example: `orderctl contacts mark`
    """
    from operations import acts
    from operations.orders import contacts

    act = acts.act(ctx.obj, reason)
    with recorded(ctx.obj, "contacts mark", act), output.Progress().step("Mark the customers with a contact"):
        marked = contacts.mark(ctx.obj)
    output.show([{"marked": marked}], {"marked": "Marked"}, output_format)
