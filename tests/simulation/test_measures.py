"""The business metrics of simulated orders, beside the tables: equal without faults, and never above them."""

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def test_metrics_equal_the_tables_and_are_never_above_them() -> None:
    command = [sys.executable, "-m", "simulation", "measures", "--orders", "80", "--seed", "m1"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("wrong: 0\n"), done.stdout + done.stderr
    measured = set(re.findall(r"^  (\w+)", done.stdout, re.MULTILINE))
    assert measured >= {"OrdersConfirmed", "OrdersCancelled", "MoneyCaptured", "StockOuts", "TimeToShip", "MailsSent"}
    assert "MoneyRefundedByHand" in measured, "the second world has Stripe"
