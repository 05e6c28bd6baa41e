"""What tests of subscribers stand on: events as their queues bring them, and the two services that these may ask."""

import io
import json
from typing import Any

from services.kernel.schemas import newest_version, read_schemas

ORDER = "ord-" + "a" * 26
ADDRESS = {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"}
ALICE = {"customer_id": "alice", "name": "Alice Doe", "email": "alice@example.com", "address": ADDRESS}


def an_event(service: str, detail_type: str, order_id: str = ORDER, **data: Any) -> dict[str, Any]:
    """The event as a rule hands it over: its schema's example, about `order_id`."""
    source = f"orderflow.{service}"
    example = read_schemas()[source, detail_type, newest_version(source, detail_type)]["examples"][0]
    detail = {"metadata": {**example["metadata"], "order_id": order_id}, "data": {**example["data"], **data}}
    return {"source": source, "detail-type": detail_type, "detail": detail}


def batch(*envelopes: dict[str, Any] | str) -> dict[str, Any]:
    """What SQS invokes a subscriber with: messages `m0`, `m1` ..."""
    bodies = [envelope if isinstance(envelope, str) else json.dumps(envelope) for envelope in envelopes]
    return {"Records": [{"messageId": f"m{n}", "body": body, "eventSourceARN": "arn"} for n, body in enumerate(bodies)]}


class ContactFunction:
    """Stands in for Lambda with the order service's `contact` behind it: knows each order's contact, or fails."""

    def __init__(self) -> None:
        self.contacts: dict[str, dict[str, Any]] = {}
        self.broken: set[str] = set()
        self.young: set[str] = set()
        self.asked: list[str] = []

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert (FunctionName, InvocationType) == ("contact-function", "RequestResponse")
        order_id = json.loads(Payload)["order_id"]
        self.asked.append(order_id)
        if order_id in self.broken:
            fault = {"errorType": "KeyError", "errorMessage": f"no such thing about {ALICE['email']}"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(fault).encode())}
        found = self.contacts.get(order_id)
        missing = "NOT_YET" if order_id in self.young else "NOT_FOUND"
        answer = {"outcome": "FOUND", **found} if found else {"outcome": missing}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


class Bus:
    """Stands in for EventBridge: accepts everything."""

    def __init__(self) -> None:
        self.types: list[str] = []

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.types += [entry["DetailType"] for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in Entries]}


class DeadLetterQueue:
    """Stands in for SQS: keeps the reasons for what was set aside."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: dict[str, Any]) -> None:  # noqa: N803
        self.reasons.append(MessageAttributes["reason"]["StringValue"])
