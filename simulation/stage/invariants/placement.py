"""The placement of orders: one order for each idempotency key of a customer or channel."""

import base64
import hashlib
from collections.abc import Mapping

from simulation.engine.dynamodb import Change
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import lines_of, original_of, text_of

NAME = "one_order_per_idempotency_key"
KEPT_BYTES = 18
"""How much of the SHA-256 of a key an order keeps."""


class Placement:
    """The idempotency keys of one world."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.placed: dict[tuple[str, str, str], str] = {}
        """By channel, customer (empty for a channel's order) and hash of the key, the order."""

    def order_written(self, order_id: str, change: Change) -> None:
        """Check that a new order has a key of its own, and that an order stays the order of its request."""
        if change.old is None:
            channel = str(text_of(change.new, "channel"))
            customer_id = str(text_of(change.new, "customer_id")) if channel == "api" else ""
            key = (channel, customer_id, str(text_of(change.new, "key_hash")))
            other = self.placed.setdefault(key, order_id)
            if other != order_id:
                self.record.fail(NAME, f"{key} has two orders, {other} and {order_id}")
        elif text_of(change.old, "request_hash") != text_of(change.new, "request_hash"):
            self.record.fail(NAME, f"{order_id} became another request's")

    def answered(self, client: str, order_id: str, lines: list[tuple[str, int]], *, refused: bool) -> None:
        """Check that a client's request was refused by 422 if and only if its key belongs to another request."""
        order = self.record.orders.get(order_id)
        kept = lines_of(original_of(order)) if order else None
        if refused == (kept == lines):
            answer = "refused" if refused else "not refused"
            self.record.fail(NAME, f"{client} asked for {lines} as {order_id}, which is {kept}, and was {answer}")

    def order_of_channel(self, channel: str, data: object) -> str | None:
        """Return the order that was placed under the key in the data of a channel's event."""
        if not isinstance(data, Mapping):
            return None
        digest = hashlib.sha256(f"channel:{channel}\n{data.get('idempotency_key')}".encode()).digest()
        return self.placed.get((channel, "", base64.urlsafe_b64encode(digest[:KEPT_BYTES]).decode()))
