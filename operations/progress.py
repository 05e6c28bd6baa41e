"""Progress reports of an operation. The caller passes in a reporter; `orderctl` shows it on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol


class Progress(Protocol):
    """A reporter of progress."""

    def step(self, doing: str) -> AbstractContextManager[None]:
        """Report `doing` while the block runs, then that it is done or has failed."""

    def bar(self, doing: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Report how far `doing` is while the block runs: it calls what it is given with how many of `total` are done."""

    def note(self, text: str) -> None:
        """Report something that is not a step."""

    def warning(self, what: str, why: str) -> None:
        """Report something that went wrong and that the operation goes on from."""


class Silent:
    """A reporter that reports nothing."""

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Run the block."""
        yield

    @contextmanager
    def bar(self, doing: str, total: int) -> Iterator[Callable[[int], None]]:
        """Run the block."""
        yield lambda done: None

    def note(self, text: str) -> None:
        """Drop the note."""

    def warning(self, what: str, why: str) -> None:
        """Drop the warning."""


SILENT: Final[Progress] = Silent()
