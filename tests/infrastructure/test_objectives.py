"""The alarms of the objectives, evaluated over made-up orders: they ring for a fast and a slow burn, and not for a blip."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from cdk.objectives import BURNS, OBJECTIVES, Objective
from operations.economics import metrics
from tests.infrastructure.templates import Assembly, Resource
from tests.support.metric_math import evaluate, statistic

Minutes = Sequence[Mapping[float, int]]
"""How often a metric gets each value in each minute."""
QUIET_MINUTES = 6 * 60
"""The longest window: before a test's fault, everything goes well for so long."""
GOOD, BAD = 1_000.0, 100_000.0
"""Milliseconds until an answer."""


@pytest.fixture
def alarms(lasting: Assembly) -> dict[str, Resource]:
    """Return the alarms with metric math, by logical id."""
    return {alarm.id: alarm for alarm in lasting.resources("CloudWatch::Alarm") if "Metrics" in alarm.properties}


@pytest.fixture
def rules(lasting: Assembly) -> dict[str, str]:
    """Return the composite alarms' rules, by the name of the objective: logical ids, `and`, `or`, and brackets."""
    found = {}
    for composite in lasting.resources("CloudWatch::CompositeAlarm"):
        name = composite.id.partition("Objective")[0]
        if name in {objective.name for objective in OBJECTIVES}:
            parts = composite.properties["AlarmRule"]["Fn::Join"][1]
            text = "".join(part if isinstance(part, str) else part["Fn::GetAtt"][0] for part in parts)
            found[name] = re.sub(r'ALARM\("(\w+)"\)', r"\1", text).replace("AND", "and").replace("OR", "or")
    return found


