"""The events that reach the order service by its queues: the channels' orders, and the progress of shipping."""

import json
from typing import Any

import pytest

from kernel.aggregate_store import unmarshal
from services.order.functions import commands, intake, subscriber
from tests.support.choreography import DeadLetterQueue, OtherServices
from tests.support.outboxes import events_in
from tests.support.receipts import as_the_saga
from tests.unit.order.conftest import CONTEXT, FAKES, Shop, an_order, catalogue, handle, order_store

KEY = "00004-19970101-2-2933-1"


@pytest.fixture
def dead_letters(monkeypatch: pytest.MonkeyPatch) -> DeadLetterQueue:
    queue = DeadLetterQueue()
    FAKES["sqs"] = queue
    return queue


def placed_by_channel(**data: Any) -> dict[str, Any]:
    order = {
        "idempotency_key": KEY,
        "customer_id": "cdnow-00004",
        "currency": "USD",
        "lines": [{"sku": "MUG", "quantity": 1}],
        "payment_token": "pm_card_visa",
        **data,
    }
    metadata = {"event_id": f"cdnow-{KEY}", "event_version": 1, "occurred_at": "1997-01-01T00:00:00Z"}
    return {"source": "orderflow.channel.cdnow", "detail-type": "OrderPlaced", "detail": {"metadata": metadata, "data": order}}


def shipment(detail_type: str, order_id: str, version: int) -> dict[str, Any]:
    metadata = {
        "event_id": f"SHIP#{order_id}#{version}",
        "event_version": 1,
        "occurred_at": "2026-01-01T00:00:00.000Z",
        "order_id": order_id,
        "correlation_id": "c",
        "causation_id": f"SHIP#{order_id}#{version - 1}",
    }
    detail = {"metadata": metadata, "data": {"tracking": "SBX-1"}}
    return {"source": "orderflow.shipping", "detail-type": detail_type, "detail": detail}


def batch(*envelopes: dict[str, Any] | str) -> dict[str, Any]:
    bodies = [envelope if isinstance(envelope, str) else json.dumps(envelope) for envelope in envelopes]
    return {"Records": [{"messageId": f"m{n}", "body": body, "eventSourceARN": "arn"} for n, body in enumerate(bodies)]}


def orders() -> list[dict[str, Any]]:
    items = order_store().client.scan(TableName="orders")["Items"]
    return [item for item in items if item["pk"]["S"].startswith("ORDER#")]


def test_a_channels_event_becomes_an_order(dead_letters: DeadLetterQueue) -> None:
    assert handle(intake, batch(placed_by_channel()), CONTEXT) == {"batchItemFailures": []}
    (order,) = orders()
    assert (order["channel"]["S"], order["respond"]["S"], order["total"]["M"]["amount"]["N"]) == ("cdnow", "async", "1250")
    [event] = events_in(unmarshal(order)["pending"])
    assert event["source"] == "orderflow.order"
    assert event["detail"]["metadata"]["causation_id"] == f"cdnow-{KEY}"


def test_only_the_hash_of_the_key_is_stored(dead_letters: DeadLetterQueue, capsys: pytest.CaptureFixture[str]) -> None:
    key = "the-shops-own-key"
    other = placed_by_channel(idempotency_key=key, lines=[{"sku": "LP", "quantity": 1}])
    handle(intake, batch(placed_by_channel(idempotency_key=key), other), CONTEXT)
    (reason,) = dead_letters.reasons
    assert "another order" in reason
    stored = [events_in(unmarshal(order).get("pending", [])) for order in orders()]
    assert [text for text in (str(orders()), str(stored), reason, capsys.readouterr().out) if key in text] == []


def test_the_same_event_again_is_the_same_order(dead_letters: DeadLetterQueue) -> None:
    handle(intake, batch(placed_by_channel(), placed_by_channel()), CONTEXT)
    before = orders()
    handle(intake, batch(placed_by_channel(), {**placed_by_channel(), "replay-name": "r"}), CONTEXT)
    assert orders() == before
    assert dead_letters.reasons == []


