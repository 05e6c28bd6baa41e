"""An order that waits for its money or its goods asks again, until the answers came."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.aggregate_store import Causation, marshal
from services.order.domain import decisions
from services.order.functions import subscriber, sweeper
from tests.support.choreography import Bus, an_event, batch
from tests.support.outboxes import events_in
from tests.unit.order.conftest import CONTEXT, FAKES, Saga, Shop, handle, order_store

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CAUSE = Causation("correlation-1", "causation-1")


class Stage:
    """A confirmed order with a request to cancel at noon. The relay has published its events, and every queue has lost them."""

    asked: dict[str, Any]

    def __init__(self, dynamodb: Any, order_id: str) -> None:
        self.dynamodb, self.order_id = dynamodb, order_id

    @property
    def row(self) -> dict[str, Any]:
        row = order_store().get(self.order_id)
        assert row is not None
        return row

    def advance(self, decide: Any) -> None:
        order_store().create_or_apply(self.order_id, decide, CAUSE)

    def relay(self) -> list[dict[str, Any]]:
        """Publish the pending events."""
        published = events_in(self.row.get("pending", ()))
        expression = "REMOVE pending, pending_since, pending_shard"
        self.dynamodb.update_item(TableName="orders", Key=marshal({"pk": self.row["pk"]}), UpdateExpression=expression)
        return published

    def hear(self, service: str, detail_type: str, **data: Any) -> bool:
        """Whether the event was taken; if not, it comes again."""
        event = an_event(service, detail_type, self.order_id, **data)
        FAKES["functions"].bear_out(detail_type, **event["detail"]["data"])
        return handle(subscriber, batch(event), None) == {"batchItemFailures": []}


@pytest.fixture
def confirmed(shop: Shop, saga: Saga, dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    FAKES["events"] = Bus()
    with clock.use_source(lambda: NOON):
        stage = Stage(dynamodb, str(shop.place(prefer="respond-async").body["order_id"]))
        lines = [{"sku": line["sku"], "quantity": line["quantity"]} for line in stage.row["lines"]]
        stage.advance(
            lambda row: decisions.decide_to_confirm(row, {"outcome": "HELD", "lines": lines}, NOON, {"outcome": "AUTHORIZED"})
        )
    return stage


@pytest.fixture
def stage(confirmed: Stage) -> Stage:
    with clock.use_source(lambda: NOON):
        confirmed.advance(lambda row: decisions.confirm(row, "CAPTURED", "COMMITTED"))
        confirmed.advance(lambda row: decisions.request_cancellation(row, "CUSTOMER", NOON))
    confirmed.asked = confirmed.relay()[-1]
    return confirmed


def sweep(minutes: int) -> int:
    with clock.use_source(lambda: NOON + timedelta(minutes=minutes)):
        return int(handle(sweeper, {}, CONTEXT)["stuck"])


def test_the_request_is_published_again_as_it_was_until_it_is_answered(stage: Stage) -> None:
    assert sweep(14) == 0
    for minutes in (15, 30, 60, 120, 240, 480, 840, 1200):  # twice as long each time, and every six hours at last
        assert sweep(minutes - 1) == 0, minutes
        assert sweep(minutes) == 1, minutes
        assert stage.relay() == [stage.asked]
    stage.hear("shipping", "ShipmentCancelled")
    (cancelled,) = stage.relay()
    assert (cancelled["detail-type"], cancelled["detail"]["data"]["confirmed"]) == ("OrderCancelled", True)


def test_cancellation_is_republished_until_money_and_goods_are_back(stage: Stage) -> None:
    with clock.use_source(lambda: NOON):
        stage.hear("shipping", "ShipmentCancelled")
        (cancelled,) = stage.relay()
        stage.hear("payment", "PaymentRefunded")
    assert sweep(15) == 1
    assert stage.relay() == [cancelled], "its id is that of the step that published it, whatever came after"
    stage.hear("inventory", "StockReleased", restocked=True)
    assert stage.row["status"] == "CANCELLED"
    assert "said" not in stage.row
    assert sweep(600) == 0
    assert stage.relay() == []


def test_request_after_the_dispatch_is_dropped(stage: Stage) -> None:
    stage.hear("shipping", "ShipmentDispatched")
    assert "said" not in stage.row
    assert sweep(600) == 0


def test_event_still_pending_is_not_added_again(stage: Stage) -> None:
    assert sweep(15) == 1
    before = stage.row["pending"]
    assert order_store().republish_said(stage.order_id, stage.row) is False
    assert stage.row["pending"] == before


USD = {"currency": "USD"}


def test_order_refunded_manually_is_not_shipped(confirmed: Stage) -> None:
    all_of_it = {"left": {"amount": 0, **USD}}
    assert not confirmed.hear("payment", "PaymentRefundedOutside", **all_of_it), "it is not confirmed yet: told again later"
    confirmed.advance(lambda row: decisions.confirm(row, "CAPTURED", "COMMITTED"))
    assert confirmed.hear("payment", "PaymentRefundedOutside", left={"amount": 1, **USD})
    assert confirmed.row["status"] == "CONFIRMED", "a part is the shop's own affair"
    for _ in range(2):
        assert confirmed.hear("payment", "PaymentRefundedOutside", **all_of_it)
    assert (confirmed.row["status"], confirmed.row["reason"]) == ("CANCEL_REQUESTED", "OPERATOR")
    assert [event["detail-type"] for event in confirmed.relay()][-1] == "OrderCancelRequested"


def test_dispatched_order_stays_confirmed(stage: Stage) -> None:
    stage.hear("shipping", "ShipmentDispatched")
    before = stage.row
    assert stage.hear("payment", "PaymentRefundedOutside", left={"amount": 0, **USD})
    assert stage.row == before
