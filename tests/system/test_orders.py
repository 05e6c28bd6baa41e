"""Both entries, every answer, every branch of the saga, on the deployed system."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.order.domain import identity
from tests.support.polling import eventually
from tests.system.conftest import MUG, Laptop


def channel_entry(key: str, *lines: tuple[str, int], channel: str = "shop", **data: Any) -> dict[str, Any]:
    import json

    order = {
        "idempotency_key": key,
        "customer_id": "alice",
        "currency": "USD",
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines or ((MUG[0], 1),)],
        "payment_token": "pm_card_visa",
        **data,
    }
    metadata = {"event_id": f"{channel}-{key}", "event_version": 1, "occurred_at": "2026-11-23T04:05:06Z"}
    detail = json.dumps({"metadata": metadata, "data": order})
    return {"Source": f"orderflow.channel.{channel}", "DetailType": "OrderPlaced", "Detail": detail}


def orders_by_key(laptop: Laptop, key: str) -> list[dict[str, Any]]:
    return [row for row in laptop.rows("order/table-name") if "channel" in row and is_of_key(row, key)]


def is_of_key(row: dict[str, Any], key: str) -> bool:
    by_api = row["channel"] == "api"
    scope = identity.customer_scope(row["customer_id"]) if by_api else identity.channel_scope(row["channel"])
    return identity.is_hash(row["key_hash"], identity.key_hash(scope, key))


def test_an_order_is_confirmed_while_the_caller_waits(laptop: Laptop) -> None:
    answer = laptop.place()
    assert answer.status == 201, answer.text
    order_id = answer.json()["order_id"]
    assert laptop.ledger(order_id) == {"authorize": "AUTHORIZED", "capture": "CAPTURED"}
    reservation = laptop.row("inventory", f"RES#{order_id}")
    assert reservation is not None
    assert reservation["status"] == "COMMITTED"
    assert laptop.request("GET", f"/orders/{order_id}").json()["status"] == "CONFIRMED"


def test_a_crowd_of_customers_is_served(laptop: Laptop) -> None:
    crowd = 32
    with ThreadPoolExecutor(crowd) as pool:
        answers = list(pool.map(lambda _: laptop.place().status, range(crowd)))
    assert answers == [201] * crowd


def test_declined_payment_cancels_the_order(laptop: Laptop) -> None:
    answer = laptop.place(token="pm_card_declined")
    assert answer.status == 402, answer.text
    order_id = answer.json()["order"]["order_id"]
    assert laptop.settled(order_id)["reason"] == "PAYMENT_DECLINED"
    assert laptop.ledger(order_id) == {"authorize": "DECLINED"}


def test_out_of_stock_voids_the_payment(laptop: Laptop) -> None:
    answer = laptop.place(("LP-SOLD-OUT", 1))
    assert answer.status == 409, answer.text
    order_id = answer.json()["order"]["order_id"]
    assert laptop.ledger(order_id) == {"authorize": "AUTHORIZED", "void": "VOIDED"}
    payment = laptop.row("payment", f"PAY#{order_id}")
    assert payment is not None
    assert payment["status"] == "VOIDED"


def test_refused_capture_releases_money_and_stock(laptop: Laptop) -> None:
    before = laptop.row("inventory", f"SKU#{MUG[0]}")
    answer = laptop.place(token="pm_card_capture_refused")
    assert answer.status == 402, answer.text
    order = laptop.settled(answer.json()["order"]["order_id"])
    assert (order["status"], order["reason"]) == ("CANCELLED", "CAPTURE_REFUSED")
    reservation = laptop.row("inventory", f"RES#{order['order_id']}")
    assert reservation is not None
    assert reservation["status"] == "RESTOCKED"
    after = laptop.row("inventory", f"SKU#{MUG[0]}")
    assert before is not None
    assert after is not None
    assert {name: after[name] for name in ("available", "held", "sold")} == {
        name: before[name] for name in ("available", "held", "sold")
    }


def test_slow_gateway_charges_once(laptop: Laptop) -> None:
    answer = laptop.place(token="pm_card_slow")
    assert answer.status == 201, answer.text
    assert laptop.ledger(answer.json()["order_id"]) == {"authorize": "AUTHORIZED", "capture": "CAPTURED"}


def test_unavailable_gateway_leaves_the_order_pending_and_cancellable(laptop: Laptop) -> None:
    answer = laptop.place(token="pm_card_unavailable")
    assert (answer.status, answer.json()["status"]) == (202, "PENDING"), answer.text
    assert "payment does not answer" in answer.json()["detail"]
    order_id = answer.json()["order_id"]
    cancelled = laptop.request("POST", f"/orders/{order_id}/cancel")
    assert (cancelled.status, cancelled.json()["reason"]) == (200, "CUSTOMER")
    assert laptop.ledger(order_id) == {"void": "VOIDED"}


def test_respond_async_order_is_finished_by_its_event(laptop: Laptop) -> None:
    answer = laptop.place(prefer="respond-async")
    assert (answer.status, answer.headers["preference-applied"]) == (202, "respond-async")
    assert laptop.settled(answer.json()["order_id"])["status"] == "CONFIRMED"


def test_order_placed_on_the_bus_is_confirmed(laptop: Laptop) -> None:
    key = uuid.uuid4().hex
    laptop.publish(channel_entry(key), channel_entry(key))
    (order,) = eventually(lambda: orders_by_key(laptop, key), 240, "the channel's event has become an order")
    assert laptop.settled(order["order_id"])["status"] == "CONFIRMED"
    laptop.quiet()
    assert len(orders_by_key(laptop, key)) == 1


def test_bad_event_is_quarantined_with_its_reason_and_the_others_processed(laptop: Laptop) -> None:
    good, bad = uuid.uuid4().hex, uuid.uuid4().hex
    laptop.publish(channel_entry(bad, ("NO-SUCH-SKU", 1)), channel_entry(good))
    (order,) = eventually(lambda: orders_by_key(laptop, good), 240, "the good event has become an order")
    assert laptop.settled(order["order_id"])["status"] == "CONFIRMED"
    url = laptop.target.parameter("order/intake-dlq-url")
    sqs = laptop.target.client("sqs")

    def find() -> str | None:
        answer = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=1, VisibilityTimeout=5)
        for message in answer.get("Messages", ()):
            if bad in message["Body"]:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                return str(message["MessageAttributes"]["reason"]["StringValue"])
        return None

    reason = eventually(find, 240, "the bad event is in the intake's dead-letter queue")
    assert "data.lines[0].sku: the catalogue has no SKU NO-SUCH-SKU" in reason
    assert orders_by_key(laptop, bad) == []


def test_the_same_key_is_the_same_order(laptop: Laptop) -> None:
    key = uuid.uuid4().hex
    first, again = laptop.place(key=key), laptop.place(key=key)
    assert (first.status, again.status) == (201, 201)
    assert first.json()["order_id"] == again.json()["order_id"]
    other = laptop.place((MUG[0], 2), key=key)
    assert (other.status, other.json()["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("lines", "status", "field"),
    [
        ((("NO-SUCH-SKU", 1),), 422, "lines[0].sku"),
        (((MUG[0], 0),), 400, "lines[0].quantity"),
        (((MUG[0], 10**9),), 400, "lines[0].quantity"),
        (((MUG[0], 1), (MUG[0], 2)), 422, "lines[1].sku"),
        (tuple((f"SKU-{n}", 1) for n in range(51)), 400, "lines"),
    ],
)
def test_bad_input_is_named(laptop: Laptop, lines: tuple[tuple[str, int], ...], status: int, field: str) -> None:
    key = uuid.uuid4().hex
    answer = laptop.place(*lines, key=key)
    assert (answer.status, answer.json()["field"]) == (status, field)
    assert answer.headers["content-type"] == "application/problem+json"
    assert orders_by_key(laptop, key) == []


def test_an_order_is_cancelled_before_it_is_decided(laptop: Laptop) -> None:
    """The customer cancels an asynchronous order before its saga decides; whichever wins, every answer is the same."""
    order_id = laptop.place(prefer="respond-async").json()["order_id"]
    answer = laptop.request("POST", f"/orders/{order_id}/cancel")
    order = laptop.settled(order_id)
    if answer.status == 409:
        assert order["status"] == "CONFIRMED"
    else:
        assert answer.status in (200, 202)
        assert (order["status"], order["reason"]) == ("CANCELLED", "CUSTOMER")
        assert laptop.ledger(order_id).get("capture") is None


def test_confirmed_order_is_shipped_mailed_and_delivered(laptop: Laptop) -> None:
    contact = {
        "name": "Alice",
        "email": "alice@example.com",
        "address": {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"},
    }
    assert laptop.request("PUT", "/customers/alice/contact", contact).status == 204
    order_id = laptop.place().json()["order_id"]
    eventually(lambda: laptop.row("shipping", f"SHIP#{order_id}"), 240, "the shipment is created")

    def delivered() -> bool:
        laptop.invoke("shipping/sweeper-arn")
        row = laptop.row("order", f"ORDER#{order_id}")
        return bool(row and row["fulfilment"] == "DELIVERED")

    eventually(delivered, 180, "the order is delivered", every_seconds=1)
    laptop.quiet()
    for kind in ("confirmed", "dispatched"):
        note = laptop.row("notification", f"NOTE#{order_id}#{kind}")
        assert note is not None
        assert note["status"] == "SENT"
