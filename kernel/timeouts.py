"""How long the functions' clients wait, as plain numbers: the time budgets are computed from them, and asserted at synth."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from kernel.errors import BugError


@dataclass(frozen=True)
class Patience:
    """A client's attempts in all, and the seconds each waits for a connection and for an answer."""

    attempts: int
    connect: float
    read: float

    @property
    def once(self) -> float:
        """The seconds of one attempt."""
        return self.connect + self.read

    @property
    def seconds(self) -> float:
        """The longest a call takes, with the back-off of botocore's standard mode: up to 1 s, then 2 s, then 4 s."""
        return self.attempts * self.once + sum(2.0**retry for retry in range(self.attempts - 1))


DYNAMODB: Final = Patience(attempts=3, connect=0.5, read=1.0)
EVENTS: Final = Patience(attempts=3, connect=1.0, read=3.0)
SQS: Final = Patience(attempts=3, connect=1.0, read=3.0)
FUNCTIONS: Final = Patience(attempts=2, connect=1.0, read=3.0)
SES: Final = Patience(attempts=1, connect=1.0, read=5.0)
SECRETS: Final = Patience(attempts=3, connect=1.0, read=2.0)
CONNECT_SECONDS: Final = 1.0
"""For a connection to Step Functions, and to the outside world."""


SWEEP_BEGINS_SECONDS: Final = 25
"""How long a sweep begins rows; what it does not begin is the next sweep's."""
REPUBLISH_SECONDS: Final = 10
"""The time that a sweep keeps, after its last row, to publish stale outboxes."""


class OverBudgetError(BugError):
    """A step can take longer than its caller waits."""


def assert_ascending(*ladder: tuple[str, float]) -> None:
    """Raise OverBudgetError naming the first rung, in seconds, that is longer than the next above it."""
    for (what, lower), (above, upper) in pairwise(ladder):
        if lower > upper:
            raise OverBudgetError(f"{what} takes up to {lower:g} s, but {above} is {upper:g} s")
