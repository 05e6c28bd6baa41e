"""The orders a minute that each part of a stage bears: its settings, AWS's quotas and the counted units of an order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypedDict, cast

import yaml

from operations.economics import prices, units
from operations.economics.units import PathUnits
from stages import Stage

FILE: Final = Path(__file__).with_name("quotas.yaml")
PATH: Final = "delivered"
"""The path whose units are taken: a good order, to the door."""
MINUTE: Final = 60
KILOBYTES_IN_A_MEGABYTE: Final = 1024
SERVICES: Final = ("order", "payment", "inventory", "shipping", "notification")
FANNED_OUT: Final = ("order", "payment", "shipping")
"""The services whose sweeps the setting `sweepers` multiplies."""


class Bound(TypedDict):
    """A part's orders a minute, and the figures that they follow from."""

    part: str
    orders_per_minute: int
    bound_by: str


class Recovery(TypedDict):
    """The rows a minute that a service's sweeps move after an outage, and the rows whose events they republish."""

    sweeper: str
    rows_per_minute: int
    republished_per_minute: int
    bound_by: str


class Sweeps(TypedDict):
    """The figures of the sweeps: by service, or the same for all."""

    due_a_shard: Mapping[str, int]
    rows_at_once: Mapping[str, int]
    sweep_begins_seconds: float
    republished_a_shard: int
    republish_seconds: float
    sweep_row_seconds: Mapping[str, float]
    sweep_cpu_seconds: Mapping[str, float]
    republish_row_seconds: float
    republish_cpu_seconds: float


@dataclass(frozen=True)
class Limits:
    """quotas.yaml, with the quotas of one region by name."""

    region: str
    quotas: Mapping[str, float]
    design: Mapping[str, float]
    sweeps: Sweeps
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
    seconds, queries = assumed.pop("carrier_seconds"), assumed.pop("parcel_queries")
    sweeps = {name: part.pop(name) for part in (design, assumed) for name in Sweeps.__annotations__ if name in part}
    return Limits(region, quotas, design, cast(Sweeps, sweeps), assumed, seconds, queries)


def bounds(stage: Stage, known: Limits) -> list[Bound]:
    """Return the bound of each part, the first bottleneck first."""
    order = units.counted()[PATH]
    found = [*_front(stage, known, order), *_tables(stage, known, order), *_workers(stage, known, order)]
    return sorted(found, key=lambda bound: bound["orders_per_minute"])


def recovery(stage: Stage, known: Limits) -> list[Recovery]:
    """Return the rows a minute of each service's sweeps: they begin rows for some seconds of it, several at once."""
    return [_recovered(stage, known, service) for service in known.sweeps["due_a_shard"]]


def _recovered(stage: Stage, known: Limits, service: str) -> Recovery:
    sweeps, shards = known.sweeps, stage.index_shards
    sweepers = stage.sweepers if service in FANNED_OUT else 1
    at_once = sweeps["rows_at_once"][service]
    seconds, cpu = sweeps["sweep_row_seconds"][service], sweeps["sweep_cpu_seconds"][service]
    moved = sweeps["sweep_begins_seconds"] * min(at_once / seconds, 1 / cpu)
    published = sweeps["republish_seconds"] * min(
        at_once / sweeps["republish_row_seconds"], 1 / sweeps["republish_cpu_seconds"]
    )
    return {
        "sweeper": service,
        "rows_per_minute": int(min(sweepers * moved, shards * sweeps["due_a_shard"][service])),
        "republished_per_minute": int(min(sweepers * published, shards * sweeps["republished_a_shard"])),
        "bound_by": f"sweeps: {sweepers}, rows at once: {at_once}, {seconds:g} s a row, {cpu:g} s of CPU",
    }


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
    deliveries = order.total("sqs.message") + events
    invoked = known.quotas["eventbridge.invocations"]
    reason = f"{invoked:g} deliveries a second, {deliveries:g} an order, {events:g} to the journal"
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
    streams, requests = stage.journal_streams, known.quotas["firehose.requests"]
    reason = f"setting journal_streams {streams}, {requests:g} requests a second of each, {events:g} an order"
    yield _bound("journal: requests", streams * requests, events, reason)
    megabytes, kilobytes = known.quotas["firehose.megabytes"], order.total("firehose.partitioned_kb")
    reason = f"setting journal_streams {streams}, {megabytes:g} MiB a second of each, {kilobytes:g} KB an order"
    yield _bound("journal: bytes", streams * megabytes * KILOBYTES_IN_A_MEGABYTE, kilobytes, reason)
    yield from _parcels(stage, known)


def _parcels(stage: Stage, known: Limits) -> Iterator[Bound]:
    seconds, calls, at_once = known.carrier_seconds[stage.carrier], known.design["booking_calls"], stage.booking_concurrency
    reason = f"setting booking_concurrency {at_once}, {calls:g} calls of {seconds:g} s a parcel ({stage.carrier})"
    yield _bound("booking of parcels", at_once / seconds, calls, reason)
    queries, sweeps = known.queries[stage.carrier], known.sweeps
    side_by_side, cpu = sweeps["rows_at_once"]["shipping"], sweeps["sweep_cpu_seconds"]["shipping"]
    begun = stage.sweepers * sweeps["sweep_begins_seconds"] * min(side_by_side / seconds, 1 / cpu)
    reason = (
        f"setting sweepers {stage.sweepers}, each {side_by_side} parcels at once for {sweeps['sweep_begins_seconds']:g} s "
        f"of a minute, {queries:g} queries of {seconds:g} s a parcel ({stage.carrier})"
    )
    yield _bound("queries of parcels", begun / MINUTE, queries, reason)


def _bound(part: str, a_second: float, an_order: float, bound_by: str) -> Bound:
    return {"part": part, "orders_per_minute": int(MINUTE * a_second / an_order), "bound_by": bound_by}
