"""Invariants of the model, by their names in `audit.catalogue`, and violations: the states that break them, in words."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from audit.catalogue import BY_NAME

Facts = TypeVar("Facts")


@dataclass(frozen=True)
class Violation:
    """An invariant that does not hold. `stricter`: the model checker's own form of it, which covers more states."""

    name: str
    state: str
    stricter: bool = False

    @property
    def code(self) -> str:
        """The invariant's code, with a star for the stricter form: `M4*` for `cancelled_order_keeps_no_money`."""
        return f"{BY_NAME[self.name].code}{'*' if self.stricter else ''}"

    def once(self, condition: str) -> "Violation":
        """Return the same violation of a state that is reached once this has happened."""
        return replace(self, state=f"{self.state}, once {condition}")

    def __str__(self) -> str:
        return f"{self.name} ({self.code}): {self.state}"


@dataclass(frozen=True)
class Check(Generic[Facts]):
    """An invariant, the words for a state that breaks it, and whether it holds of the facts of a state."""

    name: str
    state: str
    holds: Callable[[Facts], bool]
    stricter: bool = False

    @property
    def violation(self) -> Violation:
        """The violation by a state that breaks it."""
        return Violation(self.name, self.state, self.stricter)
