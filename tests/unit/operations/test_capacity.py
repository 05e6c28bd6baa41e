"""The load that a stage bears: the figures of the file are those of the code, and each bound follows from its own."""

from dataclasses import replace
from pathlib import Path

import pytest

import stages
from kernel import relay, timeouts
from operations.economics import capacity, units
from operations.economics.capacity import Bound
from services.inventory.functions import sweeper as inventory
from services.notification.functions import sweeper as notification
from services.order.functions import sweeper as order
from services.payment.functions import sweeper as payment
from services.shipping.functions import sweeper as shipping
from simulation.stage.deployment import literals

REPOSITORY = Path(__file__).parents[3]
STANDARD = stages.Stage("standard", ephemeral=True)
LARGE = stages.parse("large", "ephemeral: true\ncapacity: large", "large.yaml")
KNOWN = capacity.limits("us-east-1")


def bound(part: str, stage: stages.Stage = STANDARD, region: str = "us-east-1") -> Bound:
    (found,) = [each for each in capacity.bounds(stage, capacity.limits(region)) if each["part"] == part]
    return found


def test_design_has_the_figures_of_the_code() -> None:
    outbox = literals((REPOSITORY / "cdk/constructs/outbox.py").read_text())
    assert KNOWN.design == {
        "relay_batches_at_once": outbox["BATCHES_AT_ONCE"],
        "events_a_put": relay.MAX_ENTRIES,
        "gateway_calls": 2,
        "booking_calls": 2,
        "reads_per_write": literals((REPOSITORY / "cdk/constructs/table.py").read_text())["READS_PER_WRITE"],
    }
    at_once = outbox["AT_ONCE"]
    refunds = literals((REPOSITORY / "services/payment/infrastructure.py").read_text())["REFUNDS_AT_ONCE"]
    parcels = literals((REPOSITORY / "services/shipping/infrastructure.py").read_text())["PARCELS_AT_ONCE"]
    assert KNOWN.sweeps["rows_at_once"] == {
        "order": at_once,
        "payment": refunds,
        "inventory": at_once,
        "shipping": parcels,
        "notification": at_once,
    }
    assert KNOWN.sweeps["sweep_begins_seconds"] == timeouts.SWEEP_BEGINS_SECONDS
    assert KNOWN.sweeps["republish_seconds"] == timeouts.REPUBLISH_SECONDS
    assert KNOWN.sweeps["republished_a_shard"] == relay.PER_SHARD
    assert KNOWN.sweeps["due_a_shard"] == {
        "order": order.PER_SHARD,
        "payment": payment.PER_SHARD,
        "inventory": inventory.PER_SHARD,
        "shipping": shipping.PER_SHARD,
        "notification": notification.PER_SHARD,
    }


def test_first_bottleneck_comes_first() -> None:
    rates = [each["orders_per_minute"] for each in capacity.bounds(STANDARD, KNOWN)]
    assert rates == sorted(rates)


def test_settings_of_the_stage_count() -> None:
    assert bound("API", replace(STANDARD, api_requests_per_second=1000))["orders_per_minute"] == 60_000
    for part in ("journal: requests", "journal: bytes"):
        once, twice = (bound(part, replace(STANDARD, journal_streams=number))["orders_per_minute"] for number in (2, 4))
        assert twice == pytest.approx(2 * once, abs=1)
    shards = [bound("index due of shipping", replace(LARGE, index_shards=number))["orders_per_minute"] for number in (8, 16)]
    assert shards[1] == pytest.approx(2 * shards[0], abs=1)
    writes = [
        bound("table order: writes", replace(STANDARD, table_writes=number))["orders_per_minute"] for number in (4000, 8000)
    ]
    assert writes[1] == pytest.approx(2 * writes[0], abs=1)


def test_real_carrier_books_two_thousand_parcels_a_minute() -> None:
    assert bound("booking of parcels", replace(STANDARD, carrier="easypost"))["orders_per_minute"] == 3000


def test_queries_of_parcels_are_bound_by_the_sweep() -> None:
    assert bound("queries of parcels")["orders_per_minute"] == 12_500
    assert bound("queries of parcels", replace(STANDARD, carrier="easypost"))["orders_per_minute"] == 177
    useless = replace(STANDARD, sweepers=2 * STANDARD.index_shards)
    assert bound("queries of parcels", useless)["orders_per_minute"] == 4 * 6250


def test_quota_of_the_region_counts() -> None:
    deliveries = "EventBridge: deliveries"
    assert bound(deliveries, region="eu-central-1")["orders_per_minute"] < bound(deliveries)["orders_per_minute"]
    assert capacity.limits("xx-nowhere-1").quotas["eventbridge.invocations"] == 1100


def test_large_stage_requests_the_quotas_that_it_needs() -> None:
    known = capacity.limits("us-east-1", "large")
    requested = capacity.quotas_to_request(LARGE, known)
    assert requested == {"lambda.concurrency": 5000, "eventbridge.invocations": 40_000}
    assert all(known.quotas[name] == quota for name, quota in requested.items())
    assert capacity.quotas_to_request(STANDARD, KNOWN) == {}
    assert set(capacity.quotas_to_request(replace(LARGE, gateway="stripe"), known)) == {*requested, "stripe.requests"}


def test_stripe_bounds_the_stage_that_uses_it() -> None:
    assert bound("Stripe", replace(STANDARD, gateway="stripe"))["orders_per_minute"] == 3000
    assert "Stripe" not in {each["part"] for each in capacity.bounds(STANDARD, KNOWN)}


def test_order_makes_no_evaluation_of_its_sku() -> None:
    order = units.counted()[capacity.PATH]
    assert order.total("dynamodb.write", by="inventory-sweeper") == 0
    assert order.total("dynamodb.write", where="inventory/due") == 0


def test_default_sweepers_work_off_a_backlog_in_time() -> None:
    recovered = {row["sweeper"]: row for row in capacity.recovery(STANDARD, KNOWN)}
    assert recovered["order"]["rows_per_minute"] >= 20_000
    assert recovered["payment"]["rows_per_minute"] >= 2_000
    assert recovered["inventory"]["rows_per_minute"] >= 2_000
    assert min(row["republished_per_minute"] for row in recovered.values()) >= 2_000


def test_sweepers_side_by_side_move_more() -> None:
    one, two = (capacity.recovery(replace(STANDARD, sweepers=number), KNOWN)[1]["rows_per_minute"] for number in (1, 2))
    assert two == pytest.approx(2 * one, abs=1)
