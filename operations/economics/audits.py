"""The cost of the audits: the check of an order after its events, and the rolling pass over all rows of a stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from audit.rolling_pass import PASS_EVERY, UNITS_A_RUN
from operations.benchmarks import Result
from operations.economics.bill import MEGABYTES_IN_A_GIGABYTE, MILLION
from operations.economics.deployed import Deployed
from operations.economics.idle import MONTH_SECONDS
from operations.economics.prices import Prices

BENCHMARK: Final = "audit_growth"
CHECK_READS: Final = "reads of a check"
ROLLING_READS: Final = "reads of a pass"
CHECKER: Final = "audit-orders"
AUDITOR: Final = "audit-function"
_MOST_PASSES: Final = MONTH_SECONDS / PASS_EVERY.total_seconds()


@dataclass(frozen=True)
class AuditReads:
    """The read units that DynamoDB bills for an order: for its check, and for its part of a pass."""

    of_a_check: float
    of_a_pass: float


def counted(recorded: Mapping[str, Result]) -> AuditReads:
    """Return the units of the benchmark's record."""
    units = {figure.name: figure.value for figure in recorded[BENCHMARK].figures}
    of_a_check, of_a_pass = units[CHECK_READS], units[ROLLING_READS]
    assert of_a_check is not None
    assert of_a_pass is not None
    return AuditReads(of_a_check, of_a_pass)


def checks_cost(orders: int, reads: AuditReads, prices: Prices, deployed: Deployed, *, of_a_batch: float) -> float:
    """Return the US dollars of one check of each order, with so many orders in a batch."""
    batches = 1 / of_a_batch
    seconds = batches * prices.assumptions.invocation_seconds
    return orders * _usd(
        prices,
        {
            "sqs.message": 1,
            "sqs.batch": batches,
            "lambda.invocation": batches,
            "lambda.gb_second": seconds * _gigabytes(CHECKER, deployed),
            "dynamodb.read": reads.of_a_check,
        },
    )


def passes_cost(orders: int, reads: AuditReads, prices: Prices, deployed: Deployed) -> float:
    """Return the US dollars a month of the passes over so many orders.

    A run has at most `UNITS_A_RUN`, so from some number of orders on, each month costs the same and a pass takes longer.
    """
    runs = deployed.schedules_per_month[AUDITOR]
    units = min(runs * UNITS_A_RUN, _MOST_PASSES * orders * reads.of_a_pass)
    seconds = prices.assumptions.audit_run_seconds * units / UNITS_A_RUN
    return _usd(
        prices,
        {"lambda.invocation": runs, "lambda.gb_second": seconds * _gigabytes(AUDITOR, deployed), "dynamodb.read": units},
    )


def _usd(prices: Prices, units: Mapping[str, float]) -> float:
    return sum(quantity * prices.per_million[unit].usd for unit, quantity in units.items()) / MILLION


def _gigabytes(function: str, deployed: Deployed) -> float:
    return deployed.memory_mb[function] / MEGABYTES_IN_A_GIGABYTE
