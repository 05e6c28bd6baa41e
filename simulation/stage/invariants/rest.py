"""Rest: no work is left to do in a world, except work that waits for the operator."""

import json
from typing import TYPE_CHECKING

from simulation.stage.invariants.record import Record, RowKey
from simulation.stage.invariants.rows import GOING_BACK, status_of, text_of

if TYPE_CHECKING:
    from simulation.stage.world import World


class Rest:
    """The work that is left in one world."""

    def __init__(self, world: "World", record: Record) -> None:
        self.world = world
        self.record = record
        self.outside = 0
        """The number of customers and other outsiders who have not finished."""

    def unrest(self) -> str | None:
        """Return the reason why the world is not at rest, or None."""
        world = self.world
        if self.outside or world.functions.running or world.workflow.running or world.network.copies or world.bus.in_flight:
            return (
                f"{self.outside} customers, {world.functions.running} functions, {world.workflow.running} workflows, "
                f"{world.network.copies} late requests, {world.bus.in_flight} deliveries under way"
            )
        for queue in world.queues.values():
            if queue.messages:
                return f"{len(queue.messages)} messages in {queue.name}"
        if any(not stream.quiet for stream in world.streams.values()):
            return "a stream is being read"
        rows = self.record.tables["inventory"].rows
        due = [key for key, row in rows.items() if key.startswith("SKU#") and "next_due" in row]
        if due:
            return f"no sweeper has looked at {sorted(due)}"
        unfinished = self._unfinished()
        if self.record.pending or unfinished:
            return f"unfinished: {unfinished[:5]}, pending: {sorted(self.record.pending)[:5]}"
        return None

    def never_comes(self) -> None:
        """Fail because the world does not come to rest. Name the unfinished rows and the running work."""
        waiting = {name: len(queue.messages) for name, queue in self.world.queues.items() if queue.messages}
        left = f"unfinished: {self._unfinished()[:5]}, pending: {sorted(self.record.pending)[:5]}, messages: {waiting}"
        self.record.fail("every_order_ends", f"after {self.world.minutes} minutes: {left}; {self.unrest()}")

    def check_orders(self) -> None:
        """Check at rest that the sweeper's index has only orders that wait for other services."""
        for order_id, order in sorted(self.record.orders.items()):
            if "next_due" in order and status_of(order) not in GOING_BACK:
                self.record.fail("every_order_ends", f"{order_id} is {status_of(order)} and still in the sweeper's index")

    def _unfinished(self) -> list[RowKey]:
        return [row for row in sorted(self.record.unfinished) if not self._waits_for_operator(*row)]

    def _waits_for_operator(self, table: str, key: str) -> bool:
        """Return True if only the operator can finish the row.

        An order waits for another attempt at its refund. A note that is certainly unsent waits for the redrive or the
        replay of its event, once that is a dead letter or has expired in the queue.
        """
        if table == "notification":
            note = self.record.tables[table].rows[key]
            return status_of(note) == "UNSENT" and str(text_of(note, "causation_id")) in self._undelivered(
                "notification-notices"
            )
        order_id = key.partition("#")[2]
        if table != "order" or status_of(self.record.orders[order_id]) not in GOING_BACK:
            return False
        return self.record.payment(order_id) == "REFUND_REFUSED"

    def _undelivered(self, name: str) -> set[str]:
        """Return the ids of the events that left the queue of that name without success."""
        queue = self.world.queues[name]
        bodies = (json.loads(letter.body) for letter in (*queue.dead, *queue.expired))
        return {body["detail"]["metadata"]["event_id"] for body in bodies if "metadata" in body.get("detail", {})}
