"""The cold starts of the heaviest functions, counted as the benchmark counts them: within their bars, and as recorded.

Another build of Python executes other instructions, and the bare interpreter differs most: an optimized build takes 0.6 of the
recorded one's. A function's start differs as boto3's does, so boto3 alone is the measure here: a build changes that by 1 %.
"""

from pathlib import Path

import pytest

from operations import benchmarks
from operations.benchmarks import Result
from tests.benchmarks.cold_start import benchmark, functions
from tests.benchmarks.cold_start.starts import BOTO3, Runtime
from tests.infrastructure.templates import Assembly

COUNTED = ("order.api", "payment.webhook", "payment.subscriber")
"""The order API and the two heaviest others. `make bench-cold` counts all, which takes minutes."""


@pytest.mark.skipif(benchmark.interpreter() is None, reason=benchmark.NEEDED)
def test_heaviest_functions_start_within_their_bars_and_as_recorded(lasting: Assembly, tmp_path: Path) -> None:
    python = benchmark.interpreter()
    assert python is not None
    runtime, recorded = Runtime(python, tmp_path), benchmarks.read()["cold_start"]
    found = {function.name: runtime.function(function) for function in functions.deployed(lasting.folder, tmp_path)}
    counted = benchmark.instructions({BOTO3: runtime.boto3_alone(), **{name: found[name] for name in COUNTED}})
    [of_boto3] = [figure.value for figure in recorded.figures if figure.name == BOTO3]
    assert of_boto3 is not None
    figures = tuple(benchmark.figure(name, counted[name] / counted[BOTO3] * of_boto3) for name in COUNTED)
    result = Result(recorded.conditions, figures)
    assert list(benchmarks.missed(result)) == []
    assert list(benchmarks.worse(result, recorded)) == []


def test_functions_that_are_counted_are_the_heaviest() -> None:
    recorded = benchmarks.read()["cold_start"].figures
    barred = {figure.name: figure.value or 0 for figure in recorded if figure.bar == benchmark.BAR}
    assert set(sorted(barred, key=barred.__getitem__)[-2:]) == set(COUNTED[1:])
