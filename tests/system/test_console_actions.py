"""The actions of the operator's page on the laptop's AWS: each one changes the stage as its command does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from console.guard import TOKEN_HEADER
from operations.replay import archive_replay
from tests.support.polling import eventually
from tests.support.served_console import TOKEN, served
from tests.system.conftest import Laptop
from tests.system.test_replay import some_history
from tests.system.test_runbooks import forget_dead_letters

INTAKE = "order/intake"
PATIENCE_SECONDS = 240


@pytest.fixture
def page(laptop: Laptop, tmp_path: Path) -> Iterator[str]:
    """Serve the page, with a folder for the copies of messages, and return its address."""
    with served(laptop.target, folder=tmp_path) as address:
        yield address


def read(page: str, path: str) -> Any:
    """Return the JSON of a request; of an answer by line, its last line."""
    with urlopen(page + path, timeout=120) as answer:
        return json.loads(answer.read().splitlines()[-1])


def act(page: str, path: str, body: object = None) -> Any:
    """Return the JSON of an action; of an answer by line, its last line. None if it has no line."""
    data = json.dumps(body or {}).encode()
    with urlopen(Request(page + path, data, {TOKEN_HEADER: TOKEN}, method="POST"), timeout=120) as answer:
        lines = answer.read().splitlines()
    return json.loads(lines[-1]) if lines else None


def place(page: str, sku: str = "MUG-BLUE", **more: str) -> str:
    """Place an order by the form, and return its id."""
    order = {"customer_id": "alice", "currency": "USD", "lines": [{"sku": sku, "quantity": 1}], **more}
    return str(act(page, "/api/place", {**order, "payment_token": "pm_card_visa"})["order_id"])


def test_order_of_the_form_is_confirmed(laptop: Laptop, page: str) -> None:
    assert laptop.settled(place(page))["status"] == "CONFIRMED"


def test_event_of_the_form_becomes_an_order(laptop: Laptop, page: str) -> None:
    form = read(page, "/api/publish-form")
    before = {row["pk"] for row in laptop.rows("order/table-name")}
    act(page, "/api/publish", {"channel": form["channel"], "detail": form["value"]})

    def placed() -> bool:
        rows = [row for row in laptop.rows("order/table-name") if row["pk"] not in before]
        return any(row.get("channel") == form["channel"] for row in rows)

    eventually(placed, PATIENCE_SECONDS, "the event is an order")


def test_order_that_waits_is_resumed_and_cancelled(laptop: Laptop, page: str) -> None:
    order_id = place(page, "LP-SOLD-OUT", if_short="BACK_ORDER")
    assert act(page, f"/api/orders/{order_id}/resume")["execution"].startswith("arn:")
    act(page, f"/api/orders/{order_id}/cancel")
    assert laptop.settled(order_id)["status"] == "CANCELLED"


def test_dead_letter_is_redriven_and_dropped(laptop: Laptop, page: str, tmp_path: Path) -> None:
    forget_dead_letters(laptop)
    form = read(page, "/api/publish-form")
    form["value"]["data"]["lines"] = [{"sku": "NO-SUCH-SKU", "quantity": 1}]
    act(page, "/api/publish", {"channel": form["channel"], "detail": form["value"]})

    def dead() -> Any:
        return read(page, f"/api/dead-letters/{INTAKE}")

    [letter] = eventually(dead, PATIENCE_SECONDS, "the event is a dead letter")
    assert "NO-SUCH-SKU" in letter["reason"]
    assert act(page, f"/api/dead-letters/{INTAKE}/redrive", {"all": True})["outcome"] == "redriven"
    [again] = eventually(dead, PATIENCE_SECONDS, "the event is a dead letter again")
    assert again["redriven"] == 1
    assert act(page, f"/api/dead-letters/{INTAKE}/drop", {"ids": [again["id"]]})["outcome"] == "dropped"
    assert dead() == []
    [copies] = tmp_path.glob("dead-letters-order-intake-*.jsonl")
    assert json.loads(copies.read_text())["id"] == again["id"]


def test_replay_is_followed_to_its_end(laptop: Laptop, page: str) -> None:
    some_history(laptop)
    name = act(page, "/api/replays/start", {"last": "1h", "to": ["shipping"], "compare": True})["name"]

    def followed() -> Any:
        found = read(page, f"/api/replays/{name}")
        return found if found["changed"] is not None else None

    found = eventually(followed, PATIENCE_SECONDS, "the rows are compared")
    assert (found["replay"]["state"] in archive_replay.ENDED, found["changed"]) == (True, [])
    with pytest.raises(HTTPError) as refused:
        act(page, f"/api/replays/{name}/cancel", {"reason": "wrong window"})
    assert f"The replay {name} was not cancelled" in json.loads(refused.value.read())["message"]


def test_fault_is_switched_on_and_off(laptop: Laptop, page: str) -> None:
    def on() -> list[str]:
        return [fault["name"] for fault in read(page, "/api/faults") if fault["on"]]

    try:
        act(page, "/api/faults/slow-carrier/start")
        assert on() == ["slow-carrier"]
    finally:
        assert act(page, "/api/faults/stop", {"names": []})["stopped"] == ["slow-carrier"]
    assert on() == []
    declined = act(page, "/api/faults/declined-card/start")
    assert laptop.settled(declined["order_id"])["status"] == "CANCELLED"
