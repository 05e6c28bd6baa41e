"""The orders a minute that a stage bears, as `orderctl capacity` prints them."""

import stages
from operations.benchmarks import Figure, Result
from operations.economics import capacity

REGION = "us-east-1"
LEAST, LEAST_LARGE = 10_000, 100_000


def measure() -> Result:
    """Return the first bottleneck of a stage with default settings. No setting makes a large stage yet."""
    first = capacity.bounds(stages.load(stages.LAPTOP_STAGE), capacity.limits(REGION))[0]
    return Result(
        f"the quotas of {REGION}",
        (
            Figure("default settings", "orders a minute", first["orders_per_minute"], LEAST, is_least=True),
            Figure("a large stage", "orders a minute", None, LEAST_LARGE, is_least=True),
        ),
    )
