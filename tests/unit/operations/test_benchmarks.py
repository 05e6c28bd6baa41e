"""Figures of benchmarks: within a bar or not, worse than the record or not, and recorded without a loss."""

from pathlib import Path

import pytest

from operations import benchmarks
from operations.benchmarks import Figure, Result


@pytest.mark.parametrize(
    ("figure", "is_met"),
    [
        (Figure("cost", "USD", 50.0, 50.0), True),
        (Figure("cost", "USD", 50.01, 50.0), False),
        (Figure("orders", "a minute", 10_000, 10_000, is_least=True), True),
        (Figure("orders", "a minute", 9_999, 10_000, is_least=True), False),
        (Figure("cost", "USD", None, 50.0), False),
        (Figure("boto3 alone", "USD", 24.0), True),
    ],
)
def test_bar_is_met_only_by_a_measured_figure_within_it(figure: Figure, is_met: bool) -> None:
    assert figure.is_met is is_met
    assert bool(list(benchmarks.missed(Result("", (figure,))))) is not is_met


@pytest.mark.parametrize(
    ("value", "recorded", "is_least", "is_worse"),
    [
        (103.0, 100.0, False, False),
        (103.1, 100.0, False, True),
        (50.0, 100.0, False, False),
        (97.0, 100.0, True, False),
        (96.9, 100.0, True, True),
        (None, 100.0, False, False),
        (103.1, None, False, False),
    ],
)
def test_figure_may_be_three_percent_worse_than_its_record(
    value: float | None, recorded: float | None, is_least: bool, is_worse: bool
) -> None:
    now, before = (Result("", (Figure("cost", "USD", each, 1.0, is_least),)) for each in (value, recorded))
    assert bool(list(benchmarks.worse(now, before))) is is_worse


def test_figure_without_a_bar_or_a_record_is_never_worse() -> None:
    shown, new = Figure("boto3 alone", "x", 30.0), Figure("order.api", "x", 30.0, 33.0)
    assert list(benchmarks.worse(Result("", (shown, new)), Result("", (Figure("boto3 alone", "x", 20.0),)))) == []


def test_figure_that_is_not_exact_is_compared_with_its_bar_only() -> None:
    now, before = (Result("", (Figure("restore", "x", value, 0.12, is_exact=False),)) for value in (0.11, 0.09))
    assert list(benchmarks.missed(now)) == list(benchmarks.worse(now, before)) == []


def test_figure_under_other_conditions_is_not_compared() -> None:
    figures = [(Figure("order.api", "x", value, 33.0),) for value in (38.0, 29.0)]
    now, before = Result("Python 3.13.9", figures[0]), Result("Python 3.13.0", figures[1])
    assert list(benchmarks.worse(now, before)) == []


def test_sentence_names_figure_bar_and_record() -> None:
    now = Result("", (Figure("capacity", "orders a minute", 9_000, 10_000, is_least=True),))
    before = Result("", (Figure("capacity", "orders a minute", 12_000, 10_000, is_least=True),))
    assert list(benchmarks.missed(now)) == ["capacity: 9,000 orders a minute. Its bar is at least 10,000."]
    assert list(benchmarks.worse(now, before)) == ["capacity: 9,000 orders a minute. Its record is 12,000."]


def test_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.json"
    results = {"cost": Result("prices of us-east-1", (Figure("happy", "USD", 82.7, 50.0), Figure("large", "orders", None)))}
    benchmarks.write(results, file)
    assert benchmarks.read(file) == results
