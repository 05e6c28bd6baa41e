"""The smoke order: one order that goes through a stage with sandboxes, and is cancelled again, after a deployment."""

from collections.abc import Iterator
from typing import Any

from kernel.statements import Quantity
from operations.aws import service_client
from operations.aws.service_client import Contact, Price
from operations.aws.target import Target
from operations.errors import UserError
from operations.polling import CLOCK, Clock, wait_for
from stages import Stage

SKU = "SMOKE-ORDER"
"""The SKU of the order. It has its own price and stock, so no stock of a customer is touched."""
PRICE = Price(sku=SKU, amount=100, currency="USD")
CUSTOMER = Contact(
    customer_id="smoke-order",
    name="Smoke Order",
    email="success@simulator.amazonses.com",  # SES's simulator of a mailbox: a mail to it counts no bounce
    address={"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"},
)
DEADLINE_SECONDS = 180.0
"""How long each step may take: three sweeps of a service that lost an event."""


def is_allowed(settings: Stage) -> bool:
    """Return whether a smoke order moves neither money nor parcels in the stage: gateway and carrier are sandboxes."""
    return (settings.gateway, settings.carrier) == ("sandbox", "sandbox")


def run(target: Target, settings: Stage, run_id: str, clock: Clock = CLOCK) -> Iterator[tuple[str, str]]:
    """Place an order, and cancel it once it is confirmed. Yield each step with its result.

    `run_id` makes the order's idempotency key. Raises UserError for a stage that would move money or parcels, and if a step
    does not succeed in time.
    """
    if not is_allowed(settings):
        raise UserError(
            f"A smoke order would be charged or shipped: stage {settings.name} has gateway {settings.gateway} and carrier "
            f"{settings.carrier}.",
            "Place it in a stage with the sandboxes. Check this one with `orderctl audit` and `orderctl alarms list`.",
        )
    service_client.set_prices(target, [PRICE])
    service_client.replenish(target, f"smoke-{run_id}", [Quantity(sku=SKU, quantity=1)])
    service_client.put_contact(target, CUSTOMER)
    yield "price, stock and contact", "saved"
    body = {
        "customer_id": CUSTOMER["customer_id"],
        "currency": PRICE["currency"],
        "lines": [{"sku": SKU, "quantity": 1}],
        "payment_token": "pm_card_visa",
    }
    placed = _answer(target, "POST", "/orders", body, {"Idempotency-Key": f"smoke-{run_id}"})
    order_id = str(placed["order_id"])
    yield f"order {order_id}", _reached(target, order_id, "CONFIRMED", clock)
    _answer(target, "POST", f"/orders/{order_id}/cancel", {})
    yield "its cancellation", _reached(target, order_id, "CANCELLED", clock)


def _reached(target: Target, order_id: str, status: str, clock: Clock) -> str:
    def look() -> str:
        return str(_answer(target, "GET", f"/orders/{order_id}")["status"])

    seen = wait_for(look, lambda found: found == status, DEADLINE_SECONDS, clock, every_seconds=2)
    if seen != status:
        raise UserError(
            f"Order {order_id} is {seen} after {DEADLINE_SECONDS:.0f} seconds, and should be {status}.",
            f"See `orderctl trace {order_id}` for its course.",
        )
    return seen


def _answer(
    target: Target, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    answer = service_client.order_api(target, method, path, body, headers)
    if answer.status >= 400:
        raise UserError(
            f"{method} {path} was answered by {answer.status}: {service_client.refusal(answer)}.", "See the log of order's api."
        )
    found = answer.json()
    return dict(found.get("order", found))
