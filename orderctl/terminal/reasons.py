"""The option by which an operator says why a command changes something, and the record of the command in the trail."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from operations.errors import UserError
from orderctl.terminal import output

if TYPE_CHECKING:
    from operations.acts import Act
    from operations.aws.target import Target

ReasonOption = Annotated[str, typer.Option("--reason", help="Why. The service logs it beside your identity.")]


def record(target: "Target", done: str, act: "Act", order_ids: Iterable[object] = ()) -> None:
    """Record what a command has done that no function ran. Only warn if that fails: a repair must not wait for its record.

    An entry of `order_ids` that is no order's id is left out.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from kernel.identifiers import ORDER_ID
    from operations.aws import service_client

    orders = dict.fromkeys(order for order in order_ids if isinstance(order, str) and ORDER_ID.fullmatch(order))
    try:
        service_client.record_act(target, done, act, orders)
    except (UserError, BotoCoreError, ClientError) as error:
        output.err.print(f"[yellow]The act is not in the trail:[/yellow] {type(error).__name__}", soft_wrap=True)
