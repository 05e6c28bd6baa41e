"""This process made ready to simulate Orderflow."""

import random
import sys
from typing import Final

from simulation.engine import process
from simulation.engine.scheduler import Environ

PACKAGES: Final = ("kernel", "services")
"""The code that runs in functions."""


def make_ready(with_botocore: bool = False) -> Environ:
    """Return the environment that functions see. Once per process; importing the services is part of it."""
    return process.make_ready(PACKAGES, _load, with_botocore=with_botocore)


def _load() -> None:
    from simulation.stage import deployed_handlers

    deployed_handlers.load()
    sys.modules["kernel.transactions"]._chance.uniform = random.uniform
