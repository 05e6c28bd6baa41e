"""The committed units and facts, which the cost of an order is computed from, are those of the code and the templates.

After a change that is meant, write them anew, build the page, and review the difference:

- `.venv/bin/python -m simulation count`
- `.venv/bin/python -m tests.infrastructure.deployed_costs`
- `.venv/bin/orderctl docs build`
"""

import subprocess
import sys
from pathlib import Path

from operations.economics import deployed
from tests.infrastructure import deployed_costs

REPOSITORY = Path(__file__).parents[2]


def test_units_are_those_that_the_simulation_counts() -> None:
    command = [sys.executable, "-m", "simulation", "count", "--check"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_facts_are_those_of_the_template_snapshots() -> None:
    assert deployed.FILE.read_text(encoding="utf-8") == deployed_costs.document()
