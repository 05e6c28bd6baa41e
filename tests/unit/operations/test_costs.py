"""The bill: counted units, priced, for a promise; the designs to compare with; an idle stage."""

from functools import partial

import pytest

from operations import benchmarks
from operations.economics import audits, bill, costs, deployed, encryption, idle, prices, units
from operations.economics.audits import AuditReads
from operations.economics.deployed import Deployed
from operations.economics.units import PathUnits, Spent
from operations.errors import UserError
from operations.permissions.recorded import Call

PRICES = prices.load()
READS = AuditReads(of_a_check=4.5, of_a_pass=6.94)
DERIVED = {"lambda.wait"}
"""Units that have no price of their own: time and bytes follow from them."""


def path(*lines: Spent) -> PathUnits:
    return PathUnits("p", "", "", 0, 0, {}, {}, lines)


def stage(level: str = "WARN") -> Deployed:
    return Deployed(0, 0, {}, {"order-api": 1024, "order-relay": 512}, {"order-api": level, "order-relay": level})


def test_unit_costs_its_price() -> None:
    found = bill.charges(path(Spent("order-api", "dynamodb.write", "order", "record", 4)), PRICES, stage())
    assert [(charge.part, charge.promise, charge.usd) for charge in found] == [("DynamoDB", "record", 2.5)]


def test_invocation_costs_its_memory_for_its_time() -> None:
    found = bill.charges(path(Spent("order-api", "lambda.invocation", "", "answer", 2)), PRICES, stage())
    assert bill.total(found) == pytest.approx(2 * 0.20 + 2 * 0.06 * 13.3334)


def test_wait_for_the_saga_costs_the_function_that_waits() -> None:
    found = bill.charges(path(Spent("order-api", "lambda.wait", "", "answer", 1)), PRICES, stage())
    assert bill.total(found) == pytest.approx(0.45 * 13.3334)


def test_system_logs_cost_at_info_only() -> None:
    line = Spent("order-api", "lambda.invocation", "", "answer", 1)
    quiet, loud = (bill.charges(path(line), PRICES, stage(level)) for level in ("WARN", "INFO"))
    assert bill.total(loud) - bill.total(quiet) == pytest.approx(1.2 * 0.4768)


def test_busy_stage_shares_invocations_of_the_relay_and_none_of_the_api() -> None:
    relayed = path(Spent("order-relay", "lambda.invocation", "", "outbox", 1))
    asked = path(Spent("order-api", "lambda.invocation", "", "answer", 1))
    assert bill.total(bill.charges(relayed, PRICES, stage(), busy=True)) * 20 == pytest.approx(
        bill.total(bill.charges(relayed, PRICES, stage()))
    )
    assert bill.charges(asked, PRICES, stage(), busy=True) == bill.charges(asked, PRICES, stage())


@pytest.mark.parametrize("name", units.counted())
def test_each_counted_unit_has_a_price_a_promise_and_a_function(name: str) -> None:
    known = set(PRICES.per_million) | set(PRICES.apart) | DERIVED
    for line in units.counted()[name].lines:
        assert line.unit in known
        assert line.promise in bill.PROMISES
        assert line.unit != "lambda.invocation" or line.by in deployed.load().memory_mb


@pytest.mark.parametrize("name", units.counted())
def test_promises_and_parts_both_sum_up_to_the_path(name: str) -> None:
    found = costs.costs()
    (whole,) = (row["quiet_usd"] for row in found["paths"] if row["path"] == name)
    for shares in (found["promises"][name], found["parts"][name]):
        assert sum(share["usd"] for share in shares) == pytest.approx(whole, abs=0.1)
        assert sum(share["percent"] for share in shares) == pytest.approx(100, abs=1)


def test_costs_are_in_proportion_to_the_orders() -> None:
    million, half = costs.costs(), costs.costs(500_000, "happy")
    assert half["paths"][0]["quiet_usd"] == pytest.approx(million["paths"][0]["quiet_usd"] / 2, abs=0.01)
    assert [row["path"] for row in half["paths"]] == ["happy"]


def test_unknown_path_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError) as refused:
        costs.costs(path="nowhere")
    assert "happy" in refused.value.hint


def test_happy_path_is_cheaper_than_the_blog_s_design() -> None:
    found = costs.costs()
    designs = {row["design"]: row["usd"] for row in found["designs"]}
    assert designs["minimum"] < found["paths"][0]["quiet_usd"] < designs["blog"]


def test_idle_stage_costs_at_most_five_dollars_besides_its_alarms() -> None:
    found = idle.idle_cost(PRICES, deployed.load())
    assert sum(found.values()) <= 5


def test_alarms_of_both_tiers_are_priced() -> None:
    tiers = {row["tier"]: row["usd"] for row in costs.costs()["alarms"]}
    assert 0 < tiers["essential"] <= 8 < tiers["full"]


def test_alarms_that_only_a_shift_of_traffic_needs_are_priced_apart() -> None:
    (found,) = (row for row in costs.costs()["alarms"] if row["tier"] == costs.ROLLBACK)
    assert found["alarms"] == len(deployed.load().memory_mb) + 1
    assert 0 < found["usd"] <= 5


def test_each_caller_of_a_table_or_queue_uses_a_data_key_and_eventbridge_one_for_each_queue() -> None:
    calls = [
        Call("order/api", "dynamodb:GetItem", "table order", "ORDER#"),
        Call("order/api", "dynamodb:Query", "index order/customer"),
        Call("order/api", "secretsmanager:GetSecretValue", "secret RECEIPT_KEY_ARN"),
        Call("order/intake", "sqs:ReceiveMessage", "queue order/intake"),
        Call("order/intake", "sqs:SendMessage", "dead letters order/intake"),
        Call("order/intake", "sqs:DeleteMessage", "queue order/intake"),
    ]
    assert encryption.data_keys(calls) == 3 + 1


def test_key_of_a_stage_costs_at_most_five_dollars_a_month_beside_its_archive() -> None:
    key, calls, archive = encryption.key_cost(PRICES).values()
    assert key == 1
    assert 0 < calls <= 4
    assert archive == pytest.approx(3)


def test_checks_that_share_batches_cost_at_most_two_dollars_a_million_orders() -> None:
    cost = partial(audits.checks_cost, 1_000_000, READS, PRICES, deployed.load())
    assert cost(of_a_batch=PRICES.busy["orders"]) < cost(of_a_batch=2) <= 2 < cost(of_a_batch=1)


def test_passes_cost_at_most_five_dollars_a_month_however_many_orders_are_kept() -> None:
    few, million, many = (audits.passes_cost(orders, READS, PRICES, deployed.load()) for orders in (100, 10**6, 10**8))
    assert few < million == many <= 5


def test_costs_of_the_audit_are_in_the_record_of_its_benchmark() -> None:
    recorded = {figure.value for figure in benchmarks.read()[audits.BENCHMARK].figures}
    assert {row["usd"] for row in costs.costs()["audits"]} <= recorded
