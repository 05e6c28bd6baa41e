"""Deliveries: each message is processed or set aside, and a bad one harms no other message of its batch."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from simulation.engine.expressions import Item
from simulation.engine.faults import Mode
from simulation.engine.functions import Answered
from simulation.engine.queues import Message, Queue
from simulation.stage.invariants.placement import Placement
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import fulfilment_of, lines_of, original_of, status_of, text_of
from simulation.stage.strangers import STRANGER

RETURNED: Final = {"CarrierUnavailableError", "ClaimInProgressError", "ContactNotYetError"}
"""Errors, with all derived from them, by which a subscriber returns a message although neither it nor its batch is bad."""
SILENT: Final = (Mode.LOST, Mode.ANSWER_LOST, Mode.SLOW)
"""How a call gets no answer, or none in time."""


class Deliveries:
    """The messages of one world. `row_failed` says if requests about a row of the order with this id ever failed."""

    def __init__(self, record: Record, placement: Placement, row_failed: Callable[[str], bool]) -> None:
        self.record = record
        self.placement = placement
        self.row_failed = row_failed
        self.returned: dict[str, int] = defaultdict(int)
        """By batch, the messages that only wait for another delivery of the same."""

    def failed(self, invocation: str, error: BaseException) -> None:
        """Record an error by which a subscriber returns a message."""
        if not RETURNED.isdisjoint(kind.__name__ for kind in type(error).__mro__):
            self.returned[invocation.rpartition(" > ")[0]] += 1

    def bad_message_blocks_no_other(self, queue: Queue) -> None:
        """Check that only a fault cut a batch of the queue, or made a message of it fail."""
        for name, batch, answered, struck in queue.batches:
            about = [message.about for message in batch]
            wrong = None
            if answered is None and not any(self._may_cut(boundary, name) for boundary in struck):
                silent = ", ".join(boundary for boundary in struck if " > gateway " in boundary) or "nothing"
                wrong = f"a batch of {about} was cut, and {silent} struck it"
            if answered is not None and not struck and self._failures(batch, answered) > self.returned[name]:
                wrong = f"a batch of {about} failed, and nothing struck it"
            if wrong:
                self.record.fail("bad_message_blocks_no_other", f"{queue.name}: {wrong}")

    def _may_cut(self, boundary: str, batch: str) -> bool:
        """Return True if a fault there may cut the function that has the batch. A gateway without an answer must not."""
        mode = self.record.struck[boundary]
        return mode is Mode.CLOCK_JUMP or (boundary.startswith(batch) and not (mode in SILENT and " > gateway " in boundary))

    def _failures(self, batch: list[Message], answered: Answered) -> int:
        """Return the number of failed messages in a batch whose orders have no failing row."""
        failed = {failure["itemIdentifier"] for failure in answered.value["batchItemFailures"]}
        return sum(message.id in failed and not self._failed_by_row(message) for message in batch)

    def _failed_by_row(self, message: Message) -> bool:
        """Return True if a row of the message's order ever failed. A channel's event names its key, not its order."""
        event = json.loads(message.body)
        channel = str(event["source"]).removeprefix("orderflow.channel.")
        from_channel = channel != event["source"]
        order_id = self.placement.order_of_channel(channel, event["detail"].get("data")) if from_channel else None
        return self.row_failed(order_id or message.body)

    def every_event_is_processed(self, queue: Queue) -> None:
        """Check that each event that reached the queue was processed, or is in its dead-letter queue."""
        dead = {json.dumps(json.loads(letter.body)["detail"]) for letter in (*queue.dead, *queue.expired)}
        for event_id, body in sorted(queue.arrived.items()):
            envelope = json.loads(body)
            if event_id.startswith(STRANGER):
                continue
            if json.dumps(envelope["detail"]) not in dead and not self._processed(queue.name, envelope):
                self.record.fail(
                    "every_event_is_published_and_processed",
                    f"{event_id} came to {queue.name}, and was neither processed nor set aside",
                )

    def _processed(self, queue: str, envelope: Mapping[str, Any]) -> bool:
        detail_type, detail = envelope["detail-type"], envelope["detail"]
        order_id = detail["metadata"].get("order_id", "")
        match queue:
            case "shipping-bookings":
                return self.record.shipment(order_id) != "CREATED"
            case "shipping-orders" | "shipping-cancellations":
                return f"SHIP#{order_id}" in self.record.tables["shipping"].rows
            case "payment-cancellations":
                return not detail["data"].get("confirmed") or self.record.payment(order_id) != "CAPTURED"
            case "inventory-cancellations":
                return not detail["data"].get("confirmed") or self.record.reservation(order_id) != "COMMITTED"
            case "notification-notices":
                kinds = import_module("services.notification.domain.mails").KINDS
                return f"NOTE#{order_id}#{kinds[detail_type]}" in self.record.tables["notification"].rows
            case "order-fulfilment":
                return _shows_effect(self.record.orders[order_id], detail_type)
            case "order-intake":
                return self._placed(str(envelope["source"]).removeprefix("orderflow.channel."), detail["data"])
        raise AssertionError(f"the queue {queue} is unknown here")

    def _placed(self, channel: str, data: Mapping[str, Any]) -> bool:
        """Return True if the channel's key has an order, and it is the one that the event asks for."""
        order = self.record.orders.get(self.placement.order_of_channel(channel, data) or "")
        if order is None:
            return False
        lines = {line["sku"]: line["quantity"] for line in data["lines"]}
        about = [text_of(order, name) for name in ("customer_id", "payment_token")]
        return dict(lines_of(original_of(order))) == lines and about == [data["customer_id"], data["payment_token"]]


def _shows_effect(order: Item, detail_type: str) -> bool:
    """Return True if the order shows the event's effect, or is beyond it."""
    status = status_of(order)
    return {
        "ShipmentDispatched": fulfilment_of(order) >= 1,
        "ShipmentDelivered": fulfilment_of(order) >= 2,
        "ShipmentCancelled": status in ("REFUNDING", "CANCELLED"),
        "ShipmentFailed": status in ("REFUNDING", "CANCELLED"),
        "PaymentRefunded": status == "CANCELLED" or "refunded" in order,
        "StockAllocated": status != "BACKORDERED",
        "StockReleased": status != "REFUNDING" or "restocked" in order,
    }[detail_type]
