"""Orders as the operator sees them: the rows of the order table, and the saga's resumption."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NotRequired, TypedDict, cast

from botocore.exceptions import ClientError

from kernel.aggregate_store import marshal, unmarshal
from kernel.money import MoneyDict
from operations.aws.service_client import in_parts
from operations.aws.stage_state import AT_REST, SETTLED
from operations.aws.target import Target
from operations.errors import UserError
from operations.polling import wait_for
from services.notification.domain.mails import KINDS
from services.order.domain.model import OrderRow
from services.order.domain.states import AWAITING_OTHER_SERVICES

MAX_KEYS = 100
"""The most keys of one BatchGetItem."""


class OrderStatus(TypedDict):
    """The part of an order's row that `statuses` reads. An order has a `total` once it is priced, a `reason` if cancelled."""

    order_id: str
    status: str
    reason: NotRequired[str]
    total: NotRequired[MoneyDict]


class ListedOrder(OrderStatus):
    """The part of an order's row that `scan` reads. `created_at` is in RFC 3339 (UTC)."""

    channel: str
    fulfilment: str
    created_at: str


LISTED: Final = ("order_id", "status", "reason", "total", "channel", "fulfilment", "created_at")


def find(target: Target, order_id: str) -> OrderRow:
    """Return the order's row by a consistent read. Raises UserError if there is none."""
    found = target.client("dynamodb").get_item(
        TableName=target.parameter("order/table-name"), Key=marshal({"pk": f"ORDER#{order_id}"}), ConsistentRead=True
    )
    if "Item" not in found:
        raise UserError(f"There is no order {order_id}.", "List the orders with `orderctl orders list`.")
    return cast(OrderRow, unmarshal(found["Item"]))


def statuses(target: Target, order_ids: Iterable[str]) -> dict[str, OrderStatus]:
    """Return the existing rows of these orders, by id, with `status`, `reason` and `total`."""
    table, client = target.parameter("order/table-name"), target.client("dynamodb")
    found: dict[str, OrderStatus] = {}
    for part in in_parts(order_ids, MAX_KEYS):
        wanted: dict[str, object] = {
            table: {
                "Keys": [marshal({"pk": f"ORDER#{order_id}"}) for order_id in part],
                "ConsistentRead": True,
                "ProjectionExpression": "order_id, #status, reason, #total",
                "ExpressionAttributeNames": {"#status": "status", "#total": "total"},
            }
        }
        while wanted:
            answer = client.batch_get_item(RequestItems=wanted)
            rows = [cast(OrderStatus, unmarshal(item)) for item in answer["Responses"].get(table, ())]
            found |= {row["order_id"]: row for row in rows}
            wanted = answer.get("UnprocessedKeys", {})
    return found


def unpriced(target: Target, skus: Iterable[str]) -> list[str]:
    """Return those of the SKUs that have no price in the catalogue: no order takes them."""
    client, table = target.client("dynamodb"), target.parameter("order/table-name")
    return [
        sku
        for sku in dict.fromkeys(skus)
        if "Item" not in client.get_item(TableName=table, Key=marshal({"pk": f"PRICE#{sku}"}), ProjectionExpression="pk")
    ]


def scan(target: Target, status: str | None = None) -> Iterator[ListedOrder]:
    """Yield all orders, or those of one status, unsorted. Reads the whole table, one page at a time."""
    condition, values = "begins_with(pk, :order)", {":order": "ORDER#"}
    if status:
        condition, values[":status"] = condition + " AND #status = :status", status
    pages = (
        target.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=target.parameter("order/table-name"),
            FilterExpression=condition,
            ExpressionAttributeValues=marshal(values),
            ExpressionAttributeNames={f"#{name}": name for name in LISTED},
            ProjectionExpression=", ".join(f"#{name}" for name in LISTED),
        )
    )
    for page in pages:
        for item in page["Items"]:
            yield cast(ListedOrder, unmarshal(item))


def resume(target: Target, order_id: str) -> str:
    """Start the saga on an order that is not terminal; the execution's ARN. May be repeated at will."""
    row = find(target, order_id)
    if row["status"] in SETTLED:
        raise UserError(
            f"Order {order_id} is {row['status']}, so its saga has ended.", "Only an order without a result can be resumed."
        )
    if row["status"] in AWAITING_OTHER_SERVICES:
        raise UserError(
            f"Order {order_id} is {row['status']}: it waits for shipping or for its refund, not for its saga.",
            "See docs/how-to/runbooks/refund-refused.md.",
        )
    try:
        started = target.client("stepfunctions").start_execution(
            stateMachineArn=target.parameter("order/workflow-arn"),
            input=json.dumps({"mode": "resume", "order_id": order_id}),
        )
    except ClientError as error:
        raise UserError(f"The saga could not be started: {error}", "Try again, or wait for the sweeper to start it.") from error
    return str(started["executionArn"])


def is_at_rest(order: OrderStatus | None) -> bool:
    """Return whether an order exists and nothing more happens to it by itself."""
    return order is not None and order["status"] in AT_REST


def wait_for_orders(
    target: Target, order_ids: list[str], deadline_seconds: float, seen: Callable[[int], None]
) -> dict[str, OrderStatus]:
    """Wait until all orders exist and are at rest, or until the deadline. Return those that exist, by id.

    `seen` receives the number of orders at rest, after each look.
    """
    known: dict[str, OrderStatus] = {}

    def at_rest() -> int:
        known.update(statuses(target, [order_id for order_id in order_ids if not is_at_rest(known.get(order_id))]))
        count = sum(is_at_rest(known.get(order_id)) for order_id in order_ids)
        seen(count)
        return count

    if order_ids:
        wait_for(at_rest, lambda count: count == len(order_ids), deadline_seconds, target.clock)
    return known


def related_statuses(target: Target, order_id: str) -> dict[str, str]:
    """Return the status of each row about an order in the other services. Only existing rows are listed.

    A service that is not deployed is listed by its name.
    """
    places = {
        "payment": [f"PAY#{order_id}"],
        "inventory": [f"RES#{order_id}"],
        "shipping": [f"SHIP#{order_id}"],
        "notification": [f"NOTE#{order_id}#{kind}" for kind in KINDS.values()],
    }
    client, found = target.client("dynamodb"), {}
    for service, keys in places.items():
        try:
            table = target.parameter(f"{service}/table-name")
        except UserError:
            found[service] = "not deployed"
            continue
        for key in keys:
            answer = client.get_item(TableName=table, Key=marshal({"pk": key}), ConsistentRead=True)
            if "Item" in answer:
                found[key] = str(unmarshal(answer["Item"])["status"])
    return found
