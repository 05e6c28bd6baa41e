"""A flash sale sells every unit once, and its orders write many keys: the benchmark's bars, with fewer sales."""

from tests.benchmarks import flash_sale


def test_figures_of_forty_sales_meet_their_bars() -> None:
    figures = flash_sale.measure(sales=40).figures
    assert [figure.name for figure in figures if not figure.is_met] == []
