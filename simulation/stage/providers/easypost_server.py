"""EasyPost as its documentation describes it, on loopback: shipments, rates, labels, refunds, trackers; and what goes wrong.

The answers have the fields that ours reads, in the form in which EasyPost's own recordings have them
(github.com/EasyPost/easypost-python, tests/cassettes/test_shipment_buy.yaml).
"""

import base64
import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from simulation.stage.providers.http_server import Answer

API_KEY = "EZTK-of-the-test"
WEBHOOK_SECRET = "shared-with-easypost"


class EasyPost:
    """The account: its shipments by id, the sold labels, and how the next requests fail."""

    def __init__(self) -> None:
        self.url = ""
        self.shipments: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.sold: list[str] = []
        self.rates = [("Express", "31.25"), ("Ground", "5.93"), ("Priority", "6.95")]
        self.unheard: set[str] = set()
        """Paths' ends whose next request is done, and its answer lost."""
        self.refused: dict[str, tuple[int, str]] = {}
        """Paths' ends whose requests are refused, with this status and code."""

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: str) -> Answer | None:
        self.requests.append((method, path))
        answer = self.done(method, path, headers, json.loads(body or "{}"))
        lost = {end for end in self.unheard if path.endswith(end)}
        self.unheard -= lost
        return None if lost else answer

    def done(self, method: str, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Answer:
        if headers.get("Authorization") != "Basic " + base64.b64encode(f"{API_KEY}:".encode()).decode():
            return 401, {"error": {"code": "UNAUTHORIZED", "message": "This api key is no longer active."}}
        for end, (status, code) in self.refused.items():
            if path.endswith(end):
                return status, {"error": {"code": code, "message": "Elizabeth Swan of 179 N Harbor Dr is unknown"}}
        if method == "POST" and path == "/v2/shipments":
            return 201, self.create(body["shipment"])
        shipment = self.shipments.get(path.split("/")[3])
        if shipment is None:
            return 404, {"error": {"code": "NOT_FOUND", "message": "The requested resource could not be found."}}
        if path.endswith("/buy"):
            return self.buy(shipment, body["rate"]["id"])
        if path.endswith("/refund"):
            shipment["refund_status"] = "submitted"
        return 200, shipment

    def create(self, asked: Mapping[str, object]) -> dict[str, Any]:
        shipment_id = f"shp_{len(self.shipments) + 1:032x}"
        rates = [{"id": f"rate_{service}", "service": service, "rate": rate, "currency": "USD"} for service, rate in self.rates]
        shipment = {"id": shipment_id, "object": "Shipment", **asked, "rates": rates, "tracking_code": None}
        self.shipments[shipment_id] = {**shipment, "refund_status": None, "tracker": None}
        return self.shipments[shipment_id]

    def buy(self, shipment: dict[str, Any], rate_id: str) -> Answer:
        if shipment["tracking_code"]:
            return 422, {"error": {"code": "SHIPMENT.POSTAGE.EXISTS", "message": "Postage already exists for this shipment"}}
        self.sold.append(shipment["id"])
        shipment["selected_rate"] = next(rate for rate in shipment["rates"] if rate["id"] == rate_id)
        shipment["tracking_code"] = f"94001{len(self.sold):017d}"
        shipment["tracker"] = {"object": "Tracker", "status": "unknown", "tracking_code": shipment["tracking_code"]}
        return 200, shipment

    def event(self, shipment_id: str, status: str, description: str = "tracker.updated") -> tuple[dict[str, str], str]:
        """Return a webhook's headers and body: the tracker of a shipment has this status."""
        body = json.dumps(
            {
                "id": "evt_1",
                "object": "Event",
                "description": description,
                "result": {"object": "Tracker", "status": status, "shipment_id": shipment_id},
            }
        )
        return signed(body), body


def signed(body: str) -> dict[str, str]:
    """Return the headers by which EasyPost signs its webhook's body."""
    digest = hmac.new(WEBHOOK_SECRET.encode(), body.encode(), sha256).hexdigest()
    return {"x-hmac-signature": f"hmac-sha256-hex={digest}"}
