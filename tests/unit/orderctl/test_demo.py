"""The demonstration's scenes report their result, or their failure; its laptop is its own, and ends with it."""

import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3
import pytest

from kernel.aggregate_store import marshal
from kernel.naming import SERVICES
from laptop import seed
from laptop.demo import scenes, show
from laptop.demo.scenes import SceneFailedError
from laptop.emulator import process
from operations.errors import CheckFailedError
from orderctl.terminal.output import Progress
from tests.unit.orderctl.conftest import Stage


@pytest.fixture
def playing(stage: Stage) -> scenes.Stage:
    """Return a demonstration on a stocked stage; its gateway declines the right card."""
    seed.seed(stage, Progress())
    stage.saga.declines = lambda order: order["payment_token"] == "pm_card_declined"
    return scenes.Stage(stage)


def order_of(stage: Stage, shown: scenes.Shown) -> dict[str, Any]:
    assert shown.order_id is not None
    return stage.orders()[shown.order_id]


def test_an_order_is_confirmed_and_one_is_declined(stage: Stage, playing: scenes.Stage) -> None:
    assert order_of(stage, scenes.play(playing, scenes.confirmed))["status"] == "CONFIRMED"
    assert order_of(stage, scenes.play(playing, scenes.declined))["status"] == "CANCELLED"
    assert [shown.scene for shown in playing.shown] == ["POST /orders", "POST /orders, card declined"]


def test_event_published_twice_is_one_order(stage: Stage, playing: scenes.Stage) -> None:
    assert order_of(stage, scenes.play(playing, scenes.published))["channel"] == "shop"
    assert len(stage.orders()) == 1


def test_demo_can_run_again_on_the_same_stage(stage: Stage, playing: scenes.Stage) -> None:
    for run in (playing, scenes.Stage(stage)):
        scenes.play(run, scenes.confirmed)
    assert len(stage.orders()) == 2


def test_scene_with_another_result_fails(stage: Stage, playing: scenes.Stage) -> None:
    stage.saga.declines = lambda order: True
    with pytest.raises(SceneFailedError, match="answered 402 instead of 201"):
        scenes.play(playing, scenes.confirmed)
    assert playing.shown == []


def answering(stage: Stage, code: int, **order: object) -> None:
    """Let the order API answer with this order, whatever is placed."""
    answer = {"statusCode": code, "body": json.dumps({"order_id": "ord-1", **order})}
    stage.apis["https://api.example"] = lambda event, context: answer


def put(key: str, **row: object) -> None:
    """Put a row into the stage's table."""
    boto3.client("dynamodb").put_item(TableName="stage", Item=marshal({"pk": key, **row}))


def test_scene_checks_that_the_payment_is_voided(stage: Stage, playing: scenes.Stage) -> None:
    answering(stage, 409)
    stage.parameters.update({f"{service}/table-name": "stage" for service in SERVICES})
    put("PAY#ord-1", status="AUTHORIZED")
    with pytest.raises(SceneFailedError, match="the payment of ord-1 is AUTHORIZED, not VOIDED"):
        scenes.out_of_stock(playing)


def test_scene_checks_that_the_order_is_partial(stage: Stage, playing: scenes.Stage) -> None:
    answering(stage, 201)
    put("ORDER#ord-1", lines=[{"sku": "LP-SOLD-OUT"}])
    with pytest.raises(SceneFailedError, match=r"ord-1 is confirmed for .* LP-SOLD-OUT is sold out"):
        scenes.for_a_part(playing)


@pytest.mark.parametrize("undecided", [0, 1, 2])
def test_undecided_order_is_placed_once_more(stage: Stage, playing: scenes.Stage, undecided: int) -> None:
    answers = [{"statusCode": 202, "body": '{"order_id": "ord-1", "status": "PENDING"}'}] * undecided
    decided = stage.apis["https://api.example"]
    stage.apis["https://api.example"] = lambda event, context: answers.pop() if answers else decided(event, context)
    if undecided < 2:
        assert scenes.confirmed(playing).said == "201: paid, committed, confirmed"
        return
    with pytest.raises(SceneFailedError, match="answered 202 instead of 201") as failed:
        scenes.confirmed(playing)
    assert "too busy" in failed.value.hint


def test_scene_fails_if_a_back_order_stays_waiting_after_its_delivery(stage: Stage, playing: scenes.Stage) -> None:
    answering(stage, 202, status="BACKORDERED")
    put("ORDER#ord-1", status="BACKORDERED")
    stage.fakes["lambda"].handlers |= dict.fromkeys(("inventory/sweeper-arn", "order/sweeper-arn"), lambda event, context: {})
    with pytest.raises(SceneFailedError, match="ord-1 is still waiting"):
        scenes.back_ordered(playing)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Yield the home of each laptop AWS that was ended."""
    homes: list[Path] = []
    monkeypatch.delenv("ORDERFLOW_HOME", raising=False)
    return homes


def own_laptop(stopped: list[Path], *, keep: bool) -> AbstractContextManager[None]:
    return show.own_laptop(keep=keep, stop=lambda: stopped.append(process.home()))


def test_demo_uses_an_emulator_of_its_own(stopped: list[Path]) -> None:
    theirs = process.home()
    with own_laptop(stopped, keep=False):
        assert process.home() == theirs / "demo"
    assert stopped == [theirs / "demo"]
    assert "ORDERFLOW_HOME" not in os.environ


def test_demo_stops_its_emulator_after_a_failed_scene(stopped: list[Path]) -> None:
    with pytest.raises(SceneFailedError), own_laptop(stopped, keep=False):
        raise SceneFailedError("it rains")
    assert len(stopped) == 1


def test_demo_keeps_its_emulator_on_request(stopped: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    with own_laptop(stopped, keep=True):
        assert process.home() == tmp_path.resolve() / "demo"
    assert stopped == []
    assert os.environ["ORDERFLOW_HOME"] == str(tmp_path)


def test_demo_with_more_or_fewer_mails_than_recorded_fails() -> None:
    show.check_mails(5, {"confirmed SENT": 3, "dispatched SENT": 2})
    for sent in (4, 6):
        with pytest.raises(CheckFailedError, match=f"{sent} mails were sent, but the tables record 5"):
            show.check_mails(sent, {"confirmed SENT": 3, "dispatched SENT": 2})


def test_mail_with_an_unknown_result_counts_as_sent_or_not() -> None:
    for sent in (3, 4):
        show.check_mails(sent, {"confirmed SENT": 3, "dispatched FAILED": 1})
