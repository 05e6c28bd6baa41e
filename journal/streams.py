"""The delivery streams' shares of the events, by the last digit of the bus's envelope id.

An envelope id is a UUID, so its last digit spreads events evenly. One stream has a quota; more streams bear more events.
"""

from collections.abc import Sequence
from typing import Final

DIGITS: Final = "0123456789abcdef"

Matchers = list[dict[str, object]]
"""The matchers of one field of an event pattern. One that matches is enough."""


def id_matchers(streams: int) -> Sequence[Matchers | None]:
    """Return the matchers of `id` for each of so many streams, at most 16. None matches every id.

    Each event, with an id of any form or none, belongs to exactly one stream: the first takes what the others leave.
    """
    if streams == 1:
        return [None]
    shares = [DIGITS[number::streams] for number in range(streams)]
    others = [digit for share in shares[1:] for digit in share]
    rest: Matchers = [{"anything-but": {"suffix": others}}, {"exists": False}]
    return [rest, *map(_with_last_digit, shares[1:])]


def _with_last_digit(digits: str) -> Matchers:
    return [{"suffix": digit} for digit in digits]
