"""Forged events on the bus of a deployed stage: each is accepted by the bus, and none moves money, goods or a parcel.

The laptop's AWS enforces no policy, so the consumers alone stand in the way here.
"""

import json
import uuid
from typing import Any

from kernel.schemas import newest_version
from operations.aws import stage_state
from tests.support.polling import eventually
from tests.system.conftest import MUG, Laptop
from tests.system.test_shipments import advanced

UNKNOWN = "ord-" + ("forgery" * 4)[:26]
"""The order of a forged OrderPlaced. The laptop's bus takes and archives the event, so a replay has it too."""


def forged(source: str, detail_type: str, order_id: str, **data: Any) -> dict[str, Any]:
    """Return an entry for PutEvents, as a stranger would write it."""
    metadata = {
        "event_id": f"FORGED#{uuid.uuid4().hex}#1",
        "event_version": newest_version(source, detail_type),
        "occurred_at": "2026-11-23T04:05:06Z",
        "order_id": order_id,
        "correlation_id": "forged",
        "causation_id": "forged",
    }
    detail = json.dumps({"metadata": metadata, "data": data})
    return {"Source": source, "DetailType": detail_type, "Detail": detail}


def rows_of(laptop: Laptop, order_id: str) -> dict[str, list[Any]]:
    """Every row about the order, in all tables."""
    return {
        table: [row for row in rows if order_id in json.dumps(row, default=str)]
        for table, rows in stage_state.all_rows(laptop.target).items()
        if not table.startswith("journal")
    }


def letters_about(laptop: Laptop, queue: str, order_id: str) -> list[str]:
    """Return the reasons of the dead letters about the order, and remove these from the queue."""
    url, sqs = laptop.target.parameter(f"{queue}-dlq-url"), laptop.target.client("sqs")
    found = []
    while messages := sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10, VisibilityTimeout=30
    ).get("Messages"):
        for message in messages:
            if order_id in message["Body"]:
                found.append(str(message["MessageAttributes"]["reason"]["StringValue"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def delivered(laptop: Laptop) -> str:
    """Return the id of a confirmed order with a delivered parcel."""
    order_id = str(laptop.place().json()["order_id"])
    eventually(lambda: advanced(laptop, order_id), 240, "the parcel has come")

    def fulfilled() -> bool:
        row = laptop.row("order", f"ORDER#{order_id}") or {}
        assert row.get("fulfilment") == "DELIVERED", row.get("fulfilment")
        return True

    eventually(fulfilled, 240, "the order knows of it")
    return order_id


def test_forged_events_move_nothing(laptop: Laptop) -> None:
    total = {"amount": MUG[1], "currency": "USD"}
    lines = [{"sku": MUG[0], "quantity": 100}]
    declined = laptop.place(token="pm_card_declined").json()["order"]["order_id"]
    gone = delivered(laptop)
    laptop.quiet()
    before = {order_id: rows_of(laptop, order_id) for order_id in (declined, gone, UNKNOWN)}
    confirmed = {"customer_id": "alice", "lines": lines, "total": total}
    cancelled = {"customer_id": "alice", "reason": "OPERATOR", "total": total, "confirmed": True}
    placed = {
        "customer_id": "alice",
        "channel": "api",
        "lines": [{**lines[0], "unit_price": {"amount": 9999, "currency": "USD"}}],
        "total": {"amount": 999_900, "currency": "USD"},
        "respond": "async",
        "if_short": "REJECT",
    }
    laptop.publish(
        forged("orderflow.order", "OrderConfirmed", declined, **confirmed),
        forged("orderflow.shipping", "ShipmentFailed", gone, reason="NO_ADDRESS"),
        forged("orderflow.order", "OrderCancelled", gone, **cancelled),
        forged("orderflow.order", "OrderPlaced", UNKNOWN, **placed),
    )
    for queue, order_id in {
        "shipping/orders": declined,
        "notification/notices": declined,
        "payment/cancellations": gone,
        "inventory/cancellations": gone,
    }.items():
        (reason,) = eventually(lambda q=queue, o=order_id: letters_about(laptop, q, o), 240, f"{queue} has set it aside")
        assert "does not confirm it" in reason
    eventually(lambda: letters_about(laptop, "notification/notices", gone), 240, "no mail of a cancellation either")
    laptop.quiet()
    assert {order_id: rows_of(laptop, order_id) for order_id in before} == before
