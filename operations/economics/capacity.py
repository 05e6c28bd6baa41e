"""The orders a minute that each part of a stage bears: its settings, AWS's quotas and the counted units of an order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypedDict

import yaml

from operations.economics import prices, units
from operations.economics.units import PathUnits
from stages import Stage

FILE: Final = Path(__file__).with_name("quotas.yaml")
PATH: Final = "delivered"
"""The path whose units are taken: a good order, to the door."""
MINUTE: Final = 60
SERVICES: Final = ("order", "payment", "inventory", "shipping", "notification")


class Bound(TypedDict):
    """A part's orders a minute, and the figures that they follow from."""

    part: str
    orders_per_minute: int
    bound_by: str


class Recovery(TypedDict):
    """The rows a minute that a sweeper moves after an outage."""

    sweeper: str
    rows_per_minute: int


@dataclass(frozen=True)
class Limits:
    """quotas.yaml, with the quotas of one region by name."""

    region: str
    quotas: Mapping[str, float]
    design: Mapping[str, float]
    due_a_shard: Mapping[str, int]
    assumed: Mapping[str, float]
    carrier_seconds: Mapping[str, float]
    """The seconds of one call, by carrier."""
    queries: Mapping[str, float]
    """The queries about a parcel on its way, by carrier."""


@cache
def limits(region: str, file: Path = FILE) -> Limits:
    """Return the limits in a region."""
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    quotas = {name: quota.get("regions", {}).get(region, quota["default"]) for name, quota in found["quotas"].items()}
    design, assumed = found["design"], found["assumptions"]
    due, seconds, queries = design.pop("due_a_shard"), assumed.pop("carrier_seconds"), assumed.pop("parcel_queries")
    return Limits(region, quotas, design, due, assumed, seconds, queries)


def bounds(stage: Stage, known: Limits) -> list[Bound]:
    """Return the bound of each part, the first bottleneck first."""
    order = units.counted()[PATH]
    found = [*_front(stage, known, order), *_tables(stage, known, order), *_workers(stage, known, order)]
    return sorted(found, key=lambda bound: bound["orders_per_minute"])


def recovery(stage: Stage, known: Limits) -> list[Recovery]:
    """Return the rows a minute of each sweeper: it runs once a minute, over the shards of its index."""
    return [{"sweeper": service, "rows_per_minute": stage.index_shards * limit} for service, limit in known.due_a_shard.items()]


def _front(stage: Stage, known: Limits, order: PathUnits) -> Iterator[Bound]:
    assumed = prices.load().assumptions
    requests = order.total("api.request")
    rate = stage.api_requests_per_second
    yield _bound("API", rate, requests, f"setting api_requests_per_second {rate}, {requests:g} requests an order")
    invocations, waits = order.total("lambda.invocation"), order.total("lambda.wait")
    busy = invocations * assumed.invocation_seconds + waits * assumed.saga_seconds
    concurrency = known.quotas["lambda.concurrency"]
    yield _bound("Lambda", concurrency, busy, f"{concurrency:g} instances, {busy:.2f} s of them an order")
    events = order.total("eventbridge.event")
    puts = known.quotas["eventbridge.puts"]
    yield _bound("EventBridge: PutEvents", puts, events, f"{puts:g} requests a second, {events:g} events an order")
    deliveries = order.total("sqs.message")
    invoked = known.quotas["eventbridge.invocations"]
    journaled = order.total("sqs.message", where="journal-events")
    reason = f"{invoked:g} deliveries a second, {deliveries:g} an order, {journaled:g} to the journal"
    yield _bound("EventBridge: deliveries", invoked, deliveries, reason)


def _tables(stage: Stage, known: Limits, order: PathUnits) -> Iterator[Bound]:
    partition, table_writes = known.quotas["dynamodb.partition_writes"], known.quotas["dynamodb.new_table_writes"]
    shards = stage.index_shards
    for service in SERVICES:
        written = order.total("dynamodb.write", where=service)
        yield _bound(f"table {service}, new", table_writes, written, f"{table_writes:g} units a second, {written:g} an order")
        spent = order.total("dynamodb.write", where=f"{service}/due")
        reason = f"setting index_shards {shards}, of {partition:g} units a second, {spent:g} an order"
        yield _bound(f"index due of {service}", shards * partition, spent, reason)
    hottest = order.hottest["inventory SKU"]
    yield _bound("one SKU, all orders", partition, hottest, f"{partition:g} units a second of one row, {hottest} an order")


def _workers(stage: Stage, known: Limits, order: PathUnits) -> Iterator[Bound]:
    assumed, design = known.assumed, known.design
    at_once = assumed["stream_shards"] * design["relay_batches_at_once"]
    rows = at_once / assumed["relay_row_seconds"]
    for service in SERVICES:
        cleared = order.total("lambda.invocation", by=f"{service}-relay")
        reason = f"{at_once:g} batches at once, {assumed['relay_row_seconds']:g} s a row, {cleared:g} rows an order"
        yield _bound(f"relay of {service}", rows, cleared, reason)
    events = order.total("eventbridge.event")
    journaled = stage.journal_concurrency * design["journal_batch"] / assumed["journal_batch_seconds"]
    reason = f"setting journal_concurrency {stage.journal_concurrency}, {journaled:g} rows a second, {events:g} an order"
    yield _bound("journal", journaled, events, reason)
    spent = order.total("dynamodb.write", where="journal/hour")
    hour = design["journal_shards"] * known.quotas["dynamodb.partition_writes"]
    yield _bound("index hour of the journal", hour, spent, f"{hour:g} units a second, {spent:g} an order")
    yield from _parcels(stage, known)


def _parcels(stage: Stage, known: Limits) -> Iterator[Bound]:
    seconds, calls, at_once = known.carrier_seconds[stage.carrier], known.design["booking_calls"], stage.booking_concurrency
    reason = f"setting booking_concurrency {at_once}, {calls:g} calls of {seconds:g} s a parcel ({stage.carrier})"
    yield _bound("booking of parcels", at_once / seconds, calls, reason)
    sweep, queries = known.design["sweep_seconds"], known.queries[stage.carrier]
    reason = f"one after another, {sweep:g} s of each minute, {queries:g} queries of {seconds:g} s a parcel ({stage.carrier})"
    yield _bound("queries of parcels", sweep / seconds / MINUTE, queries, reason)


def _bound(part: str, a_second: float, an_order: float, bound_by: str) -> Bound:
    return {"part": part, "orders_per_minute": int(MINUTE * a_second / an_order), "bound_by": bound_by}
