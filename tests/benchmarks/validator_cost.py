"""`python -m tests.benchmarks.validator_cost`: what a validator costs at a cold start, compiled or generated (ADR 18)."""

import statistics
import time
from collections.abc import Callable

import fastjsonschema

from kernel import schemas

TRIES = 5


def milliseconds(act: Callable[[], object]) -> float:
    """Return the median of a few runs, in milliseconds."""
    taken = []
    for _ in range(TRIES):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def main() -> None:
    """Print a line a way."""
    found = schemas.read_schemas().values()
    sources = [fastjsonschema.compile_to_code(schema, use_default=False) for schema in found]
    at_start = milliseconds(lambda: [fastjsonschema.compile(schema, use_default=False) for schema in found])
    generated = milliseconds(lambda: [compile(source, "validator", "exec") for source in sources])
    print(f"compiled from the schema: {at_start / len(sources):.1f} ms an event")  # noqa: T201
    print(f"imported as generated source: {generated / len(sources):.1f} ms an event")  # noqa: T201
    print(f"the generated source: {sum(map(len, sources)) // 1024} KB for {len(sources)} events")  # noqa: T201


if __name__ == "__main__":
    main()