def is_breached(alarm: Resource, series: Mapping[str, Minutes], minute: int) -> bool:
    """Return True if the alarm's expression is above its threshold, over the minutes until `minute`."""
    values, share = dict[str, float | None](), ""
    for entry in alarm.properties["Metrics"]:
        if "Expression" in entry:
            share = entry["Expression"]
            continue
        stat: dict[str, Any] = entry["MetricStat"]
        window = series.get(stat["Metric"]["MetricName"], [])[max(0, minute - stat["Period"] // 60) : minute]
        together = Counter[float]()
        for each in window:
            together.update(each)
        values[entry["Id"]] = statistic(stat["Stat"], together)
    found = evaluate(share, values)
    assert alarm.properties["EvaluationPeriods"] == 1
    return found is not None and found > alarm.properties["Threshold"]


@pytest.fixture
def ringing(alarms: dict[str, Resource], rules: dict[str, str]) -> Callable[[str, Mapping[str, Minutes]], list[int]]:
    """Return the minutes, after the quiet ones, in which the alarm of an objective rings."""

    def minutes(objective: str, series: Mapping[str, Minutes]) -> list[int]:
        rule = compile(rules[objective].strip(), objective, "eval")
        own = {name: alarm for name, alarm in alarms.items() if name.startswith(objective)}
        length = max(map(len, series.values()))
        return [
            minute - QUIET_MINUTES
            for minute in range(QUIET_MINUTES, length + 1)
            if eval(rule, {name: is_breached(alarm, series, minute) for name, alarm in own.items()})
        ]

    return minutes


def answers(bad_of_50: int, minutes: int, *, after: int = 60) -> dict[str, Minutes]:
    """Return the times to the answer of 50 orders a minute: all good, then so many bad ones for `minutes`, then all good."""
    faulty = [{BAD: bad_of_50, GOOD: 50 - bad_of_50}] * minutes
    return {"TimeToAnswer": [{GOOD: 50}] * QUIET_MINUTES + faulty + [{GOOD: 50}] * after}


Ringing = Callable[[str, Mapping[str, Minutes]], list[int]]


def test_outage_rings_within_six_minutes_and_ends_within_six_minutes(ringing: Ringing) -> None:
    found = ringing("Answered", answers(50, 30))
    assert found == list(range(found[0], found[-1] + 1)), "rings without a gap"
    assert (found[0], found[-1]) <= (6, 36)
    assert found[-1] >= 30


def test_fast_burn_of_a_tenth_of_the_orders_rings_within_the_hour(ringing: Ringing) -> None:
    found = ringing("Answered", answers(5, 90))
    assert 30 < found[0] < 60


def test_slow_burn_rings_by_the_slow_windows(ringing: Ringing, alarms: dict[str, Resource]) -> None:
    series = answers(2, 360)  # 4 %: below the fast rate of 7.2 %, above the slow one of 3 %
    found = ringing("Answered", series)
    assert 180 < found[0] < 300
    fast = [alarm for name, alarm in alarms.items() if name.startswith("AnsweredFastLong")]
    assert not any(is_breached(alarm, series, minute) for alarm in fast for minute in range(QUIET_MINUTES, QUIET_MINUTES + 360))


def test_blip_of_two_minutes_is_silent(ringing: Ringing) -> None:
    assert ringing("Answered", answers(50, 2)) == []


def test_burn_that_the_budget_bears_is_silent(ringing: Ringing) -> None:
    series = {"TimeToAnswer": [{GOOD: 199, BAD: 1}] * 900}
    assert ringing("Answered", series) == []


def test_bad_order_of_a_quiet_night_is_silent(ringing: Ringing) -> None:
    night: list[dict[float, int]] = [{GOOD: 1} if minute % 30 == 0 else {} for minute in range(QUIET_MINUTES + 120)]
    night[QUIET_MINUTES + 10] = {BAD: 1}
    assert ringing("Answered", {"TimeToAnswer": night}) == []


def test_carrier_that_is_down_rings_though_nothing_is_shipped(ringing: Ringing) -> None:
    shipped: Minutes = [{30.0: 5}] * QUIET_MINUTES + [{}] * 180
    late: Minutes = [{}] * (QUIET_MINUTES + 75) + [{5.0: 1} if minute % 5 == 0 else {} for minute in range(105)]
    found = ringing("Shipped", {"TimeToShip": shipped, "OrdersNotShipped": late})
    assert 75 < found[0] < 85


def test_mails_that_ses_accepts_late_ring(ringing: Ringing) -> None:
    late: Minutes = [{2.0: 20}] * QUIET_MINUTES + [{900.0: 20}] * 60
    assert ringing("Mailed", {"TimeToMail": late})[0] < 15


def test_api_that_answers_no_order_rings(ringing: Ringing) -> None:
    answered: Minutes = [{GOOD: 50}] * QUIET_MINUTES + [{}] * 30
    failed: Minutes = [{}] * QUIET_MINUTES + [{1.0: 50}] * 30
    assert ringing("Answered", {"TimeToAnswer": answered, "5xx": failed})[0] <= 6


def test_orders_that_get_no_answer_at_all_ring(ringing: Ringing) -> None:
    """While neither the saga nor the sweeper works, no answer has a time to measure."""
    answered: Minutes = [{GOOD: 50}] * QUIET_MINUTES + [{}] * 180
    stuck: Minutes = [{}] * (QUIET_MINUTES + 75) + [{5.0: 1} if minute % 5 == 0 else {} for minute in range(105)]
    assert 75 < ringing("Answered", {"TimeToAnswer": answered, "OrdersNotEnded": stuck})[0] < 85


def test_failures_of_an_api_that_answers_the_rest_are_a_share(ringing: Ringing) -> None:
    answered: Minutes = [{GOOD: 50}] * (QUIET_MINUTES + 90)
    failed: Minutes = [{}] * QUIET_MINUTES + [{1.0: 1} if minute % 10 == 0 else {} for minute in range(90)]
    assert ringing("Answered", {"TimeToAnswer": answered, "5xx": failed}) == []


def test_mails_that_ses_never_accepts_ring(ringing: Ringing) -> None:
    mailed: Minutes = [{2.0: 20}] * QUIET_MINUTES + [{}] * 180
    late: Minutes = [{}] * (QUIET_MINUTES + 75) + [{5.0: 1} if minute % 5 == 0 else {} for minute in range(105)]
    assert 75 < ringing("Mailed", {"TimeToMail": mailed, "NewsOverdue": late})[0] < 85


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
def test_objective_reads_metrics_that_exist_and_has_four_windows(
    objective: Objective, alarms: dict[str, Resource], rules: dict[str, str]
) -> None:
    business = {(service, metric.name) for service, found in metrics.CATALOGUE.items() for metric in found}
    counted = {("audit", metric) for metric in ("OrdersNotEnded", "OrdersNotShipped", "NewsOverdue")} | {("order", "5xx")}
    assert {(series.service, series.metric) for series in objective.series.values()} <= business | counted
    own = [name for name in alarms if name.startswith(objective.name)]
    assert len(own) == 2 * len(BURNS)
    assert all(name in rules[objective.name] for name in own)


def test_alarm_reads_its_metrics_over_one_period(alarms: dict[str, Resource]) -> None:
    """CloudWatch refuses a metric-math alarm with several periods."""
    for alarm in alarms.values():
        assert len({entry["MetricStat"]["Period"] for entry in alarm.properties["Metrics"] if "MetricStat" in entry}) == 1
