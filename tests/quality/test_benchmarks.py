"""The record of the benchmarks: it has every figure, and those that are computed in a moment are not worse than recorded.

After a change that is meant, record the figures anew, build the page, and review the difference:

- `.venv/bin/python -m tests.benchmarks cost capacity --write`
- `.venv/bin/orderctl docs build`
"""

import pytest

from operations import benchmarks
from orderctl.reference import performance
from tests.benchmarks.__main__ import BENCHMARKS

EXACT = ("cost", "capacity")


def test_each_benchmark_is_recorded_and_on_the_page() -> None:
    assert list(benchmarks.read()) == list(BENCHMARKS)
    assert list(performance.SECTIONS) == list(BENCHMARKS)


@pytest.mark.parametrize("name", EXACT)
def test_exact_figures_are_not_worse_than_recorded(name: str) -> None:
    result, recorded = BENCHMARKS[name](), benchmarks.read()[name]
    assert [figure.name for figure in result.figures] == [figure.name for figure in recorded.figures]
    assert list(benchmarks.worse(result, recorded)) == []
