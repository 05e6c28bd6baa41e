"""`orderctl dlq`: list, show."""

import json
from typing import Annotated, Any

import typer

from orderctl import observing, output
from orderctl.errors import UserError
from orderctl.output import Format, OutputOption

app = typer.Typer(no_args_is_help=True, help="Look into the dead-letter queues.")
ENDING = "-dlq-url"


def register(root: typer.Typer) -> None:
    """Add the noun to the command line."""
    root.add_typer(app, name="dlq")


@app.command("list")
def list_queues(ctx: typer.Context, output_format: OutputOption = Format.TABLE) -> None:
    """List the stage's dead-letter queues and how many messages each holds.

    Example: `orderctl dlq list`
    """
    rows = [{"name": name.removesuffix(ENDING), "messages": depth} for name, depth in observing.depths(ctx.obj, ENDING).items()]
    output.show(rows, {"name": "Queue", "messages": "Messages"}, output_format, empty="No service is deployed.")


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The queue, as `orderctl dlq list` names it: order/intake.")],
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 10,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show messages of a dead-letter queue, and why each is there. They stay in it.

    Examples:

    - `orderctl dlq show order/intake`

    - `orderctl dlq show order/intake -o json` shows the whole bodies
    """
    urls = {found.removesuffix(ENDING): url for found, url in observing.parameters(ctx.obj, ENDING).items()}
    if name not in urls:
        raise UserError(f"There is no dead-letter queue {name}.", f"There are: {', '.join(sorted(urls)) or 'none'}.")
    columns = {"id": "Message", "event": "Event", "order_id": "Order", "reason": "Reason", "received": "Received"}
    rows = [_row(message) for message in peek(ctx.obj.client("sqs"), urls[name], limit)]
    output.show(rows, columns, output_format, empty=f"{name} is empty.")


def peek(client: Any, url: str, limit: int) -> list[dict[str, Any]]:
    """At most `limit` messages of a queue, without hiding them from anybody."""
    seen: dict[str, dict[str, Any]] = {}
    for _ in range(limit):
        answer = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(10, limit),
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        fresh = {m["MessageId"]: m for m in answer.get("Messages", []) if m["MessageId"] not in seen}
        if not fresh:
            break
        seen |= fresh
    return list(seen.values())[:limit]


def _row(message: dict[str, Any]) -> dict[str, Any]:
    try:
        body = json.loads(message["Body"])
    except ValueError:
        body = message["Body"]
    event = body if isinstance(body, dict) else {}
    metadata = event.get("detail", {}).get("metadata", {}) if isinstance(event.get("detail"), dict) else {}
    reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue")
    received = message.get("Attributes", {}).get("ApproximateReceiveCount")
    return {
        "id": message["MessageId"],
        "event": event.get("detail-type"),
        "order_id": metadata.get("order_id"),
        "reason": reason or "the function failed each time; its log tells why",
        "received": received,
        "body": body,
    }
