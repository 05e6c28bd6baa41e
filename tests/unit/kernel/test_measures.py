"""The measures of business metrics: in the embedded metric format, once for each step that is written."""

import json
from typing import Any

import pytest

from kernel.aggregate_store import AggregateStore, Causation, Decision, Row
from kernel.measures import Measure, Metric
from kernel.metrics import emit
from kernel.transitions import ABSENT, TransitionTable, step
from tests.support.tables import create_table

BY_REASON = Metric("OrdersCancelled", "Count", "orders", "reason", ("CUSTOMER",))
CONFIRMED = Metric("OrdersConfirmed", "Count", "orders")
TIME = Metric("TimeToYes", "Milliseconds", "a time")


def emitted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]


def test_measures_of_one_fact_share_a_line_for_each_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    emit([Measure(CONFIRMED, 1), Measure(TIME, 812), Measure(BY_REASON, 1, "CUSTOMER"), Measure(BY_REASON, 2, "OPERATOR")])
    together, *by_reason = emitted(capsys)
    assert (together["OrdersConfirmed"], together["TimeToYes"]) == ([1.0], [812.0])
    assert {metric["Name"]: metric["Unit"] for metric in together["_aws"]["CloudWatchMetrics"][0]["Metrics"]} == {
        "OrdersConfirmed": "Count",
        "TimeToYes": "Milliseconds",
    }
    assert [(line["reason"], line["OrdersCancelled"]) for line in by_reason] == [("CUSTOMER", [1.0]), ("OPERATOR", [2.0])]
    assert all("reason" in line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0] for line in by_reason)


class Counted(AggregateStore[Row]):
    def measures(self, step: str, after: Row) -> list[Measure]:
        return [Measure(CONFIRMED, after["version"])] if step == "begin" else []


def test_step_is_measured_once_also_if_it_is_taken_again(dynamodb: Any, capsys: pytest.CaptureFixture[str]) -> None:
    create_table(dynamodb, "payments")
    table = TransitionTable("PAY", "orderflow.payment", (step("begin", ABSENT, "BEGUN"),), frozenset({"BEGUN"}))
    rows, decision = Counted(dynamodb, "payments", table), Decision(table["begin"])
    for _ in range(2):
        rows.create("1", decision, Causation("corr-1", "request-1"))
    assert [line["OrdersConfirmed"] for line in emitted(capsys)] == [[1.0]]
