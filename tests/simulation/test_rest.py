"""The rest of a world: an order that waits for an answer is asked for it again after longer and longer times."""

import re
import subprocess
import sys

from tests.simulation.test_simulation import REPOSITORY


def test_order_ends_although_its_refund_was_lost_again_and_again() -> None:
    command = [sys.executable, "-m", "tests.simulation.lost_refund"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    found = re.fullmatch(r"CANCELLED CUSTOMER, violated: None, lost: (\d+)\n", done.stdout)
    assert found, done.stdout
    assert int(found[1]) > 3
