"""Chance that depends on names alone: the same seed and name give the same draw, in any order.

So a run can be repeated with one order or one fault less, and the rest draws as it did before.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, TypeVar

T = TypeVar("T")
_SPAN: Final = float(1 << 64)


class Chance:
    """Draws under one seed, which is any text such as `1/world 17`."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._base = blake2b(seed.encode(), digest_size=8)

    def bits(self, name: str) -> int:
        """Draw 64 bits."""
        draw = self._base.copy()
        draw.update(name.encode())
        return int.from_bytes(draw.digest(), "big")

    def unit(self, name: str) -> float:
        """Draw a number from 0 up to 1, without 1."""
        return self.bits(name) / _SPAN

    def below(self, name: str, limit: int) -> int:
        """Draw an integer from 0 up to `limit`, without it."""
        return self.bits(name) % limit

    def between(self, name: str, least: float, most: float) -> float:
        """Draw a number from `least` to `most`."""
        return least + (most - least) * self.unit(name)

    def choice(self, name: str, options: Sequence[T]) -> T:
        """Draw one of `options`."""
        return options[self.bits(name) % len(options)]

    def weighted(self, name: str, options: Sequence[tuple[T, float]]) -> T:
        """Draw one of `options`, which are pairs of an option and its weight."""
        rest = self.unit(name) * sum(weight for _, weight in options)
        for option, weight in options:
            rest -= weight
            if rest < 0:
                return option
        return options[-1][0]

    def shuffled(self, name: str, things: Sequence[T]) -> list[T]:
        """Return the things in a drawn order."""
        left = list(things)
        return [left.pop(self.below(f"{name}:{position}", len(left))) for position in range(len(left))]
