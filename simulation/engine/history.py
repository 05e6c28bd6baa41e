"""The steps of a run: always hashed, and kept as text if a person is to read them."""

from dataclasses import dataclass, field
from hashlib import sha256

from simulation.engine.scheduler import SECOND


@dataclass
class History:
    """The steps of one world, each a simulated time and a line of text."""

    kept: bool = False
    lines: list[str] = field(default_factory=list)
    steps: int = 0
    _hash: "sha256" = field(default_factory=sha256)  # type: ignore[valid-type]

    def add(self, now: int, text: str) -> None:
        """Write down a step."""
        line = f"{now} {text}\n"
        self._hash.update(line.encode())  # type: ignore[attr-defined]
        self.steps += 1
        if self.kept:
            self.lines.append(f"{now / SECOND:12.6f}  {text}")

    def digest(self) -> str:
        """Return a digest that two runs share if and only if they took the same steps at the same times."""
        return str(self._hash.hexdigest())  # type: ignore[attr-defined]
