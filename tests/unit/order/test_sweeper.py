import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from kernel import clock
from services.order.functions import sweeper
from tests.support.choreography import Bus
from tests.unit.order.conftest import CONTEXT, FAKES, Saga, Shop, handle, order_store

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    bus = Bus()
    FAKES["events"] = bus
    return bus


def sweep_at(moment: datetime) -> dict[str, int]:
    with clock.use_source(lambda: moment):
        return handle(sweeper, {}, CONTEXT)


@pytest.fixture
def order_id(shop: Shop, saga: Saga) -> str:
    with clock.use_source(lambda: NOON):
        placed = str(shop.place(prefer="respond-async").body["order_id"])
    saga.started.clear()
    return placed


def test_running_saga_is_not_resumed_at_first(order_id: str, saga: Saga) -> None:
    assert sweep_at(NOON + timedelta(seconds=59))["due"] == 0
    assert saga.started == []


def test_unfinished_order_is_resumed(order_id: str, saga: Saga) -> None:
    assert sweep_at(NOON + timedelta(seconds=61))["recovered"] == 1
    tried_at = "2026-11-23T12:01:01.000Z"
    assert json.loads(saga.started[0]["input"]) == {"mode": "resume", "order_id": order_id, "tried_at": tried_at}


def test_an_order_that_fails_each_time_stops_no_other(shop: Shop, saga: Saga) -> None:
    with clock.use_source(lambda: NOON):
        placed = [str(shop.place(f"key-{n}", prefer="respond-async").body["order_id"]) for n in range(4)]
    saga.started.clear()
    FAKES["dynamodb"] = dynamodb = boto3.client("dynamodb")

    def fail(params: dict[str, Any], **_: Any) -> None:
        if params["Key"]["pk"]["S"] == f"ORDER#{placed[0]}" and "lease" in str(params):
            raise RuntimeError("this row fails")

    dynamodb.meta.events.register("provide-client-params.dynamodb.UpdateItem", fail)
    done = sweep_at(NOON + timedelta(seconds=61))
    assert (done["due"], done["recovered"], done["failed"]) == (4, 3, 1)
    assert {json.loads(started["input"])["order_id"] for started in saga.started} == set(placed[1:])


def test_lease_excludes_a_second_sweeper(order_id: str, saga: Saga) -> None:
    moment = NOON + timedelta(seconds=61)
    assert order_store().lease(order_id, "one", moment) is not None
    assert order_store().lease(order_id, "two", moment) is None
    assert order_store().lease(order_id, "two", moment + timedelta(seconds=46)) is not None


def test_sweeper_retries_without_end(order_id: str, saga: Saga) -> None:
    moment = NOON
    for _ in range(30):
        moment += timedelta(minutes=16)
        sweep_at(moment)
    assert len(saga.started) == 30


def test_longest_waiting_order_of_all_shards_is_tried_first(shop: Shop, saga: Saga) -> None:
    placed = []
    for number in range(12):
        with clock.use_source(lambda number=number: NOON + timedelta(seconds=number)):
            placed.append(shop.place(key=f"key-{number}", prefer="respond-async").body["order_id"])
    saga.started.clear()
    sweep_at(NOON + timedelta(minutes=2))
    assert [json.loads(start["input"])["order_id"] for start in saga.started] == placed


def test_a_saga_that_cannot_be_started_is_started_by_the_next_sweep(order_id: str, saga: Saga) -> None:
    from botocore.exceptions import ConnectTimeoutError

    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise ConnectTimeoutError(endpoint_url="https://states")

    saga.answer = refuse
    assert sweep_at(NOON + timedelta(seconds=61)) == {"due": 1, "recovered": 0, "stuck": 0, "failed": 0, "republished": 0}
    saga.reaches("CONFIRMED")
    assert sweep_at(NOON + timedelta(seconds=122))["recovered"] == 1


def test_stale_event_is_republished_once(order_id: str, bus: Bus) -> None:
    assert sweep_at(NOON + timedelta(seconds=121))["republished"] == 1
    assert bus.types == ["OrderPlaced"]
    assert sweep_at(NOON + timedelta(seconds=182))["republished"] == 0


def test_compensation_that_keeps_failing_is_counted_for_the_alarm(order_id: str) -> None:
    row = {"status": "CANCELLING", "attempts": 3}
    assert sweeper.stuck_metric(row) == "CompensationFailed"
    assert sweeper.stuck_metric({**row, "status": "CONFIRMING"}) == "OrderStuck"
    assert sweeper.stuck_metric({**row, "attempts": 2}) is None