@pytest.mark.parametrize(
    "repeat",
    [
        {"body": {"replay-name": "orderflow-catch-up-dev-1"}},
        {"attributes": {"ApproximateReceiveCount": "2"}},
        {"messageAttributes": {"redrive_attempts": {"stringValue": "1"}}},
        {},
    ],
    ids=["replayed", "redelivered", "redriven", "put twice"],
)
def test_a_known_order_is_not_priced_again(dead_letters: DeadLetterQueue, repeat: dict[str, Any]) -> None:
    handle(intake, batch(placed_by_channel()), CONTEXT)
    before = orders()
    catalogue().set_prices([{"sku": "MUG", "amount": 99, "currency": "EUR"}])
    again = batch({**placed_by_channel(), **repeat.get("body", {})})
    again["Records"][0] |= {name: part for name, part in repeat.items() if name != "body"}
    assert handle(intake, again, CONTEXT) == {"batchItemFailures": []}
    assert (orders(), dead_letters.reasons) == (before, [])


@pytest.mark.parametrize(
    ("replay", "made"), [("orderflow-dev-1", 0), ("no-catch-up-please", 0), ("orderflow-catch-up-dev-1", 1)]
)
def test_replay_creates_an_order_only_to_catch_up(dead_letters: DeadLetterQueue, replay: str, made: int) -> None:
    assert handle(intake, batch({**placed_by_channel(), "replay-name": replay}), CONTEXT) == {"batchItemFailures": []}
    assert (len(orders()), dead_letters.reasons) == (made, [])


def test_bad_events_are_quarantined_with_the_reason_and_the_others_processed(dead_letters: DeadLetterQueue) -> None:
    answer = handle(
        intake,
        batch(
            placed_by_channel(),
            "not json",
            placed_by_channel(idempotency_key="k2", lines=[{"sku": "NOPE", "quantity": 1}]),
            placed_by_channel(idempotency_key="k3", lines=[{"sku": "MUG", "quantity": 0}]),
            placed_by_channel(lines=[{"sku": "LP", "quantity": 1}]),
            placed_by_channel(idempotency_key="k4"),
        ),
        CONTEXT,
    )
    assert answer == {"batchItemFailures": []}
    assert len(orders()) == 2
    for reason, expected in zip(
        dead_letters.reasons,
        [
            "message: is not JSON",
            "data.lines[0].sku: the catalogue has no SKU NOPE",
            "data.lines[0].quantity",
            "another order",
        ],
        strict=True,
    ):
        assert expected in reason


@pytest.fixture
def confirmed(shop: Shop) -> str:
    order_id = str(shop.place().body["order_id"])
    step = {"order_id": order_id, "correlation_id": "c", "causation_id": "x"}
    held = {"outcome": "HELD", "lines": an_order()["lines"]}
    evidence = as_the_saga("decide", order_id, {"decision": "CONFIRM", "stock": held})
    handle(commands, {"command": "decide", **evidence, **step}, CONTEXT)
    evidence = as_the_saga("confirm", order_id, {"payment": "CAPTURED", "stock": "COMMITTED"})
    handle(commands, {"command": "confirm", **evidence, **step}, CONTEXT)
    return order_id


@pytest.mark.parametrize("arrival", [("ShipmentDispatched", "ShipmentDelivered"), ("ShipmentDelivered", "ShipmentDispatched")])
def test_fulfilment_only_moves_forward(
    confirmed: str, dead_letters: DeadLetterQueue, owners: OtherServices, arrival: tuple[str, str]
) -> None:
    owners.bear_out("ShipmentDelivered")
    for detail_type in (*arrival, *arrival):
        handle(subscriber, batch(shipment(detail_type, confirmed, 2)), CONTEXT)
    row = order_store().get(confirmed)
    assert row is not None
    assert row["fulfilment"] == "DELIVERED"
    told = [event["detail-type"] for event in events_in(row["pending"])]
    assert told.count("OrderFulfilled") == 1


def test_shipment_without_an_order_is_redelivered(confirmed: str, dead_letters: DeadLetterQueue, owners: OtherServices) -> None:
    owners.bear_out("ShipmentDispatched")
    stray = shipment("ShipmentDispatched", "ord-" + "a" * 26, 2)
    answer = handle(subscriber, batch(stray, shipment("ShipmentDispatched", confirmed, 2)), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    row = order_store().get(confirmed)
    assert row is not None
    assert row["fulfilment"] == "DISPATCHED"
