"""Fakes for tests of subscribers: events as their queues deliver them, and the facts of the other services."""

import io
import json
from collections.abc import Mapping
from typing import Any

from kernel.batches import SqsAttributes, SqsEvent
from kernel.naming import SERVICES, facts_function_name
from kernel.schemas import newest_version, read_schemas

Facts = Mapping[str, Any]
"""The facts that a service states, or its answer to a query."""
Envelope = dict[str, object]
"""An event as a rule delivers it: `source`, `detail-type`, `detail`."""
ORDER = "ord-" + "a" * 26
ADDRESS = {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"}
ALICE = {"customer_id": "alice", "name": "Alice Doe", "email": "alice@example.com", "address": ADDRESS}


def an_event(service: str, detail_type: str, order_id: str = ORDER, **data: object) -> Envelope:
    """Return the event as a rule delivers it: its schema's example, about `order_id`."""
    source = f"orderflow.{service}"
    example = read_schemas()[source, detail_type, newest_version(source, detail_type)]["examples"][0]
    detail = {"metadata": {**example["metadata"], "order_id": order_id}, "data": {**example["data"], **data}}
    return {"source": source, "detail-type": detail_type, "detail": detail}


def batch(*envelopes: Envelope | str, received: int = 1) -> SqsEvent:
    """Return an SQS batch for a subscriber: messages `m0`, `m1` ..., each received so often by now."""
    bodies = [envelope if isinstance(envelope, str) else json.dumps(envelope) for envelope in envelopes]
    attributes: SqsAttributes = {"ApproximateReceiveCount": str(received)}
    numbered = enumerate(bodies)
    return {
        "Records": [
            {"messageId": f"m{n}", "body": body, "eventSourceARN": "arn", "attributes": attributes} for n, body in numbered
        ]
    }


STAGE = "test"
FACTS_FUNCTIONS = {facts_function_name(STAGE, service): service for service in SERVICES}
LINES = [{"sku": "LP-KIND-OF-BLUE", "quantity": 2}]
TOTAL = {"amount": 4998, "currency": "USD"}
CONFIRMED: Facts = {
    "order_id": ORDER,
    "status": "CONFIRMED",
    "fulfilment": "NONE",
    "confirmed": True,
    "revoked": False,
    "backordered": False,
    "lines": LINES,
    "left_out": [],
    "total": TOTAL,
}
"""The facts of an order that is confirmed."""
PURCHASE = {
    "placed_at": "2026-11-23T12:00:00.000Z",
    "lines": [{**LINES[0], "title": "Kind of Blue (LP)", "unit_price": 2499}],
    "left_out": [],
    "total": TOTAL,
}
"""The contents of the same order, as its customer reads them."""
REVOKED = {**CONFIRMED, "status": "REFUNDING", "revoked": True, "reason": "CUSTOMER"}
PENDING = {**CONFIRMED, "status": "PENDING", "confirmed": False}


BORNE_OUT_BY = {
    "ShipmentDispatched": ("shipping", "DISPATCHED"),
    "ShipmentDelivered": ("shipping", "DELIVERED"),
    "ShipmentCancelled": ("shipping", "CANCELLED"),
    "ShipmentFailed": ("shipping", "FAILED"),
    "PaymentRefunded": ("payment", "REFUNDED"),
    "PaymentRefundedOutside": ("payment", "RECORDED"),
    "StockAllocated": ("inventory", "HELD"),
    "StockReleased": ("inventory", "RESTOCKED"),
}
"""The owner of each event that moves an order, and the status that its row has just then."""


class OtherServices:
    """Stands in for Lambda with the queries of other services behind it: `contact` and each service's `facts`.

    `contacts` has each order's contact. `facts` has what each service states, by (service, order id), or by service alone for
    all orders that have no entry of their own. `contact` fails for the `broken` orders, `facts` for the `silent` ones.
    """

    def __init__(self) -> None:
        self.contacts: dict[str, Mapping[str, object]] = {}
        self.facts: dict[str | tuple[str, str], Facts | None] = {}
        self.broken: set[str] = set()
        self.silent: set[str] = set()
        self.young: set[str] = set()
        self.asked: list[str] = []
        self.asked_for_facts: list[tuple[str, str]] = []

    def bear_out(self, detail_type: str, **facts: object) -> None:
        """Let the owner of the event state, of every order, what the event says."""
        service, status = BORNE_OUT_BY[detail_type]
        self.facts[service] = {"status": status, **facts}

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, object]:  # noqa: N803
        assert InvocationType == "RequestResponse"
        order_id = json.loads(Payload)["order_id"]
        service = FACTS_FUNCTIONS.get(FunctionName, "")
        query = "facts" if service else "contact"
        if query == "facts":
            self.asked_for_facts.append((service, order_id))
        else:
            assert FunctionName == "contact-function"
            self.asked.append(order_id)
        if order_id in (self.silent if query == "facts" else self.broken):
            fault = {"errorType": "KeyError", "errorMessage": f"no such thing about {ALICE['email']}"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(fault).encode())}
        answer = self._facts(service, order_id) if query == "facts" else self._contact(order_id)
        if "detail" in json.loads(Payload) and answer["outcome"] == "FOUND":
            answer = {**answer, "purchase": PURCHASE}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def _contact(self, order_id: str) -> Facts:
        found = self.contacts.get(order_id)
        missing = "NOT_YET" if order_id in self.young else "NOT_FOUND"
        order = self._facts("order", order_id)
        word = {"order": order if order["outcome"] == "FOUND" else None}
        return {"outcome": "FOUND", **word, **found} if found else {"outcome": missing, **word}

    def _facts(self, service: str, order_id: str) -> Facts:
        found = self.facts.get((service, order_id), self.facts.get(service))
        return {"outcome": "FOUND", **found, "order_id": order_id} if found else {"outcome": "NOT_FOUND"}


class Bus:
    """Stands in for EventBridge: accepts everything."""

    def __init__(self) -> None:
        self.types: list[str] = []

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803
        self.types += [entry["DetailType"] for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in Entries]}


class DeadLetterQueue:
    """Stands in for SQS: keeps the reasons of quarantined messages."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Mapping[str, Mapping[str, str]]) -> None:  # noqa: N803
        self.reasons.append(MessageAttributes["reason"]["StringValue"])
