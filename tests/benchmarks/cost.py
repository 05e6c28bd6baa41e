"""The cost of a million orders on a quiet stage, as `orderctl cost` prints it."""

from operations.benchmarks import Figure, Result
from operations.economics import costs

BARS = {"happy": 50.0, "delivered": 80.0, "declined": 40.0, "cancelled": 110.0}
"""US dollars by path."""
MOST_CALLS, MOST_READS = 18, 3
"""Requests to DynamoDB of one order on the path `happy`."""
MOST_IDLE = 5.0


def measure() -> Result:
    """Return the cost of each path that has a bar, the requests of the path `happy`, and the cost of an idle month."""
    found = costs.costs()
    paths = {path["path"]: path for path in found["paths"]}
    idle = sum(cost["usd"] for cost in found["idle_month"])
    return Result(
        f"the prices of {found['region']}",
        (
            *(Figure(f"a million orders, {path}", "USD", paths[path]["quiet_usd"], bar) for path, bar in BARS.items()),
            Figure("requests to DynamoDB, happy", "an order", paths["happy"]["calls"], MOST_CALLS),
            Figure("reads of DynamoDB, happy", "an order", paths["happy"]["reads"], MOST_READS),
            Figure("an idle stage without alarms", "USD a month", round(idle, costs.CENTS), MOST_IDLE),
        ),
    )
