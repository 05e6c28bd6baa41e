"""The carrier's webhook, open to anybody at the deployed HTTP API, and whom it believes."""

import json
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any

from kernel import clock, webhooks
from operations.errors import UserError
from operations.orders import shipments
from tests.support.polling import eventually
from tests.system.conftest import Laptop


def post(laptop: Laptop, body: str, signature: str | None) -> tuple[int, dict[str, Any]]:
    """Return the webhook's response to a caller without any identity."""
    url = laptop.target.parameter("shipping/api-url").rstrip("/") + "/webhooks/carrier"
    headers = {"Orderflow-Signature": signature} if signature else {}
    request = urllib.request.Request(url, data=body.encode(), method="POST", headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


def advanced(laptop: Laptop, order_id: str) -> bool:
    """Take the shipment a step on, unless the sweeper was faster or there is none yet; whether it is delivered."""
    try:
        return bool(shipments.advance(laptop.target, order_id)["status"] == "DELIVERED")
    except UserError:
        row = laptop.row("shipping", f"SHIP#{order_id}")
        return row is not None and row["status"] == "DELIVERED"


def test_repeated_update_of_the_carrier_delivers_once(laptop: Laptop) -> None:
    order_id = laptop.place().json()["order_id"]
    eventually(lambda: advanced(laptop, order_id), 240, f"the parcel of {order_id} arrives, by hand")

    def fulfilled() -> bool:
        return bool(laptop.request("GET", f"/orders/{order_id}").json()["fulfilment"] == "DELIVERED")

    eventually(fulfilled, 240, f"order {order_id} knows of it")
    before = laptop.row("shipping", f"SHIP#{order_id}")
    arn = laptop.target.parameter("shipping/carrier-webhook-secret-arn")
    secret = laptop.target.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    body = json.dumps({"order_id": order_id, "parcel": "DELIVERED"})
    now = clock.now()
    assert post(laptop, body, webhooks.sign(secret, body, now)) == (200, {"outcome": "UNCHANGED"})
    for refused in (None, webhooks.sign("guessed", body, now), webhooks.sign(secret, body, now - timedelta(minutes=6))):
        status, problem = post(laptop, body, refused)
        assert (status, problem["title"]) == (400, "Signature invalid")
    assert laptop.row("shipping", f"SHIP#{order_id}") == before
