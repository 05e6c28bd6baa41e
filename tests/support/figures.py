"""Measured figures beside their bars, which tests record as a property and the run prints at its end."""

from collections.abc import Callable, Iterable
from typing import Final

import pytest

FIGURE: Final = "figure"
"""The name of the property. Reports carry it from the processes of a parallel run."""
RecordFigure = Callable[[str, object], None]
"""pytest's `record_property`."""


def recorded(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return the figures that tests recorded, each text once."""
    found = [str(value) for report in reports for name, value in report.user_properties if name == FIGURE]
    return list(dict.fromkeys(found))
