"""The cost of a stage for a month without an order, besides its alarms."""

from collections.abc import Mapping
from typing import Final

from kernel.index_shards import COUNTS
from operations.economics import metrics
from operations.economics.bill import MEGABYTES_IN_A_GIGABYTE, MILLION, QUIET_LEVEL
from operations.economics.deployed import Deployed
from operations.economics.prices import Prices

MONTH_SECONDS: Final = 30 * 24 * 3600
LONG_POLL_SECONDS: Final = 20
READS_OF_A_SWEEP: Final = 2 * (59 * COUNTS[0] + COUNTS[-1]) / 60 + 1
"""A sweep queries the indexes `pending` and `due`, the shards of the stage, and once an hour all that there may be.

It also scans a slice of the table.
"""
LEAST_READ_UNITS: Final = 0.5


def idle_cost(prices: Prices, deployed: Deployed) -> Mapping[str, float]:
    """Return the US dollars a month by what costs them, the dearest first. Alarms are priced apart."""
    known, per_million, per_month = prices.assumptions, prices.per_million, prices.per_month
    polls = deployed.queue_mappings * known.pollers * MONTH_SECONDS / LONG_POLL_SECONDS
    sweeps = {name: times for name, times in deployed.schedules_per_month.items() if name.endswith("-sweeper")}
    gigabyte_seconds = sum(
        times * known.sweep_seconds * deployed.memory_mb[name] / MEGABYTES_IN_A_GIGABYTE
        for name, times in deployed.schedules_per_month.items()
    )
    logged = sum(
        times * known.system_log_kb
        for name, times in deployed.schedules_per_month.items()
        if deployed.system_logs[name] != QUIET_LEVEL
    )
    invocations = sum(deployed.schedules_per_month.values())
    reads = sum(sweeps.values()) * READS_OF_A_SWEEP * LEAST_READ_UNITS
    found = {
        "metrics": len(metrics.ALWAYS) * per_month["metric"].usd,
        "secrets": deployed.secrets * per_month["secret"].usd,
        "long polls of the queues": polls * per_million["sqs.message"].usd / MILLION,
        "sweeps and audits: invocations": invocations * per_million["lambda.invocation"].usd / MILLION,
        "sweeps and audits: time": gigabyte_seconds * per_million["lambda.gb_second"].usd / MILLION,
        "sweeps and audits: logs": logged * per_million["logs.kb"].usd / MILLION,
        "sweeps: reads": reads * per_million["dynamodb.read"].usd / MILLION,
    }
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))
