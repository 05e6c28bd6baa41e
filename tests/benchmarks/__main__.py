"""`make bench`: measure every figure that has a bar, print them, and exit with 1 if a bar is missed or a figure became worse.

`--write` records the figures in `data/benchmarks.json`, and `orderctl docs build` makes the page of them.
"""

import argparse
import sys
from collections.abc import Callable, Mapping

from operations import benchmarks
from operations.benchmarks import Figure, Result
from operations.economics import audits
from orderctl.terminal import output
from tests.benchmarks import audit_growth, capacity, capacity_model, cost, flash_sale, journal, laptop
from tests.benchmarks.cold_start import benchmark as cold_start

BENCHMARKS: Mapping[str, Callable[[], Result]] = {
    "cold_start": cold_start.measure,
    "cost": cost.measure,
    "capacity": capacity.measure,
    "capacity_model": capacity_model.measure,
    journal.BENCHMARK: journal.measure,
    "flash_sale": flash_sale.measure,
    audits.BENCHMARK: audit_growth.measure,
    "laptop": laptop.measure,
}
COLUMNS = {"benchmark": "Benchmark", "figure": "Figure", "value": "Value", "unit": "Unit", "bar": "Bar", "met": "Met"}


def main() -> int:
    """Measure the benchmarks that are named, or all, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="BENCHMARK", help=f"some of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--write", action="store_true", help="record the figures in data/benchmarks.json")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"There is no benchmark {', '.join(sorted(unknown))}. Choose some of: {', '.join(BENCHMARKS)}.")
    recorded, results, progress = benchmarks.read(), dict[str, Result](), output.Progress()
    for name in options.names or BENCHMARKS:
        with progress.step(f"Measure {name}"):
            results[name] = BENCHMARKS[name]()
        if options.write:  # at once, so that a later failure loses nothing
            merged = {**recorded, **results}
            benchmarks.write({name: merged[name] for name in BENCHMARKS if name in merged})
    rows = [_row(name, figure) for name, result in results.items() for figure in result.figures]
    output.show(rows, COLUMNS, output.Format.TABLE)
    faults = [fault for result in results.values() for fault in benchmarks.missed(result)]
    if not options.write:
        faults += [fault for name in results if name in recorded for fault in benchmarks.worse(results[name], recorded[name])]
    print("\n".join(["", *(faults or ["Every bar is met."])]))  # noqa: T201
    return 1 if faults else 0


def _row(name: str, figure: Figure) -> Mapping[str, object]:
    met = None if figure.bar is None else figure.is_met
    return {
        "benchmark": name,
        "figure": figure.name,
        "value": figure.text,
        "unit": figure.unit,
        "bar": figure.limit,
        "met": met,
    }


if __name__ == "__main__":
    sys.exit(main())
