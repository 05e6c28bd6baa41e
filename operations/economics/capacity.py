"""The orders a minute that each part of a stage bears: its settings, AWS's quotas and the counted units of an order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final, TypedDict, cast

import yaml

from operations.economics import prices, units
from operations.economics.units import PathUnits, Spent
from stages import Stage, default

FILE: Final = Path(__file__).with_name("quotas.yaml")
PATH: Final = "delivered"
"""The path whose units are taken: a good order, to the door."""
STANDARD: Final = str(default("capacity"))
MINUTE: Final = 60
KILOBYTES_IN_A_MEGABYTE: Final = 1024
SERVICES: Final = ("order", "payment", "inventory", "shipping", "notification")
SKU: Final = "inventory SKU"
DUE: Final = "due"
REREAD: Final = ("order", "payment", "inventory")
"""The tables in which a run of the saga writes a row's second event, perhaps while the relay publishes the first."""
REREADS: Final = 0.05
"""The share of these rows that the relay reads again for it, as the benchmark `capacity_model` counts them."""
BOOKING: Final = "booking of parcels"
FANNED_OUT: Final = ("order", "payment", "shipping")
"""The services that run as many sweeps as the setting `sweepers` says."""


class Bound(TypedDict):
    """A part's orders a minute, and the figures that they follow from."""

    part: str
    orders_per_minute: int
    bound_by: str


class Recovery(TypedDict):
    """The rows a minute that a service's sweeps move after an outage, and the rows that they republish."""

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
    requested: Mapping[str, float]
    """The quotas that are higher than the region's, since the stage's capacity needs them so."""
    design: Mapping[str, float]
    sweeps: Sweeps
    assumed: Mapping[str, float]
    carrier_seconds: Mapping[str, float]
    """The seconds of one call, by carrier."""
    queries: Mapping[str, float]
    """The queries about a parcel on its way, by carrier."""


@cache
def limits(region: str, size: str = STANDARD, file: Path = FILE) -> Limits:
    """Return the limits in a region, for a stage of this size: a value of the setting `capacity`."""
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    quotas = {name: quota.get("regions", {}).get(region, quota["default"]) for name, quota in found["quotas"].items()}
    needed = {name: quota[size] for name, quota in found["quotas"].items() if size in quota}
    requested = {name: quota for name, quota in needed.items() if quota > quotas[name]}
    design, assumed = found["design"], found["assumptions"]
    seconds, queries = assumed.pop("carrier_seconds"), assumed.pop("parcel_queries")
    sweeps = {name: part.pop(name) for part in (design, assumed) for name in Sweeps.__annotations__ if name in part}
    return Limits(region, {**quotas, **requested}, requested, design, cast(Sweeps, sweeps), assumed, seconds, queries)


def bounds(stage: Stage, known: Limits) -> list[Bound]:
    """Return the bound of each part, the first bottleneck first."""
    order = order_among_many()
    found = [*_front(stage, known, order), *_tables(stage, known, order), *_workers(stage, known, order)]
    return sorted(found, key=lambda bound: bound["orders_per_minute"])


def order_among_many() -> PathUnits:
    """Return the units of an order among many: the relays read some rows again."""
    alone = units.counted()[PATH]
    again = (Spent(f"{table}-relay", "dynamodb.read", table, "outbox", REREADS) for table in REREAD)
    return replace(alone, lines=[*alone.lines, *again])


def quotas_to_request(stage: Stage, known: Limits) -> Mapping[str, float]:
    """Return the quotas above the default that the stage needs, by name."""
    return {
        name: quota for name, quota in known.requested.items() if not name.startswith("stripe.") or stage.gateway == "stripe"
    }


def recovery(stage: Stage, known: Limits) -> list[Recovery]:
    """Return the rows a minute of each service's sweeps: they begin rows for some seconds of it, several at once."""
    return [_recovered(stage, known, service) for service in known.sweeps["due_a_shard"]]


def one_sku(known: Limits) -> int:
    """Return the orders a minute if all of them want the same SKU."""
    return int(MINUTE * known.quotas["dynamodb.partition_writes"] / order_among_many().hottest[SKU])


def side_by_side(stage: Stage) -> int:
    """Return the sweeps of a service that have shards to read: each shard is read by one."""
    return min(stage.sweepers, stage.index_shards)


