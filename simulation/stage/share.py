"""A share of many cases: CI runs one with each commit, and a make target runs all."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """Share number `part`, counted from 1, of `of` shares."""

    part: int
    of: int

    def __str__(self) -> str:
        return f"{self.part}/{self.of}"

    def among(self, cases: Sequence[T]) -> Sequence[T]:
        """Return the cases of this share."""
        return cases[self.part - 1 :: self.of]


ALL: Final = Share(1, 1)


def parse(text: str) -> Share:
    """Return the share that `2/7` names, the second of seven. Raises argparse.ArgumentTypeError."""
    part, _, of = text.partition("/")
    if not (part.isascii() and part.isdecimal() and of.isascii() and of.isdecimal() and 1 <= int(part) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is no share; 2/7 is the second of seven, and 1/1 is all")
    return Share(int(part), int(of))
