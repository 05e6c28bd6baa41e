"""Short stock: an order that is confirmed for the available part, and one that waits."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.receipts import Kind
from services.order.domain import decisions
from services.order.domain.decisions import BACKORDER_POLL_INTERVAL, EvidenceMissingError
from services.order.functions import commands, intake, subscriber, sweeper
from services.order.workflow.statements import Statements
from tests.support.choreography import Bus, DeadLetterQueue, batch
from tests.support.outboxes import events_in
from tests.support.receipts import as_the_saga, checked, receipts
from tests.unit.order.conftest import CONTEXT, FAKES, Saga, Shop, an_order, catalogue, handle, order_store
from tests.unit.order.test_events import placed_by_channel

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WAITING = {"outcome": "WAITING", "lines": an_order()["lines"]}
PART = {"outcome": "HELD", "lines": [{"sku": "MUG", "quantity": 1}]}


@pytest.fixture(autouse=True)
def no_queue_and_no_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    FAKES["sqs"] = DeadLetterQueue()
    FAKES["events"] = Bus()


@pytest.fixture(autouse=True)
def at_noon() -> Any:
    with clock.use_source(lambda: NOON):
        yield


def placed(shop: Shop, if_short: str, **changes: Any) -> str:
    return str(shop.place(body=an_order(if_short=if_short, **changes)).body["order_id"])


def command(name: str, order_id: str, **fields: Any) -> dict[str, Any]:
    about = {"command": name, "order_id": order_id, "correlation_id": "c", "causation_id": "e", "tried_at": ""}
    return checked(Kind.DECISION, order_id, handle(commands, {**about, **as_the_saga(name, order_id, fields)}, CONTEXT))


def row(order_id: str) -> dict[str, Any]:
    found = order_store().get(order_id)
    assert found
    return found


def told(order_id: str) -> dict[str, dict[str, Any]]:
    """Return the data of each event in the order's row."""
    events = events_in(row(order_id)["pending"])
    return {event["detail-type"]: event["detail"]["data"] for event in events}


def test_partial_order_is_confirmed_for_the_held_lines(shop: Shop) -> None:
    order_id = placed(shop, "ALLOW_PARTIAL")
    answer = command("decide", order_id, decision="CONFIRM", stock=PART)
    assert answer == {"outcome": "CONFIRMING", "reason": None, "total": {"amount": 1250, "currency": "USD"}}
    assert checked(Kind.DECISION, order_id, command("load", order_id)["decision"]) == answer
    command("confirm", order_id, payment="CAPTURED", stock="COMMITTED")
    assert told(order_id)["OrderConfirmed"] == {
        "customer_id": "alice",
        "lines": [{"sku": "MUG", "quantity": 1}],
        "left_out": [{"sku": "MUG", "quantity": 1}, {"sku": "LP", "quantity": 1}],
        "total": {"amount": 1250, "currency": "USD"},
    }
    shown = shop.call("GET", f"/orders/{order_id}").body
    assert (shown["total"]["amount"], shown["ordered"]["total"]["amount"]) == (1250, 4999)
    assert [line["quantity"] for line in shown["ordered"]["lines"]] == [2, 1]


def test_saga_input_of_a_partial_order_has_its_original_lines(shop: Shop, saga: Saga) -> None:
    order_id = placed(shop, "ALLOW_PARTIAL")
    first = json.loads(saga.started[0]["input"])
    command("decide", order_id, decision="CONFIRM", stock=PART)
    again = Statements(receipts()).live_input(row(order_id))
    assert {**again, "decision": None} == {**first, "decision": None}


def test_partial_order_with_enough_stock_omits_nothing(shop: Shop) -> None:
    order_id = placed(shop, "ALLOW_PARTIAL")
    command("decide", order_id, decision="CONFIRM", stock={"outcome": "HELD", "lines": an_order()["lines"][::-1]})
    command("confirm", order_id, payment="CAPTURED", stock="COMMITTED")
    assert "left_out" not in told(order_id)["OrderConfirmed"]
    assert "ordered" not in row(order_id)


def test_order_that_allows_no_part_gets_none(shop: Shop) -> None:
    with pytest.raises(EvidenceMissingError, match="for all of its lines or none"):
        command("decide", placed(shop, "BACK_ORDER"), decision="CONFIRM", stock=PART)


def test_order_with_only_free_items_in_stock_is_out_of_stock(shop: Shop) -> None:
    catalogue().set_prices([{"sku": "GIFT", "amount": 0, "currency": "USD"}])
    lines = [{"sku": "LP", "quantity": 1}, {"sku": "GIFT", "quantity": 1}]
    order_id = placed(shop, "ALLOW_PARTIAL", lines=lines)
    answer = command("decide", order_id, decision="CONFIRM", stock={"outcome": "HELD", "lines": lines[1:]})
    assert (answer["outcome"], answer["reason"], answer["total"]["amount"]) == ("CANCELLING", "OUT_OF_STOCK", 2499)


