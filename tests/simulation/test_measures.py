"""The metrics of simulated orders. Those of the business are beside the tables.

They are equal, also with faults, if each function that writes a row learns of it. A crash after the write, or a lost answer to
it, loses a measure: then no metric is above its table, and no more facts lack a measure than faults of these kinds struck.
The gauges of the audit and of the sweepers are in tests/unit/audit/test_rolling_pass.py and tests/unit/kernel/test_relay.py.

Each other metric has an alarm.
"""

import re
import subprocess
import sys
from functools import cache
from itertools import chain
from pathlib import Path

from cdk.objectives import OBJECTIVES
from operations.alarms import inventory
from operations.economics import metrics

REPOSITORY = Path(__file__).parents[2]


@cache
def printed() -> str:
    """Return what the simulation prints of the metrics of 80 orders, without faults, with some and with all."""
    command = [sys.executable, "-m", "simulation", "measures", "--orders", "80", "--seed", "m1"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_metrics_equal_the_tables_and_are_never_above_them() -> None:
    assert printed().endswith("wrong: 0\n")
    measured = set(re.findall(r"^  (\w+)", printed(), re.MULTILINE))
    assert measured >= {"OrdersConfirmed", "OrdersCancelled", "MoneyCaptured", "StockOuts", "TimeToShip", "MailsSent"}
    assert "EventsReplayed" in measured
    assert "MoneyRefundedByHand" in measured, "the second world has Stripe"


def test_a_measure_is_lost_only_by_a_crash_or_a_lost_answer() -> None:
    found = re.findall(r"facts without a measure: (\d+); faults that may have lost one: (\d+)", printed())
    (without, _), (answered, parted), (lost, faults) = [(int(facts), int(struck)) for facts, struck in found]
    assert (without, answered, parted) == (0, 0, 0)
    assert 0 < lost <= faults


def test_each_metric_that_functions_emit_has_an_alarm_or_is_of_the_business() -> None:
    """Whichever way the name of a metric comes to its count: tests/infrastructure/test_alarms.py reads the code instead."""
    emitted = set(
        chain.from_iterable(names.split(", ") for names in re.findall("^also emitted: (.*)$", printed(), re.MULTILINE))
    )
    of_business = {metric.name for metric in (*chain.from_iterable(metrics.CATALOGUE.values()), *metrics.OF_EACH_SERVICE)}
    by_objectives = {series.metric for objective in OBJECTIVES for series in objective.series.values()}
    alarmed = {alarm["metric"] for alarm in inventory.load()["alarms"]}
    assert "PaymentDisputed" in emitted, "its name is in a table"
    assert emitted - of_business - by_objectives - alarmed == set()
