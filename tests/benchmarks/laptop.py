"""The laptop's AWS: its start, and the orders a second that it serves to 1, 8 and 64 customers at once, beside its floor.

It starts an AWS of its own on a free port, and another for the import. The floor is the DynamoDB requests of an order that is
placed and confirmed, as the simulation counts them, put bare to a table of the same engine by eight clients. The processor time
of an order says how many of them two cores can serve at all.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil

from kernel.clients import AwsClient
from laptop import bring_up
from laptop.emulator import process
from operations.aws.target import Target
from operations.benchmarks import Figure, Result
from operations.economics import costs
from operations.orders import cdnow, order_import
from operations.progress import SILENT
from operations.repository import REPOSITORY

CUSTOMERS: Final = {1: 20, 8: 80, 64: 128}
"""Orders by the number of customers who place them at once."""
FLOOR_CLIENTS, FLOOR_ORDERS = 8, 60
BODY: Final = "x" * 700
"""An attribute that makes a row of the floor about as large as an order's."""
PURCHASES: Final = 200
MOST_SECONDS: Final = {"up, fresh": 12.0, "up, unchanged": 2.0, "an import of 200 purchases": 20.0}
LEAST_OF_FLOOR: Final = 0.6
CREATED: Final = 201


def measure() -> Result:
    """Return the seconds of the start and of an import, the orders a second by customers, and their ratio to the floor.

    The import has an AWS of its own: parcels of the customers' orders would move beside it.
    """
    seconds: dict[str, float] = {}
    with _laptop(seconds) as target:
        place = partial(_place, target)
        place()  # the functions' first start is not the load's
        served = {at_once: _volley(place, at_once, orders) for at_once, orders in CUSTOMERS.items()}
        began = _processor_seconds()
        floor = _floor(target)
        bare = (_processor_seconds() - began) / FLOOR_ORDERS
    with _laptop({}) as target:
        purchases, _ = cdnow.read(REPOSITORY / "data" / "cdnow" / "CDNOW_sample.txt", PURCHASES)
        began = _processor_seconds()
        with _timed(seconds, "an import of 200 purchases"):
            order_import.run(target, purchases, "cdnow", rate=100.0, wait=True, deadline_seconds=240.0)
        whole = (_processor_seconds() - began) / PURCHASES
    (_, alone), (_, few), (refused, many) = served.values()
    return Result(
        f"{os.cpu_count()} cores; the floor is {floor:.1f} orders a second",
        (
            *(Figure(name, "s", round(seconds[name], 1), most, is_exact=False) for name, most in MOST_SECONDS.items()),
            Figure("orders of 1 customer", "a second", round(alone, 2), is_exact=False),
            Figure("orders of 8 customers at once", "a second", round(few, 2), is_exact=False),
            Figure("orders of 64 customers at once", "a second", round(many, 2), round(few, 2), is_least=True, is_exact=False),
            Figure("orders of 64 customers not confirmed at once", "orders", refused, 0, is_exact=False),
            Figure("orders of 64 customers", "of the floor", round(many / floor, 2), LEAST_OF_FLOOR, True, is_exact=False),
            Figure("processor time of an imported order", "ms", round(1_000 * whole), is_exact=False),
            Figure("processor time of an order of the floor", "ms", round(1_000 * bare), is_exact=False),
        ),
    )


@contextmanager
def _laptop(seconds: dict[str, float]) -> Iterator[Target]:
    """Have an AWS of its own, and time its start and an `up` that finds nothing to do."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as home, process.home_at(Path(home)):
        try:
            port = process.free_port()
            with _timed(seconds, "up, fresh"):
                target, _ = bring_up.up(Target(), SILENT, port=port)
            with _timed(seconds, "up, unchanged"):
                bring_up.up(Target(), SILENT, port=port)
            yield target
        finally:
            process.stop()


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[name] = time.monotonic() - began


def _processor_seconds() -> float:
    """Return the processor time of the engine, of its functions and of this process until now."""
    record = process.running()
    assert record
    engine = psutil.Process(record.pid)
    times = [one.cpu_times() for one in (psutil.Process(), engine, *engine.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def _place(target: Target) -> int:
    """Place an order. Return the status of the answer."""
    body = {
        "customer_id": "alice",
        "currency": "USD",
        "payment_token": "pm_card_visa",
        "lines": [{"sku": "LP-KIND-OF-BLUE", "quantity": 1}],
    }
    url = target.parameter("order/api-url").rstrip("/") + "/orders"
    return target.call("POST", url, body, {"Idempotency-Key": uuid.uuid4().hex}).status


def _volley(place: Callable[[], int], at_once: int, orders: int) -> tuple[int, float]:
    """Have so many customers place the orders. Return the orders not confirmed at once, and the confirmed ones a second."""
    began = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        statuses = list(pool.map(lambda _: place(), range(orders)))
    confirmed = statuses.count(CREATED)
    return orders - confirmed, confirmed / (time.monotonic() - began)


def _floor(target: Target) -> float:
    """Return the orders a second whose requests to DynamoDB the engine answers when nothing else is done."""
    (happy,) = (path for path in costs.costs()["paths"] if path["path"] == "happy")
    client, table = target.client("dynamodb", max_pool_connections=FLOOR_CLIENTS), f"floor-{uuid.uuid4().hex}"
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "due_shard", "next_due")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "due_shard", "KeyType": "HASH"},
                    {"AttributeName": "next_due", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    began = time.monotonic()
    with ThreadPoolExecutor(FLOOR_CLIENTS) as pool:
        one = partial(_bare_order, client, table, happy["calls"] - happy["reads"], happy["reads"])
        list(pool.map(lambda _: one(), range(FLOOR_ORDERS)))
    return FLOOR_ORDERS / (time.monotonic() - began)


def _bare_order(client: AwsClient, table: str, writes: int, reads: int) -> None:
    key = {"pk": {"S": uuid.uuid4().hex}}
    values = {":one": {"N": "1"}, ":zero": {"N": "0"}, ":body": {"S": BODY}, ":t": {"S": "1"}}
    for _ in range(writes):
        client.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET version = if_not_exists(version, :zero) + :one, body = :body, due_shard = :t, next_due = :t",
            ConditionExpression="attribute_not_exists(pk) OR version >= :zero",
            ExpressionAttributeValues=values,
        )
    for _ in range(reads):
        client.get_item(TableName=table, Key=key, ConsistentRead=True)