def _recovered(stage: Stage, known: Limits, service: str) -> Recovery:
    sweeps, shards = known.sweeps, stage.index_shards
    sweepers = side_by_side(stage) if service in FANNED_OUT else 1
    at_once = min(sweeps["rows_at_once"][service], stage.sweep_at_once)
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
    yield _bound("API", rate, requests, f"setting api_requests_per_second {rate}, requests an order: {requests:g}")
    if stage.gateway == "stripe":
        calls, a_second = known.design["gateway_calls"], known.quotas["stripe.requests"]
        yield _bound("Stripe", a_second, calls, f"{a_second:g} requests a second, {calls:g} an order")
    invocations, waits = order.total("lambda.invocation"), order.total("lambda.wait")
    busy = invocations * assumed.invocation_seconds + waits * assumed.saga_seconds
    concurrency = known.quotas["lambda.concurrency"]
    yield _bound("Lambda", concurrency, busy, f"{concurrency:g} instances, {busy:.2f} s of them an order")
    events = order.total("eventbridge.event")
    puts, at_once = known.quotas["eventbridge.puts"], known.design["events_a_put"]
    reason = f"{puts:g} requests a second, each of {at_once:g} events under load, {events:g} events an order"
    yield _bound("EventBridge: PutEvents", puts * at_once, events, reason)
    deliveries = order.total("sqs.message") + events
    invoked = known.quotas["eventbridge.invocations"]
    reason = f"{invoked:g} deliveries a second, {deliveries:g} an order, {events:g} to the journal"
    yield _bound("EventBridge: deliveries", invoked, deliveries, reason)


def _tables(stage: Stage, known: Limits, order: PathUnits) -> Iterator[Bound]:
    writes = stage.table_writes
    reads = min(known.design["reads_per_write"] * writes, known.quotas["dynamodb.table_reads"])
    for service in SERVICES:
        written, read = order.total("dynamodb.write", where=service), order.total("dynamodb.read", where=service)
        reason = f"setting table_writes {writes}, {written:g} units an order"
        yield _bound(f"table {service}: writes", writes, written, reason)
        if read:
            yield _bound(f"table {service}: reads", reads, read, f"{reads:g} units a second, {read:g} an order")
    for place in sorted({line.where for line in order.lines if line.unit == "dynamodb.write" and "/" in line.where}):
        yield _index(stage, known, order, *place.split("/"))
    partition, share = known.quotas["dynamodb.partition_writes"], known.assumed["hottest_sku"]
    hottest = order.hottest[SKU]
    reason = f"{partition:g} units a second of one row, {hottest} an order, {share:.0%} of the orders want this SKU"
    yield _bound("most wanted SKU", partition, hottest * share, reason)


def _index(stage: Stage, known: Limits, order: PathUnits, service: str, index: str) -> Bound:
    """Return the bound of an index: it takes what its table takes, and its partitions may take less."""
    partition, spent = known.quotas["dynamodb.partition_writes"], order.total("dynamodb.write", where=f"{service}/{index}")
    if index == DUE and stage.index_shards * partition < stage.table_writes:
        reason = f"setting index_shards {stage.index_shards}, of {partition:g} units a second, {spent:g} an order"
        return _bound(f"index {index} of {service}", stage.index_shards * partition, spent, reason)
    reason = f"setting table_writes {stage.table_writes}, {spent:g} units an order"
    return _bound(f"index {index} of {service}", stage.table_writes, spent, reason)


def _workers(stage: Stage, known: Limits, order: PathUnits) -> Iterator[Bound]:
    assumed, design = known.assumed, known.design
    stream_shards = stage.table_writes / known.quotas["dynamodb.partition_writes"]
    at_once = stream_shards * design["relay_batches_at_once"]
    rows = at_once / assumed["relay_row_seconds"]
    for service in SERVICES:
        cleared = order.total("lambda.invocation", by=f"{service}-relay")
        reason = f"{at_once:g} batches at once, {assumed['relay_row_seconds']:g} s a row, rows an order: {cleared:g}"
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
    yield _bound(BOOKING, at_once / seconds, calls, reason)
    queries, sweeps = known.queries[stage.carrier], known.sweeps
    parcels, cpu, begin = (
        min(sweeps["rows_at_once"]["shipping"], stage.sweep_at_once),
        known.assumed["query_cpu_seconds"],
        sweeps["sweep_begins_seconds"],
    )
    begun = side_by_side(stage) * begin * min(parcels / seconds, 1 / cpu)
    reason = (
        f"setting sweepers {stage.sweepers}, each {parcels} parcels at once for {begin:g} s of a minute, "
        f"{queries:g} queries of {seconds:g} s a parcel ({stage.carrier})"
    )
    yield _bound("queries of parcels", begun / MINUTE, queries, reason)


def _bound(part: str, a_second: float, an_order: float, bound_by: str) -> Bound:
    return {"part": part, "orders_per_minute": int(MINUTE * a_second / an_order), "bound_by": bound_by}
