"""The page of the benchmarks' figures, made from their record in data/."""

from operations import benchmarks
from operations.benchmarks import Result
from operations.contracts.markdown import table

INTRODUCTION = """# Performance

`make bench` measures every figure that has a bar, and prints it beside the bar. It fails if a bar is missed, or if an exact
figure is 3 % worse than on this page. `python -m tests.benchmarks --write` records new figures in `data/benchmarks.json`, and
`orderctl docs build` makes this page of them. A figure that nothing measures yet is missing, and its bar is not met.
"""
SECTIONS = {
    "cold_start": """
## How long does a cold start take?

`make bench-cold` counts the instructions of each function's start: the import of its module, its clients and its validators. It
takes the bundle as it is deployed, with the settings of a production stage. The figures are multiples of the bare interpreter.
Lambda's CPU decides how long that takes. Boto3 alone and a typical handler are counted for comparison.

Another build of Python executes other instructions, and the bare interpreter differs most. So CI compares three functions with
boto3 alone in the same build, and fails if one is 3 % heavier than here.

The last figure is of a simulated restore from a snapshot. It is the CPU time of the first call of DynamoDB, relative to a first
call for which nothing was made.
""",
    "cost": """
## How much does an order cost?

[The cost of an order](cost.md) has the parts of these figures.
""",
    "capacity": """
## How many orders does a stage bear?

[The load of a stage](capacity.md) has the bound of each part.
""",
    "capacity_model": """
## Is the model of the load right?

The bounds of a stage follow from the units of one order. So a crowd of orders goes through the simulated stage, to the door,
and its units are compared with the model. If a row changes while the relay publishes its event, the relay reads the row again,
so that it puts no event twice without a fault.
""",
    "journal": """
## What does the journal of many orders take?

The benchmark reads the journal of many orders of one hour. Its objects are made when they are read, so the memory is the
reader's own. [The cost of an order](cost.md) has the parts of the cost, and [The load of a stage](capacity.md) the bounds.
`python -m tests.benchmarks.journal --orders 20000 --write` records the figures of fewer orders.
""",
    "flash_sale": """
## Does a flash sale sell everything, once?

Many customers want the last units of one SKU at the same time.
""",
    "audit_growth": """
## What does the audit of many orders take?

The benchmark passes over copies of a delivered order, which are made when they are read. So the memory is the auditor's own.
Reads are in units of DynamoDB, eventually consistent. [The cost of an order](cost.md#what-does-the-audit-cost) says how many
checks share a batch. `python -m tests.benchmarks.audit_growth --orders 200000 --write` records the figures of fewer orders.
""",
    "laptop": """
## What does the laptop serve?

The benchmark starts an AWS of its own, places orders by the API with 1, 8 and 64 customers at once, and imports purchases. The
floor is the requests to DynamoDB of an order, without anything else. Processor time is of the engine, its functions and
the clients: two cores serve no more orders a second than two seconds have of it. Beside other work the figures are lower.
""",
}
"""The text of each benchmark, above the table of its figures."""


def page() -> str:
    """Return the page as Markdown."""
    recorded = benchmarks.read()
    return INTRODUCTION + "".join(text + _figures(recorded[name]) for name, text in SECTIONS.items())


def _figures(result: Result) -> str:
    rows = [
        (figure.name, figure.text, figure.unit, figure.limit, "" if figure.bar is None else "yes" if figure.is_met else "no")
        for figure in result.figures
    ]
    return f"\nConditions: {result.conditions}.\n\n" + table(("Figure", "Value", "Unit", "Bar", "Met"), rows)
