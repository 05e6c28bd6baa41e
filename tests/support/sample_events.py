"""Real events of the payment service, for the kernel's tests."""

import json

from kernel.events import DomainEvent

ORDER = "ord-" + "a" * 26
TOTAL = {"amount": 4998, "currency": "USD"}


def authorized(version: int = 2, order_id: str = ORDER) -> DomainEvent:
    """Return a PaymentAuthorized that its schema accepts."""
    return DomainEvent(
        source="orderflow.payment",
        detail_type="PaymentAuthorized",
        event_id=f"PAY#{order_id}#{version}",
        occurred_at="2026-11-23T12:00:00.000Z",
        correlation_id="correlation-1",
        causation_id="request-1",
        order_id=order_id,
        data={"total": TOTAL},
    )


def message(event: DomainEvent, **envelope: object) -> str:
    """Return the SQS body that a rule writes for the event."""
    return json.dumps({"source": event.source, "detail-type": event.detail_type, "detail": event.detail(), **envelope})