@pytest.mark.parametrize(("least", "status"), [(1250, "CONFIRMING"), (1251, "CANCELLING")])
def test_part_below_the_minimum_capture_is_out_of_stock(shop: Shop, least: int, status: str) -> None:
    order_id = placed(shop, "ALLOW_PARTIAL")
    payment = {"outcome": "AUTHORIZED", "at_least": least}
    assert command("decide", order_id, decision="CONFIRM", stock=PART, payment=payment)["outcome"] == status
    assert row(order_id).get("reason") == (None if status == "CONFIRMING" else "OUT_OF_STOCK")


@pytest.mark.parametrize(("unit", "status"), [(10, "CONFIRMING"), (1250, "CONFIRMING"), (100, "CANCELLING")])
def test_part_that_is_not_in_units_of_the_gateway_is_out_of_stock(shop: Shop, unit: int, status: str) -> None:
    order_id = placed(shop, "ALLOW_PARTIAL")
    payment = {"outcome": "AUTHORIZED", "multiple_of": unit}
    assert command("decide", order_id, decision="CONFIRM", stock=PART, payment=payment)["outcome"] == status
    assert row(order_id).get("reason") == (None if status == "CONFIRMING" else "OUT_OF_STOCK")


def test_back_order_is_aborted_before_its_authorisation_expires(shop: Shop, saga: Saga) -> None:
    order_id = placed(shop, "BACK_ORDER")
    until = NOON + timedelta(days=4, hours=18)  # a card's hold may be shorter than six days
    command("wait", order_id, stock=WAITING, payment={"outcome": "AUTHORIZED", "capture_before": clock.rfc3339(until)})
    for before, status in ((timedelta(hours=3), "BACKORDERED"), (timedelta(hours=2), "CANCELLING")):
        with clock.use_source(lambda before=before: until - before):
            sweep()
            tried_at = json.loads(saga.started[-1]["input"])["tried_at"]
            assert command("wait", order_id, stock=WAITING, tried_at=tried_at)["outcome"] == status
    assert BACKORDER_POLL_INTERVAL < decisions.HOLD_MARGIN, "it is looked at in that time"


def test_stating_a_default_is_the_same_request(shop: Shop) -> None:
    first = shop.place().body["order_id"]
    assert shop.place(body=an_order(if_short="REJECT")).body["order_id"] == first
    assert "if_short" not in row(first)
    assert shop.place(body=an_order(if_short="BACK_ORDER")).status == 422


def test_unknown_if_short_is_refused_by_its_field(shop: Shop) -> None:
    answer = shop.place(body=an_order(if_short="MAYBE"))
    assert (answer.status, answer.body["field"]) == (400, "if_short")


def test_saga_and_event_carry_if_short(shop: Shop, saga: Saga) -> None:
    order_id = placed(shop, "BACK_ORDER")
    assert json.loads(saga.started[0]["input"])["wanted"]["if_short"] == "BACK_ORDER"
    assert told(order_id)["OrderPlaced"]["if_short"] == command("load", order_id)["wanted"]["if_short"] == "BACK_ORDER"


def test_channel_can_set_if_short(shop: Shop) -> None:
    assert handle(intake, batch(placed_by_channel(if_short="ALLOW_PARTIAL")), None) == {"batchItemFailures": []}
    rows = order_store().client.scan(TableName="orders")["Items"]
    assert [found["if_short"]["S"] for found in rows if found["pk"]["S"].startswith("ORDER#")] == ["ALLOW_PARTIAL"]


@pytest.fixture
def waiting(shop: Shop) -> str:
    """Return an order that has waited since noon."""
    order_id = placed(shop, "BACK_ORDER")
    assert command("wait", order_id, stock=WAITING)["outcome"] == "BACKORDERED"
    return order_id


def test_a_back_order_is_accepted_and_not_confirmed(shop: Shop, saga: Saga, waiting: str) -> None:
    answer = shop.place(body=an_order(if_short="BACK_ORDER"))
    assert (answer.status, answer.body["status"], answer.headers["Retry-After"]) == (202, "BACKORDERED", "900")
    assert "waiting for stock" in answer.body["detail"]
    shown = shop.call("GET", f"/orders/{waiting}")
    assert (shown.body["status"], shown.headers["Retry-After"]) == ("BACKORDERED", "900")
    assert told(waiting)["OrderBackordered"] == {
        "customer_id": "alice",
        "lines": an_order()["lines"],
        "total": {"amount": 4999, "currency": "USD"},
    }


def test_order_waits_once_and_only_with_stock_waiting(waiting: str) -> None:
    before = row(waiting)
    assert command("wait", waiting, stock=WAITING)["outcome"] == "BACKORDERED"
    assert row(waiting) == before
    with pytest.raises(EvidenceMissingError, match="not HELD"):
        command("wait", waiting, stock=PART)


def test_an_order_that_waited_does_not_wait_again(waiting: str) -> None:
    allocated(waiting)
    resumed = row(waiting)
    assert command("wait", waiting, stock=WAITING)["outcome"] == "PENDING"
    assert row(waiting) == resumed


