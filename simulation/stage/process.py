"""This process made ready to simulate Orderflow."""

import os
import random
import sys
from typing import Any, Final

from simulation.engine import process
from simulation.engine.scheduler import Environ

PACKAGES: Final = ("kernel", "services")
"""The code that runs in functions."""


def make_ready(with_botocore: bool = False) -> Environ:
    """Return the environment that functions see. Once per process; importing the services is part of it."""
    os.environ["POWERTOOLS_METRICS_NAMESPACE"] = "Orderflow"
    return process.make_ready(PACKAGES, _load, with_botocore=with_botocore)


def handlers() -> dict[str, Any]:
    """Return the handlers of every function, by the function's name."""
    from simulation.stage import deployed_handlers

    return deployed_handlers.load()


def _load() -> None:
    handlers()
    sys.modules["kernel.transactions"]._chance.uniform = random.uniform
