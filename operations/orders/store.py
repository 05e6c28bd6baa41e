"""Orders as the operator sees them: the rows of the order table, and the saga's resumption."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Final, NotRequired, TypedDict, cast

from botocore.exceptions import ClientError

from kernel import order_numbers
from kernel.aggregate_store import AggregateRow, SweptAttributes, marshal, unmarshal
from kernel.batch_reads import MOST_KEYS
from kernel.money import MoneyDict
from kernel.naming import SERVICES
from operations.aws import service_client
from operations.aws.service_client import in_parts
from operations.aws.stage_state import AT_REST, SETTLED
from operations.aws.target import Target
from operations.errors import UserError
from operations.orders.status_changes import tables
from operations.polling import wait_for
from services.notification.domain.mails import KINDS
from services.order.domain.model import OrderRow
from services.order.domain.states import AWAITING_OTHER_SERVICES
from services.order.storage.indexes import CUSTOMER_INDEX

KNOWN_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "payment": ("PAY#{}",),
    "inventory": ("RES#{}",),
    "shipping": ("SHIP#{}",),
    "notification": tuple(f"NOTE#{{}}#{kind}" for kind in KINDS.values()),
}


def aggregate_keys(service: str) -> tuple[str, ...]:
    """Return the keys of an order's rows in a service that has one row of each of its aggregates for an order."""
    return tuple(f"{table.aggregate}#{{}}" for table in tables(service))


OTHER_SERVICES: Final[Mapping[str, tuple[str, ...]]] = {
    **KNOWN_KEYS,
    **{service: aggregate_keys(service) for service in SERVICES if service not in {"order", *KNOWN_KEYS}},
}
"""The keys of an order's rows, by the service that has them beside the order service: also of a service that was added."""


class RowOfOrder(AggregateRow, SweptAttributes):
    """A row of an order in any service, with the attributes that all of them have. The order's own has its `attempts`."""

    attempts: NotRequired[int]


class RelatedRow(RowOfOrder):
    """A row about an order in a service beside the order service. A note has a `kind`, a `causation_id` and maybe a `claim`."""

    kind: NotRequired[str]
    causation_id: NotRequired[str]
    claim: NotRequired[str]
    reason: NotRequired[str]


class OrderStatus(TypedDict):
    """The part of an order's row that `statuses` reads. An order has a `total` once it is priced, a `reason` if cancelled."""

    order_id: str
    status: str
    reason: NotRequired[str]
    total: NotRequired[MoneyDict]


class ListedOrder(OrderStatus):
    """The part of an order's row that a list of orders has, as `OrderAttributes` describes it."""

    customer_id: str
    channel: str
    fulfilment: str
    created_at: str
    updated_at: str
    attempts: int
    next_due: NotRequired[str]
    unavailable: NotRequired[str]
    held_until: NotRequired[str]
    backordered_at: NotRequired[str]
    refunded: NotRequired[bool]
    restocked: NotRequired[bool]


STATUS: Final = ("order_id", "status", "reason", "total")
LISTED: Final = (
    *STATUS,
    "customer_id",
    "channel",
    "fulfilment",
    "created_at",
    "updated_at",
    "attempts",
    "next_due",
    "unavailable",
    "held_until",
    "backordered_at",
    "refunded",
    "restocked",
)


def find(target: Target, order_id: str) -> OrderRow:
    """Return the order's row by a consistent read. Raises UserError if there is none."""
    found = target.client("dynamodb").get_item(
        TableName=target.parameter("order/table-name"), Key=marshal({"pk": f"ORDER#{order_id}"}), ConsistentRead=True
    )
    if "Item" not in found:
        raise _missing(order_id)
    return cast(OrderRow, unmarshal(found["Item"]))


def _missing(order_id: str) -> UserError:
    """Return the error for an id that no order has. A person may have typed the number of an order."""
    by_number = f" --number {order_id}" if order_numbers.begin_of_id(order_id) else ""
    return UserError(f"There is no order {order_id}.", f"List the orders with `orderctl orders list{by_number}`.")


def statuses(target: Target, order_ids: Iterable[str]) -> dict[str, OrderStatus]:
    """Return the existing rows of these orders, by id, with `status`, `reason` and `total`."""
    return {row["order_id"]: cast(OrderStatus, row) for row in _read(target, order_ids, STATUS)}


def listed(target: Target, order_ids: Iterable[str]) -> dict[str, ListedOrder]:
    """Return the existing orders of these ids, by id, as a list has them."""
    return {row["order_id"]: cast(ListedOrder, row) for row in _read(target, order_ids, LISTED)}


