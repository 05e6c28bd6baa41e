"""`python -m tests.benchmarks.import_cost`: what Stripe's own package would cost a function at a cold start (ADR 20)."""

import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

TRIES = 5


def seconds(modules: str) -> float:
    """Return the median import time of the modules over a few fresh interpreters."""
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def megabytes(package: str) -> float:
    """Its Python source, without bytecode."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return sum(path.stat().st_size for path in Path(spec.origin).parent.rglob("*.py")) / 1e6


def main() -> None:
    """Print a line a figure."""
    nothing, before = seconds("sys"), seconds("boto3")
    print(f"an interpreter: {nothing:.2f} s")  # noqa: T201
    print(f"boto3, which every function has: {before - nothing:.2f} s more")  # noqa: T201
    print(f"stripe on top of it: {seconds('boto3, stripe') - before:.2f} s more")  # noqa: T201
    print(f"stripe's source: {megabytes('stripe'):.0f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
