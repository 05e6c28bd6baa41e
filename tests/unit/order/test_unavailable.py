"""Payment or inventory gives no answer before the decision: only orders that were tried after their deadline are cancelled."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.receipts import Kind
from services.order.domain.decisions import EvidenceMissingError
from services.order.functions import commands, sweeper
from tests.support.choreography import Bus
from tests.support.receipts import as_the_saga, checked
from tests.unit.order.conftest import CONTEXT, FAKES, Saga, Shop, an_order, handle, order_store

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REASONS = ("PAYMENT_UNAVAILABLE", "INVENTORY_UNAVAILABLE")
HELD = {"outcome": "HELD", "lines": an_order()["lines"]}


@pytest.fixture(autouse=True)
def bus(monkeypatch: pytest.MonkeyPatch) -> None:
    FAKES["events"] = Bus()


def command(name: str, order_id: str, **fields: Any) -> dict[str, Any]:
    about = {"command": name, "order_id": order_id, "correlation_id": "c", "causation_id": "e"}
    return checked(Kind.DECISION, order_id, handle(commands, {**about, **as_the_saga(name, order_id, fields)}, CONTEXT))


def row(order_id: str) -> dict[str, Any]:
    found = order_store().get(order_id)
    assert found
    return found


def sweep(after: timedelta) -> None:
    with clock.use_source(lambda: NOON + after):
        handle(sweeper, {}, CONTEXT)


def gets_no_answer(reason: str) -> Any:
    """Return a run that the workflow ended because payment or inventory is unavailable."""

    def run(start: dict[str, Any]) -> dict[str, Any]:
        answer = command("unavailable", start["order_id"], reason=reason, tried_at=start.get("tried_at", ""))
        if answer["outcome"] == "CANCELLING":
            command("cancel", start["order_id"], payment="VOIDED", stock="RELEASED")
        return {"status": "FAILED", "error": "UNAVAILABLE"}

    return run


def confirms(start: dict[str, Any]) -> dict[str, Any]:
    command("decide", start["order_id"], decision="CONFIRM", stock=HELD)
    command("confirm", start["order_id"], payment="CAPTURED", stock="COMMITTED")
    return {"status": "SUCCEEDED", "output": "{}"}


@pytest.fixture(params=REASONS)
def reason(request: pytest.FixtureRequest, saga: Saga) -> str:
    saga.answer = gets_no_answer(request.param)
    return str(request.param)


@pytest.fixture
def order_id(shop: Shop, reason: str) -> str:
    with clock.use_source(lambda: NOON):
        return str(shop.place().body["order_id"])


def test_order_without_a_response_gets_202_and_stays_pending(shop: Shop, reason: str) -> None:
    answer = shop.place()
    assert (answer.status, answer.body["status"], answer.headers["Retry-After"]) == (202, "PENDING", "60")
    assert answer.headers["Location"] == f"/orders/{answer.body['order_id']}"
    assert "nothing is charged" in answer.body["detail"]
    assert row(answer.body["order_id"])["unavailable"] == reason


def test_repeat_after_an_outage_is_the_same_order(shop: Shop, saga: Saga, order_id: str) -> None:
    assert (shop.place().status, len(saga.started)) == (202, 1)
    saga.answer = confirms
    sweep(timedelta(seconds=61))
    again = shop.place()
    assert (again.status, again.body["order_id"]) == (201, order_id)


def test_an_outage_longer_than_the_deadline_cancels_with_its_reason(shop: Shop, order_id: str, reason: str) -> None:
    minute = 0
    while row(order_id)["status"] == "PENDING":
        minute += 1
        sweep(timedelta(minutes=minute, seconds=1))
    assert minute >= 10
    answer = shop.place()
    assert (answer.status, answer.body["order"]["reason"]) == (409, reason)


def test_untried_backlog_is_confirmed_after_the_outage(shop: Shop, saga: Saga) -> None:
    with clock.use_source(lambda: NOON):
        placed = [shop.place(key=f"key-{n}", prefer="respond-async").body["order_id"] for n in range(5)]
    saga.answer = confirms
    sweep(timedelta(hours=3))
    assert {row(order_id)["status"] for order_id in placed} == {"CONFIRMED"}


def test_the_last_try_begins_after_the_deadline(saga: Saga, order_id: str, reason: str) -> None:
    """The answer of a try that began before it comes late, and says nothing about the present."""
    saga.answer = lambda start: {}
    sweep(timedelta(minutes=9))
    early = row(order_id)["tried_at"]
    with clock.use_source(lambda: NOON + timedelta(minutes=20)):
        assert command("unavailable", order_id, reason=reason, tried_at=early)["outcome"] == "PENDING"
    sweep(timedelta(minutes=21))
    assert command("unavailable", order_id, reason=reason, tried_at=early)["outcome"] == "PENDING"
    assert command("unavailable", order_id, reason=reason, tried_at=row(order_id)["tried_at"])["outcome"] == "CANCELLING"


@pytest.mark.parametrize("tried_at", ["", "2026-11-23T12:20:00.000Z", "tomorrow"])
def test_a_forged_try_cancels_nothing(order_id: str, reason: str, tried_at: str) -> None:
    with clock.use_source(lambda: NOON + timedelta(minutes=20)):
        assert command("unavailable", order_id, reason=reason, tried_at=tried_at)["outcome"] == "PENDING"


@pytest.mark.parametrize("forged", ["EXPIRED", "CUSTOMER", "OUT_OF_STOCK"])
def test_another_reason_is_refused(order_id: str, forged: str) -> None:
    with pytest.raises(ValueError, match="is not one of INVENTORY_UNAVAILABLE, PAYMENT_UNAVAILABLE"):
        command("unavailable", order_id, reason=forged, tried_at="")


@pytest.mark.parametrize("outcome", ["AUTHORIZED", "HELD", "WAITING", "EXPIRED", *REASONS])
def test_only_a_refusal_rejects_an_order(order_id: str, outcome: str) -> None:
    with pytest.raises(EvidenceMissingError, match="an order is cancelled on one of DECLINED"):
        command("decide", order_id, decision="CANCEL", evidence={"outcome": outcome})


def test_decision_of_another_run_stands(order_id: str, reason: str) -> None:
    command("decide", order_id, decision="CONFIRM", stock=HELD)
    before = row(order_id)
    assert command("unavailable", order_id, reason=reason, tried_at="")["outcome"] == "CONFIRMING"
    assert row(order_id) == before


def test_back_order_stays_backordered_in_an_outage(saga: Saga, order_id: str, reason: str) -> None:
    with clock.use_source(lambda: NOON):
        command("wait", order_id, stock={"outcome": "WAITING"}, tried_at="")
    sweep(timedelta(days=1))
    assert (row(order_id)["status"], row(order_id)["unavailable"]) == ("BACKORDERED", reason)
    sweep(timedelta(days=6, minutes=1))
    assert (row(order_id)["status"], row(order_id)["reason"]) == ("CANCELLED", reason)


def test_run_states_its_try(saga: Saga, order_id: str) -> None:
    sweep(timedelta(minutes=1, seconds=1))
    given = json.loads(saga.started[-1]["input"])
    assert given == {"mode": "resume", "order_id": order_id, "tried_at": row(order_id)["tried_at"]}
