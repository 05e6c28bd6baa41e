"""Business metrics as data, with their units and dimensions. `kernel/metrics.py` emits the measures."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["Count", "Milliseconds", "Seconds"]
"""The units of CloudWatch that are used."""


@dataclass(frozen=True)
class Metric:
    """A business metric. It has the dimension `service`, and at most one more, with the values `of`."""

    name: str
    unit: Unit
    meaning: str
    dimension: str | None = None
    of: tuple[str, ...] = ()
    """The values that the dimension can have, or examples where it can have many."""

    @property
    def series(self) -> int:
        """The number of metrics that CloudWatch bills for it, in an hour in which all of them are emitted."""
        return max(1, len(self.of))


@dataclass(frozen=True)
class Measure:
    """A value of a metric. `of` is the value of its dimension, if it has one."""

    metric: Metric
    value: int
    of: str = ""
