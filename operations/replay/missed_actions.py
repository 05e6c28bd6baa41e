"""The mails and parcels that a replay would make in a catch-up: the actions of the window's events that left no row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypedDict

from kernel.batch_reads import MOST_KEYS
from operations.aws.target import Target
from operations.contracts.subscriptions import consumers
from operations.distinct import Distinct
from operations.events.journal import Published
from operations.orders import store
from services.notification.domain.mails import KINDS
from services.notification.domain.states import UNSENT

ROW_OF: Final[Mapping[str, Callable[[Published], str]]] = {
    "notification/notices": lambda event: f"NOTE#{event.metadata.get('order_id')}#{KINDS[event.detail_type]}",
    "shipping/orders": lambda event: f"SHIP#{event.metadata.get('order_id')}",
}
"""The key of the row that the action for an event leaves, by the consumer that acts."""


class Missed(TypedDict):
    """How many mails, and how many parcels, are missing. None for a service that makes none.

    Consumers ask the order first, so those of an order that was cancelled meanwhile count here, and are not made.
    """

    mails: int | None
    parcels: int | None


@dataclass
class MissedActions:
    """The count of missing mails and parcels. It takes the events of the window one by one, reads rows, and writes nothing.

    `seen` remembers the actions.
    """

    target: Target
    services: Sequence[str]
    seen: Distinct
    _missing: dict[str, int] = field(default_factory=dict)
    _waiting: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._acting = [consumer for consumer in consumers(dict.fromkeys(self.services)) if consumer.name in ROW_OF]

    def add(self, event: Published) -> None:
        """Count an event. Events that call for no mail and no parcel count nothing."""
        for consumer in self._acting:
            if consumer.takes(event.event):
                self._expect(consumer.service, ROW_OF[consumer.name](event))

    def total(self) -> Missed:
        """Return the sums."""
        return {"mails": self._total("notification"), "parcels": self._total("shipping")}

    def _total(self, service: str) -> int | None:
        if service not in self.services:
            return None
        self._judge(service)
        return self._missing[service]

    def _expect(self, service: str, pk: str) -> None:
        """Remember the row that the action leaves, and read the rows once there are enough."""
        if self.seen.add(service, pk):
            waiting = self._waiting.setdefault(service, [])
            waiting.append(pk)
            if len(waiting) == MOST_KEYS:
                self._judge(service)

    def _judge(self, service: str) -> None:
        expected = self._waiting.pop(service, [])
        rows = store.of_keys(self.target, service, expected, ("status",))
        done = sum(row["status"] != UNSENT for row in rows)
        self._missing[service] = self._missing.get(service, 0) + len(expected) - done
