"""The record of an operator's act that no function of the services ran: the order's operator function logs it."""

from collections.abc import Iterable

from botocore.exceptions import BotoCoreError, ClientError

from kernel.identifiers import ORDER_ID
from operations.acts import Act
from operations.aws import service_client
from operations.aws.target import Target
from operations.errors import UserError


def record(target: Target, done: str, act: Act, order_ids: Iterable[object] = ()) -> str | None:
    """Record an act that is done, such as `orders resume`, for each of its orders.

    An entry of `order_ids` that is no order's id is left out. Returns None, or the error that kept the act out of the trail.
    It is not raised: a repair must not wait for its record.
    """
    orders = dict.fromkeys(order for order in order_ids if isinstance(order, str) and ORDER_ID.fullmatch(order))
    try:
        service_client.record_act(target, done, act, orders)
    except (UserError, BotoCoreError, ClientError) as error:
        return type(error).__name__
    return None
