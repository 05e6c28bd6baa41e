"""What the customer reads: a subject and a plain text for each kind of mail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.kernel.events import DomainEvent
from services.kernel.money import Money

KINDS = {"OrderConfirmed": "confirmed", "OrderCancelled": "cancelled", "ShipmentDispatched": "dispatched"}
"""The kind of mail that each event calls for. There is one mail of a kind per order at most."""

REASONS = {
    "PAYMENT_DECLINED": "your payment was declined",
    "PAYMENT_UNAVAILABLE": "we could not reach your payment provider",
    "PAYMENT_VOIDED": "the payment was withdrawn",
    "OUT_OF_STOCK": "something you ordered is no longer in stock",
    "INVENTORY_UNAVAILABLE": "we could not set your goods aside",
    "STOCK_RELEASED": "your goods could no longer be kept for you",
    "CAPTURE_REFUSED": "your payment provider refused the payment",
    "CUSTOMER": "you asked us to",
    "OPERATOR": "we had to",
    "EXPIRED": "it could not be completed in time",
    "NO_ADDRESS": "we have no address to send it to",
    "CARRIER_REFUSED": "our carrier does not go to your address",
}
"""OrderCancelled's reasons in a customer's words."""


@dataclass(frozen=True)
class Mail:
    """A mail ready to be sent. It greets a person, so it enters no log and no row (its text is not in the repr)."""

    subject: str
    text: str = field(repr=False)


SUBJECTS = {
    "confirmed": "Your order {order_id} is confirmed",
    "cancelled": "Your order {order_id} is cancelled",
    "dispatched": "Your order {order_id} is on its way",
}

TEXTS = {
    "confirmed": (
        "Hello {name},\n\nthank you for your order {order_id}. It is confirmed:\n\n{lines}\n\nTotal: {total}\n\n"
        "We write again when it is on its way.\n"
    ),
    "cancelled": "Hello {name},\n\nyour order {order_id} of {total} is cancelled, because {reason}. {confirmed}\n",
    "dispatched": "Hello {name},\n\nyour order {order_id} is on its way. The carrier's tracking number is {tracking}.\n",
}

WORDS: Mapping[str, Callable[[Any], str]] = {
    "lines": lambda lines: "\n".join(f"  {line['quantity']} x {line['sku']}" for line in lines),
    "total": lambda total: str(Money.from_dict(total)),
    "reason": lambda reason: REASONS[reason],
    "confirmed": lambda confirmed: "We give you your money back." if confirmed else "You pay nothing for it.",
    "tracking": str,
}
"""How a field of an event's data is said in a mail."""


def compose(kind: str, name: str, event: DomainEvent) -> Mail:
    """The mail of `kind` to the person `name`, about the event's order."""
    said = {part: say(event.data[part]) for part, say in WORDS.items() if part in event.data}
    fields = {"order_id": event.order_id, "name": name, **said}
    return Mail(SUBJECTS[kind].format(**fields), TEXTS[kind].format(**fields))