def test_order_names_the_goods_that_it_waits_for_until_they_arrive(shop: Shop) -> None:
    order_id = placed(shop, "BACK_ORDER")
    short = [{"sku": an_order()["lines"][0]["sku"], "requested": 5, "available": 2}]
    command("wait", order_id, stock={**WAITING, "short": short})
    assert row(order_id)["short"] == short
    allocated(order_id)
    assert "short" not in row(order_id)


def allocated(order_id: str) -> None:
    """Deliver inventory's event that the awaited stock has arrived."""
    metadata = {
        "event_id": f"RES#{order_id}#2",
        "event_version": 1,
        "occurred_at": "2026-11-23T12:00:00Z",
        "order_id": order_id,
        "correlation_id": "c",
        "causation_id": f"RES#{order_id}#1",
    }
    detail = {"metadata": metadata, "data": {"lines": an_order()["lines"]}}
    event = {"source": "orderflow.inventory", "detail-type": "StockAllocated", "detail": detail}
    FAKES["functions"].bear_out("StockAllocated")
    assert handle(subscriber, batch(event), None) == {"batchItemFailures": []}


def sweep() -> dict[str, int]:
    return handle(sweeper, {}, CONTEXT)


def test_allocated_stock_resumes_the_saga(saga: Saga, waiting: str) -> None:
    saga.started.clear()
    assert sweep()["recovered"] == 0
    allocated(waiting)
    assert row(waiting)["status"] == "PENDING"
    assert sweep()["recovered"] == 1
    assert json.loads(saga.started[-1]["input"]) == {
        "mode": "resume",
        "order_id": waiting,
        "tried_at": row(waiting)["tried_at"],
    }


def test_a_resumed_order_has_as_much_time_as_a_new_one(saga: Saga, waiting: str) -> None:
    for later, status in ((timedelta(days=2), "PENDING"), (timedelta(days=2, minutes=11), "CANCELLING")):
        with clock.use_source(lambda later=later: NOON + later):
            allocated(waiting)
            sweep()
            tried_at = json.loads(saga.started[-1]["input"])["tried_at"]
            assert command("unavailable", waiting, reason="PAYMENT_UNAVAILABLE", tried_at=tried_at)["outcome"] == status


def test_repeated_or_late_allocation_changes_nothing(waiting: str) -> None:
    allocated(waiting)
    resumed = row(waiting)
    allocated(waiting)
    assert row(waiting) == resumed
    command("decide", waiting, decision="CANCEL", evidence={"outcome": "DECLINED"})
    cancelling = row(waiting)
    allocated(waiting)
    assert row(waiting) == cancelling


def test_allocation_before_the_wait_is_found_a_minute_later(shop: Shop, saga: Saga) -> None:
    order_id = placed(shop, "BACK_ORDER")
    allocated(order_id)
    command("wait", order_id, stock=WAITING)
    with clock.use_source(lambda: NOON + timedelta(minutes=1)):
        assert sweep()["recovered"] == 1
    assert json.loads(saga.started[-1]["input"]) == {
        "mode": "resume",
        "order_id": order_id,
        "tried_at": row(order_id)["tried_at"],
    }


def test_sweeper_polls_a_back_order_and_at_last_cancels_it(
    saga: Saga, waiting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def try_again() -> str:
        tried_at = json.loads(saga.started[-1]["input"])["tried_at"]
        return str(command("wait", waiting, stock=WAITING, tried_at=tried_at)["outcome"])

    for look in range(1, 5):
        with clock.use_source(lambda look=look: NOON + look * BACKORDER_POLL_INTERVAL):
            assert (sweep()["recovered"], sweep()["recovered"]) == (1, 0)
            assert try_again() == "BACKORDERED"
    with clock.use_source(lambda: NOON + timedelta(days=6)):
        assert try_again() == "BACKORDERED", "an answer of the try before says nothing of the stock after the deadline"
        sweep()
        assert (try_again(), row(waiting)["reason"]) == ("CANCELLING", "OUT_OF_STOCK")
    assert "OrderStuck" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("decision", "status"),
    [({"decision": "CONFIRM", "stock": {**WAITING, "outcome": "HELD"}}, "CONFIRMING"),
     ({"decision": "CANCEL", "evidence": {"outcome": "RELEASED"}}, "CANCELLING")],
)  # fmt: skip
def test_decided_back_order_is_swept_like_any_other(waiting: str, decision: dict[str, Any], status: str) -> None:
    assert command("decide", waiting, **decision)["outcome"] == status
    assert (row(waiting)["attempts"], row(waiting)["next_due"]) == (0, "2026-11-23T12:01:00.000Z")


def test_waiting_customer_can_cancel(shop: Shop, saga: Saga, waiting: str) -> None:
    saga.reaches("CANCELLED")
    answer = shop.call("POST", f"/orders/{waiting}/cancel")
    assert (answer.status, answer.body["status"]) == (200, "CANCELLED")
