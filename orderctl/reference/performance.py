"""The page of the measured performance, made from the benchmarks' files in data/."""

import json

from operations.contracts.markdown import table
from operations.repository import REPOSITORY

FIGURES = REPOSITORY / "data" / "cold_starts.json"
INTRODUCTION = """# Performance

## How long does a cold start take?

`make bench-cold` counts the instructions of each function's start: the import of its module, its clients and its validators. It
takes the bundle as it is deployed, with the settings of a production stage. The figures are multiples of the bare interpreter.
Lambda's CPU decides how long that takes. The order API may take 33 times the bare interpreter, each other function 31 times.
`make bench-cold` fails if a function is above its bar, or 3 % above its figure here. Then write new ones by
`python -m tests.benchmarks.cold_start --write`, and `orderctl docs build`.

"""

RESTORED = """
## How long does the first call take after a restore?

`make bench-cold` simulates a restore from a snapshot of `order.commands`. Its first call of DynamoDB takes {restored:.3f} of
the CPU time of a first call for which nothing was made. It may take 0.12.
"""


def page() -> str:
    """Return the page as Markdown."""
    figures = json.loads(FIGURES.read_text())
    functions = {f"`{name}`": times for name, times in figures["functions"].items()}
    rows = [(name, f"{times:.1f}") for name, times in {**figures["compared"], **functions}.items()]
    measured = f"Measured with Python {figures['python']}:\n\n"
    starts = table(("Start", "Times the bare interpreter"), rows)
    return INTRODUCTION + measured + starts + RESTORED.format(restored=figures["restored"])