def _read(target: Target, order_ids: Iterable[str], names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    return of_keys(target, "order", (f"ORDER#{order_id}" for order_id in order_ids), names)


def of_keys(target: Target, service: str, keys: Iterable[str], names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield these attributes of the existing rows of a service with these values of `pk`.

    The reads are consistent, of up to 100 rows.
    """
    table, client = target.parameter(f"{service}/table-name"), target.client("dynamodb")
    for part in in_parts(keys, MOST_KEYS):
        wanted: dict[str, object] = {
            table: {
                "Keys": [marshal({"pk": key}) for key in part],
                "ConsistentRead": True,
                "ProjectionExpression": ", ".join(f"#{name}" for name in names),
                "ExpressionAttributeNames": {f"#{name}": name for name in names},
            }
        }
        while wanted:
            answer = client.batch_get_item(RequestItems=wanted)
            yield from (unmarshal(item) for item in answer["Responses"].get(table, ()))
            wanted = answer.get("UnprocessedKeys", {})


def of_customer(target: Target, customer_id: str, limit: int | None = None) -> list[ListedOrder]:
    """Return at most `limit` of a customer's orders, or all, the newest first, by the index of customers."""
    pages = (
        target.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=target.parameter("order/table-name"),
            IndexName=CUSTOMER_INDEX,
            KeyConditionExpression="customer_id = :customer",
            ExpressionAttributeValues=marshal({":customer": customer_id}),
            ScanIndexForward=False,
        )
    )
    ids = (str(item["pk"]["S"]).removeprefix("ORDER#") for page in pages for item in page["Items"])
    newest = list(islice(ids, limit))
    rows = listed(target, newest)
    return [rows[order_id] for order_id in newest if order_id in rows]


def unpriced(target: Target, skus: Iterable[str]) -> list[str]:
    """Return those of the SKUs that have no price in the catalogue: no order takes them."""
    client, table = target.client("dynamodb"), target.parameter("order/table-name")
    return [
        sku
        for sku in dict.fromkeys(skus)
        if "Item" not in client.get_item(TableName=table, Key=marshal({"pk": f"PRICE#{sku}"}), ProjectionExpression="pk")
    ]


def scan(target: Target, status: str | None = None, begin_of_id: str = "") -> Iterator[ListedOrder]:
    """Yield all orders, or those of one status or with this begin of their ids, unsorted. Reads the whole table by pages."""
    for page in scan_by_page(target, status, begin_of_id):
        yield from page


def scan_by_page(target: Target, status: str | None = None, begin_of_id: str = "") -> Iterator[list[ListedOrder]]:
    """Yield the orders of each page of the scan, as `scan` chooses them. A page without one is an empty list."""
    condition, values = "begins_with(pk, :order)", {":order": f"ORDER#{begin_of_id}"}
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
        yield [cast(ListedOrder, unmarshal(item)) for item in page["Items"]]


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


def cancel(target: Target, order_id: str, reason: str) -> Mapping[str, Any]:
    """Request the cancellation of an order through the API, and return the order. Raises UserError if it is refused.

    `reason` is OPERATOR or CUSTOMER.
    """
    answer = service_client.order_api(target, "POST", f"/orders/{order_id}/cancel", {"reason": reason})
    if answer.status == HTTPStatus.NOT_FOUND:
        raise _missing(order_id)
    if answer.status >= 400:
        raise UserError(
            f"Order {order_id} was not cancelled: {service_client.refusal(answer)}.",
            f"See its state with `orderctl orders show {order_id}`.",
        )
    order: Mapping[str, Any] = answer.json()
    return order


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


def related_rows(target: Target, order_id: str) -> dict[str, list[RelatedRow]]:
    """Return the rows about an order in the other services, by service, by consistent reads.

    A service without a row has an empty list. A service that is not deployed is missing.
    """
    client, found = target.client("dynamodb"), dict[str, list[RelatedRow]]()
    for service, known in OTHER_SERVICES.items():
        keys = [key.format(order_id) for key in known]
        try:
            table = target.parameter(f"{service}/table-name")
        except UserError:
            continue
        answers = [client.get_item(TableName=table, Key=marshal({"pk": key}), ConsistentRead=True) for key in keys]
        found[service] = [cast(RelatedRow, unmarshal(answer["Item"])) for answer in answers if "Item" in answer]
    return found


def related_statuses(target: Target, order_id: str) -> dict[str, str]:
    """Return the status of each row about an order in the other services. Only existing rows are listed.

    A service that is not deployed is listed by its name.
    """
    found, rows = dict[str, str](), related_rows(target, order_id)
    for service in OTHER_SERVICES:
        if service in rows:
            found |= {row["pk"]: row["status"] for row in rows[service]}
        else:
            found[service] = "not deployed"
    return found
