"""The load that a stage bears: the figures of the file are those of the code, and each bound follows from its own."""

from dataclasses import replace
from pathlib import Path

import pytest

import stages
from journal import items
from operations.economics import capacity
from operations.economics.capacity import Bound
from services.inventory.functions import sweeper as inventory
from services.notification.functions import sweeper as notification
from services.order.functions import sweeper as order
from services.payment.functions import sweeper as payment
from services.shipping.functions import sweeper as shipping
from simulation.stage.deployment import literals

REPOSITORY = Path(__file__).parents[3]
DEV = stages.load("dev")
KNOWN = capacity.limits("us-east-1")


def bound(part: str, stage: stages.Stage = DEV, region: str = "us-east-1") -> Bound:
    (found,) = [each for each in capacity.bounds(stage, capacity.limits(region)) if each["part"] == part]
    return found


def test_design_has_the_figures_of_the_code() -> None:
    outbox = literals((REPOSITORY / "cdk/constructs/outbox.py").read_text())
    assert KNOWN.design == {
        "journal_shards": items.SHARDS,
        "journal_batch": 100,
        "relay_batches_at_once": outbox["BATCHES_AT_ONCE"],
        "booking_calls": 2,
        "sweep_seconds": shipping.BUDGET.total_seconds(),
    }
    assert "BATCH, GATHERING_SECONDS = 100, 5" in (REPOSITORY / "journal/infrastructure.py").read_text()
    assert KNOWN.due_a_shard == {
        "order": order.PER_SHARD,
        "payment": payment.PER_SHARD,
        "inventory": inventory.PER_SHARD,
        "notification": notification.PER_SHARD,
    }


def test_first_bottleneck_comes_first() -> None:
    rates = [each["orders_per_minute"] for each in capacity.bounds(DEV, KNOWN)]
    assert rates == sorted(rates)


def test_settings_of_the_stage_count() -> None:
    assert bound("API", replace(DEV, api_requests_per_second=1000))["orders_per_minute"] == 60_000
    once, twice = (bound("journal", replace(DEV, journal_concurrency=number))["orders_per_minute"] for number in (2, 4))
    assert twice == pytest.approx(2 * once, abs=1)
    assert bound("index due of order", replace(DEV, index_shards=16))["orders_per_minute"] >= 100_000


def test_real_carrier_books_two_thousand_parcels_a_minute() -> None:
    assert bound("booking of parcels", replace(DEV, carrier="easypost"))["orders_per_minute"] == 3000


def test_queries_of_parcels_are_bound_by_the_sweep() -> None:
    assert bound("queries of parcels")["orders_per_minute"] == 400
    assert bound("queries of parcels", replace(DEV, carrier="easypost"))["orders_per_minute"] == 1


def test_quota_of_the_region_counts() -> None:
    deliveries = "EventBridge: deliveries"
    assert bound(deliveries, region="eu-central-1")["orders_per_minute"] < bound(deliveries)["orders_per_minute"]
    assert capacity.limits("xx-nowhere-1").quotas["eventbridge.invocations"] == 1100


def test_each_sweeper_runs_once_a_minute_over_all_shards() -> None:
    assert {row["sweeper"]: row["rows_per_minute"] for row in capacity.recovery(DEV, KNOWN)}["order"] == 400
