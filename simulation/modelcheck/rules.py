"""The rules that a model runs by: the production tables' guards, and what an ablation or a mutation takes from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from kernel.transitions import Transition, TransitionTable
from services.inventory.domain.states import REPLENISHMENTS as REPLENISHMENT
from services.inventory.domain.states import TRANSITIONS as RESERVATION
from services.notification.domain.states import TRANSITIONS as NOTE
from services.order.domain.states import TRANSITIONS as ORDER
from services.payment.domain.states import TRANSITIONS as PAYMENT
from services.shipping.domain.states import TRANSITIONS as SHIPMENT

TABLES: Mapping[str, TransitionTable] = MappingProxyType(
    {table.aggregate: table for table in (ORDER, PAYMENT, RESERVATION, REPLENISHMENT, SHIPMENT, NOTE)}
)
"""The production tables by aggregate: ORDER, PAY, RES, REPL, SHIP, NOTE."""

STEPS: Mapping[str, Transition] = MappingProxyType(
    {f"{table.aggregate}.{step.name}": step for table in TABLES.values() for step in table.transitions}
)
"""Every transition of the production tables by its full name, `PAY.intend_void`."""

SOURCES: Mapping[str, frozenset[str]] = MappingProxyType({name: step.sources for name, step in STEPS.items()})


@dataclass(frozen=True)
class Rules:
    """The rules of a model.

    `sources` is the status guard of each transition; `unguarded` names transitions taken without the evidence that their
    guard demands in words. `without` names the removed rules (see ablation.py). `follows` are the events that the model
    follows to the bus and to their consumer.
    """

    sources: Mapping[str, frozenset[str]] = field(default_factory=lambda: SOURCES)
    unguarded: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    follows: frozenset[str] = frozenset()

    def permits(self, step: str, status: str, asked: bool, evidence: bool = True) -> bool:
        """Whether the transition `step` is taken from `status`: its command has arrived, and its guard holds."""
        return asked and status in self.sources[step] and (evidence or step in self.unguarded)

    def has(self, part: str) -> bool:
        """Whether that part of the protocol is in force."""
        return part not in self.without

    def with_sources(self, step: str, sources: frozenset[str]) -> "Rules":
        """Return the same rules with another status guard on one transition."""
        return replace(self, sources=MappingProxyType({**self.sources, step: sources}))


PRODUCTION = Rules()
