"""The demonstration's scenes report their result, or their failure; its laptop is its own, and ends with it."""

import json
import re
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from kernel.aggregate_store import marshal
from kernel.naming import SERVICES
from laptop import seed
from laptop.demo import scenes, show
from laptop.demo.scenes import SceneFailedError
from laptop.emulator import process
from operations.aws.target import Kind
from operations.errors import CheckFailedError
from operations.plural import counted
from operations.repository import REPOSITORY
from orderctl.commands.demo import next_lines
from orderctl.terminal.output import Progress
from tests.support.documented_commands import invocations, read
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


def test_order_cancelled_as_unavailable_is_placed_once_more_with_a_new_key(stage: Stage, playing: scenes.Stage) -> None:
    cancelled = {"status": "CANCELLED", "reason": "PAYMENT_UNAVAILABLE"}
    answers = [{"statusCode": 409, "body": json.dumps({"type": "cancelled", "order": cancelled})}]
    decided, keys = stage.apis["https://api.example"], list[str]()

    def answer(event: Any, context: Any) -> dict[str, Any]:
        keys.append(event["headers"]["idempotency-key"])
        return answers.pop() if answers else decided(event, context)

    stage.apis["https://api.example"] = answer
    assert scenes.confirmed(playing).said == "201: paid, committed, confirmed"
    assert len(set(keys)) == 2


def test_refused_order_is_not_placed_again(stage: Stage, playing: scenes.Stage) -> None:
    answers = [{"statusCode": 409, "body": json.dumps({"order": {"reason": "OUT_OF_STOCK"}})}]
    stage.apis["https://api.example"] = lambda event, context: answers.pop()
    with pytest.raises(SceneFailedError, match="answered 409 instead of 201"):
        scenes.confirmed(playing)


def test_warm_up_takes_any_answer(stage: Stage, playing: scenes.Stage) -> None:
    scenes.warm_up(playing)
    assert [order["status"] for order in stage.orders().values()] == ["CANCELLED"]
    stage.apis["https://api.example"] = lambda event, context: {"statusCode": 503, "body": ""}
    scenes.warm_up(playing)
    assert playing.shown == []


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a home without a laptop AWS."""
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    return process.home()


def runs(stage: str) -> None:
    """Record that a laptop AWS of this stage runs: the process of the test."""
    me = psutil.Process()
    process.save_record(process.Running(me.pid, me.create_time(), 4566, "http://127.0.0.1:4566", stage, "", ""))


@pytest.mark.parametrize("running", [None, "demo"])
def test_demo_uses_the_home_of_up(home: Path, running: str | None) -> None:
    if running:
        runs(running)
    with show.home_of_demo():
        assert process.home() == home


def test_demo_runs_beside_another_stage(home: Path) -> None:
    runs("dev")
    with show.home_of_demo():
        assert process.home() == home / "demo"
    assert process.home() == home


@pytest.mark.parametrize(("stops", "calls"), [(True, 1), (False, 0)])
def test_demo_stops_its_emulator_on_request_only(home: Path, stops: bool, calls: int) -> None:
    stopped = []
    with show.stopped_afterwards(stops=stops, stop=lambda: stopped.append(home)):
        assert stopped == []
    with pytest.raises(SceneFailedError), show.stopped_afterwards(stops=stops, stop=lambda: stopped.append(home)):
        raise SceneFailedError("it rains")
    assert len(stopped) == 2 * calls


def test_line_for_curl_is_signed_and_reads_the_order() -> None:
    laptop = Stage(kind=Kind.LAPTOP, endpoint_url="http://127.0.0.1:4566", region="us-east-1")
    assert show.curl_line(laptop, "ord-1") == (
        "curl --noproxy '*' --aws-sigv4 aws:amz:us-east-1:execute-api --user test:test https://api.example/orders/ord-1"
    )


def ended(page: str | None, beside: str = "") -> str:
    """Return the end of a demo on a laptop AWS, whose first order is ord-1."""
    laptop = Stage(kind=Kind.LAPTOP, endpoint_url="http://127.0.0.1:4566", region="us-east-1")
    return "\n".join(next_lines(laptop, page, "ord-1", beside))


def test_demo_ends_with_the_addresses_a_request_and_three_things_to_try() -> None:
    printed = ended("http://127.0.0.1:4600")
    assert "Page  http://127.0.0.1:4600\n  API   https://api.example\n" in printed
    assert "--user test:test https://api.example/orders/ord-1\n" in printed
    assert re.findall(r"^  (\d)\. ", printed, re.MULTILINE) == ["1", "2", "3"]
    assert "did not start" not in printed


def test_end_of_the_demo_names_what_exists() -> None:
    printed = ended("http://127.0.0.1:4600")
    [command] = [line for text in printed.splitlines() for line in invocations(text, "orderctl")]
    assert read(command)[0] == "orders place"
    targets = re.findall(r"`make (\w+)`", printed)
    assert targets == ["down"]
    assert re.search(rf"^{targets[0]}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert "your code: the section of that name in README.md" in printed
    assert "\n## From your code\n" in (REPOSITORY / "README.md").read_text()


def test_demo_beside_another_laptop_says_how_to_choose_it() -> None:
    assert "export ORDERFLOW_HOME" not in ended("http://127.0.0.1:4600")
    printed = ended("http://127.0.0.1:4600", "export ORDERFLOW_HOME=/home/alice/demo")
    chosen, then = printed.index("export ORDERFLOW_HOME=/home/alice/demo"), printed.index("Then try:")
    assert chosen < then


def test_demo_whose_page_did_not_start_says_where_to_look(home: Path) -> None:
    assert f"The page did not start. See {home}/logs/page.log, then run `orderctl console`." in ended(None)


def test_demo_with_more_or_fewer_mails_than_recorded_fails() -> None:
    show.check_mails(5, {"confirmed SENT": 3, "dispatched SENT": 2})
    for sent in (4, 6):
        with pytest.raises(CheckFailedError, match=f"The mailbox has {counted(sent, 'mail')}, and the tables record 5"):
            show.check_mails(sent, {"confirmed SENT": 3, "dispatched SENT": 2})


def test_mail_with_an_unknown_result_counts_as_sent_or_not() -> None:
    for sent in (3, 4):
        show.check_mails(sent, {"confirmed SENT": 3, "dispatched FAILED": 1})
