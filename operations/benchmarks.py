"""The figures of the benchmarks with their bars, and the record of the last ones in `data/benchmarks.json`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from operations.repository import REPOSITORY

RECORD: Final = REPOSITORY / "data" / "benchmarks.json"
TOLERANCE: Final = 0.03
"""How much worse than its record a figure may be, relative to the record."""


@dataclass(frozen=True)
class Figure:
    """A figure and its bar: the most that it may be, or the least. A figure without a bar is shown for comparison.

    The value is None if nothing measures it yet. A figure of time or memory is not exact: it differs between runs.
    """

    name: str
    unit: str
    value: float | None
    bar: float | None = None
    is_least: bool = False
    is_exact: bool = True

    @property
    def is_met(self) -> bool:
        """Whether the figure is measured and within its bar."""
        if self.bar is None:
            return True
        return self.value is not None and (self.value >= self.bar if self.is_least else self.value <= self.bar)

    def is_worse_than(self, recorded: "Figure") -> bool:
        """Return True if the figure is exact and has a bar, and is worse than the recorded one by more than the tolerance."""
        if not self.is_exact or self.bar is None or self.value is None or recorded.value is None:
            return False
        if self.is_least:
            return self.value < recorded.value * (1 - TOLERANCE)
        return self.value > recorded.value * (1 + TOLERANCE)

    @property
    def text(self) -> str:
        """The value as text, such as `29.53`."""
        return "missing" if self.value is None else _text(self.value)

    @property
    def limit(self) -> str:
        """The bar as text, such as `at most 33`; empty without one."""
        return "" if self.bar is None else f"at {'least' if self.is_least else 'most'} {_text(self.bar)}"


@dataclass(frozen=True)
class Result:
    """The figures of one benchmark, and the conditions that they were measured under, as text."""

    conditions: str
    figures: tuple[Figure, ...]


def read(file: Path = RECORD) -> Mapping[str, Result]:
    """Return the recorded results by the benchmarks' names."""
    return {
        name: Result(found["conditions"], tuple(Figure(**figure) for figure in found["figures"]))
        for name, found in json.loads(file.read_text(encoding="utf-8")).items()
    }


def write(results: Mapping[str, Result], file: Path = RECORD) -> None:
    """Write the results as the record."""
    document = {name: asdict(result) for name, result in results.items()}
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def missed(result: Result) -> Iterator[str]:
    """Yield a sentence for each figure that misses its bar."""
    for figure in result.figures:
        if not figure.is_met:
            yield f"{figure.name}: {figure.text} {figure.unit}. Its bar is {figure.limit}."


def worse(result: Result, recorded: Result) -> Iterator[str]:
    """Yield a sentence for each figure that is worse than the recorded one, if both were measured under the same conditions."""
    if result.conditions != recorded.conditions:
        return
    before = {figure.name: figure for figure in recorded.figures}
    for figure in result.figures:
        earlier = before.get(figure.name)
        if earlier is not None and figure.is_worse_than(earlier):
            yield f"{figure.name}: {figure.text} {figure.unit}. Its record is {earlier.text}."


def _text(value: float) -> str:
    return f"{value:,.10g}"
