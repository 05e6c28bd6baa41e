"""The steps of a run: always hashed, and kept as text on request."""

from hashlib import sha256

from simulation.engine.scheduler import SECOND


class History:
    """The steps of one world, each a simulated time and a line of text. `lines` has them only if the history is `kept`."""

    def __init__(self, *, kept: bool = False) -> None:
        self.kept = kept
        self.lines: list[str] = []
        self.steps = 0
        self._hash = sha256()

    def add(self, now: int, text: str) -> None:
        """Add a step at a simulated time, in microseconds."""
        line = f"{now} {text}\n"
        self._hash.update(line.encode())
        self.steps += 1
        if self.kept:
            self.lines.append(f"{now / SECOND:12.6f}  {text}")

    def digest(self) -> str:
        """Return a digest that two runs share if and only if they took the same steps at the same times."""
        return self._hash.hexdigest()
