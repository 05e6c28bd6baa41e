"""Answers: the statements of the stage to clients, to the carrier, and from the order to payment and inventory."""

from collections.abc import Mapping
from typing import Any

from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import amount_of, lines_of, original_of, status_of

TRUE_ORDER = "response_shows_a_true_order"


class Answers:
    """The answers of one world. Simulated clients report each answer that they get."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def ended(self, client: str, order_id: str, claimed: str) -> None:
        """Check an answer that the order has ended. A confirmed one may have been cancelled since."""
        status = status_of(self.record.orders.get(order_id))
        was_confirmed = claimed == "CONFIRMED" and "CONFIRMING→CONFIRMED" in self.record.histories.get(order_id, [])
        if status != claimed and not was_confirmed:
            self.record.fail(TRUE_ORDER, f"{client} got the answer that {order_id} is {claimed}; it is {status}")

    def lacks_contact(self, customer_id: str, order_id: str, *, was_placed: bool) -> None:
        """Check a refusal for want of a contact: the customer had none, and the order did not exist yet."""
        if was_placed or customer_id not in self.record.forgotten:
            self.record.fail(
                TRUE_ORDER, f"customer {customer_id} got the answer that {order_id} lacks a contact, which it does not"
            )

    def asked_for(self, payload: Mapping[str, Any]) -> None:
        """Check that an order asks payment and inventory for its original lines and total, whatever it is for by now."""
        order_id = str(payload.get("order_id"))
        order = self.record.orders.get(order_id)
        if order is None:
            return
        original = original_of(order)
        payable, wanted = payload.get("payable"), payload.get("wanted")
        if payable and payable["total"]["amount"] != amount_of(original)[0]:
            self.record.fail(TRUE_ORDER, f"{order_id} asks for {payable['total']}, and was placed for {amount_of(original)}")
        lines = dict(lines_of(original))
        if wanted and {line["sku"]: line["quantity"] for line in wanted["lines"]} != lines:
            self.record.fail(TRUE_ORDER, f"{order_id} asks for {wanted['lines']}, and was placed for {lines}")

    def webhook_answered(self, order_id: str, status: int, *, forged: bool) -> None:
        """Check that the webhook accepts a call of the carrier, and refuses a forged one."""
        if status not in ((400,) if forged else (200, 409)):
            caller = "a stranger" if forged else "the carrier"
            self.record.fail(
                "carrier_webhook_accepts_only_the_carrier",
                f"{caller} reported the parcel of {order_id}, and was answered {status}",
            )
