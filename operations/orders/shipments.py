"""Shipments that an operator moves on without waiting for the sweeper or the sandbox carrier."""

from typing import cast

from kernel import clock, webhooks
from kernel.aggregate_store import marshal, unmarshal
from operations.aws import service_client, signed_http
from operations.aws.target import Target
from operations.errors import UserError
from services.shipping.carriers.sandbox import SIGNATURE
from services.shipping.domain.model import ShipmentRow
from services.shipping.domain.states import BOOKING, CREATED, DISPATCHED
from services.shipping.storage.breaker import BreakerStore


def find(target: Target, order_id: str) -> ShipmentRow:
    """Return the order's shipment by a consistent read. Raises UserError if there is none."""
    found = target.client("dynamodb").get_item(
        TableName=target.parameter("shipping/table-name"), Key=marshal({"pk": f"SHIP#{order_id}"}), ConsistentRead=True
    )
    if "Item" not in found:
        raise UserError(
            f"There is no shipment of order {order_id}.",
            f"Shipping creates it when the order is confirmed: see `orderctl orders show {order_id}`.",
        )
    return cast(ShipmentRow, unmarshal(found["Item"]))


def carrier_paused_until(target: Target) -> str | None:
    """Return until when no call to the carrier is made, in RFC 3339 (UTC), or None while the carrier answers."""
    row = BreakerStore(target.client("dynamodb"), target.parameter("shipping/table-name")).read()
    return row.get("paused_until") if row else None


def advance(target: Target, order_id: str) -> ShipmentRow:
    """Advance the order's shipment by one step, and return it. Raises UserError if there is no further step."""
    row = find(target, order_id)
    if row["status"] in (CREATED, BOOKING):
        service_client.invoke(target, "shipping/sweeper-arn", {})
    elif row["status"] == DISPATCHED:
        _deliver(target, order_id)
    else:
        raise UserError(
            f"The shipment of {order_id} is {row['status']}.",
            f"Only a shipment that is {CREATED}, {BOOKING} or {DISPATCHED} can be advanced.",
        )
    return find(target, order_id)


def _deliver(target: Target, order_id: str) -> None:
    """Report the delivery of the parcel by the carrier's webhook. Raises UserError if the carrier is not the sandbox."""
    carrier = target.parameter("shipping/carrier")
    if carrier != "sandbox":
        raise UserError(
            f"The parcel of {order_id} is with {carrier}, so orderctl cannot deliver it.",
            "Wait for the carrier's webhook. Only the sandbox carrier's parcels can be advanced.",
        )
    secret = target.client("secretsmanager").get_secret_value(SecretId=target.parameter("shipping/carrier-webhook-secret-arn"))
    body = {"order_id": order_id, "parcel": "DELIVERED"}
    signature = webhooks.sign(secret["SecretString"].strip(), signed_http.as_sent(body), clock.now())
    url = target.parameter("shipping/api-url").rstrip("/") + "/webhooks/carrier"
    answer = target.call("POST", url, body, {SIGNATURE: signature})
    if answer.status != 200:
        raise UserError(f"Shipping rejected the update: {service_client.refusal(answer)}.", "You can retry.")
