"""A stretch of time that an operator looks into or replays."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Window:
    """From `start` (inclusive) to `end` (exclusive), UTC."""

    start: datetime
    end: datetime
