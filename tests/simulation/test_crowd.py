"""A crowd of orders costs what the model of the capacity says."""

from tests.benchmarks import capacity_model


def test_model_of_capacity_is_at_most_five_percent_off() -> None:
    figures = capacity_model.measure().figures
    assert [figure.name for figure in figures if not figure.is_met] == []
