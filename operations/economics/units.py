"""The units that one order costs on each path, as the simulation counted them: `python -m simulation count` writes the file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).with_name("units.json")


@dataclass(frozen=True)
class Spent:
    """So many units of one kind, the function or service that spends them, where, and the promise that they are spent for."""

    by: str
    unit: str
    where: str
    promise: str
    quantity: float

    @property
    def module(self) -> str:
        """The function's module: `relay` of `order-relay`; empty for a service."""
        return self.by.partition("-")[2]


@dataclass(frozen=True)
class PathUnits:
    """One order's units on a path. `reads` and `writes` are requests to DynamoDB."""

    name: str
    meaning: str
    status: str
    reads: int
    writes: int
    requests: Mapping[str, tuple[int, int]]
    """The reads and the writes of each function."""
    hottest: Mapping[str, int]
    """The most write units that one row takes, by the row's table and kind: `inventory SKU`."""
    lines: Sequence[Spent]

    def total(self, unit: str, *, by: str = "", where: str = "") -> float:
        """Return the units of one kind, of one function or in one place if given."""
        return sum(
            line.quantity for line in self.lines if line.unit == unit and by in ("", line.by) and where in ("", line.where)
        )


def counted(file: Path = FILE) -> Mapping[str, PathUnits]:
    """Return the units of each path, by the path's name."""
    found = json.loads(file.read_text(encoding="utf-8"))
    return {
        name: PathUnits(name, **{**path, "lines": [Spent(**line) for line in path["lines"]]}) for name, path in found.items()
    }
