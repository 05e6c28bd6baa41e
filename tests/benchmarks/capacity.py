"""The orders a minute that a stage bears, with the default settings and as a large one, as `orderctl capacity` prints them."""

import stages
from operations.benchmarks import Figure, Result
from operations.economics import capacity

REGION = "us-east-1"
LEAST, LEAST_LARGE = 10_000, 100_000


def measure() -> Result:
    """Return the first bottleneck of a stage with default settings, and of a large one."""
    return Result(
        f"the quotas of {REGION}; a large stage has those that it requests",
        (
            Figure("default settings", "orders a minute", first_bottleneck("standard"), LEAST, is_least=True),
            Figure("a large stage", "orders a minute", first_bottleneck("large"), LEAST_LARGE, is_least=True),
        ),
    )


def first_bottleneck(size: str) -> int:
    """Return the orders a minute of a stage that names only its `capacity`."""
    stage = stages.parse("measured", f"ephemeral: true\ncapacity: {size}", "measured.yaml")
    return capacity.bounds(stage, capacity.limits(REGION, size))[0]["orders_per_minute"]
