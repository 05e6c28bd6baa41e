"""The garbage collector during a function's start. A process of its own, because the collector is the process's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernel import garbage

START = """
import gc, kernel
while_importing = gc.get_threshold()[0]
from kernel.handler import lambda_handler
lambda_handler(lambda clients, environ: print)
print(while_importing, gc.get_threshold()[0], gc.get_freeze_count() > 1000)
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param(
            {"AWS_LAMBDA_FUNCTION_NAME": "order-api"}, f"{garbage.ALLOCATIONS} {garbage.NORMAL[0]} True", id="on Lambda"
        ),
        pytest.param({}, f"{garbage.NORMAL[0]} {garbage.NORMAL[0]} False", id="elsewhere"),
    ],
)
def test_the_collector_rests_until_the_handler_is_made_and_only_on_lambda(variables: dict[str, str], expected: str) -> None:
    environment = {"PATH": os.defpath, "PYTHONPATH": str(Path(__file__).parents[3]), **variables}
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == expected
