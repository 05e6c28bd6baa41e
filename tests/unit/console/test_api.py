"""The requests of the page: what they return of a stage, and how they fail."""

import json
import re
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import NoCredentialsError

from console.api import Api, Console, catalogue, send_orders
from console.guard import SAFE_METHODS
from console.lines import Line
from operations.aws.target import Kind, Target
from operations.contracts import event_catalogue
from operations.errors import UserError
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage
from tests.support.served_console import RUN, TOKEN, served
from tests.unit.console.test_live import Orders, live, order

CHANGES = {
    route.path
    for route in Api(Console(ConsoleStage(), actions=True, token="", run="")).routes()
    if (route.methods or set()) - SAFE_METHODS
}
"""The path of each change that the page can request."""
pytestmark = pytest.mark.usefixtures("loopback")


def get(address: str, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, Any]:
    """Return the status and the JSON of an answer; of an answer by line, its last line."""
    request = Request(address + path, body or None, method=method, headers={"X-Orderflow-Token": TOKEN})
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read().splitlines()[-1])
    except HTTPError as error:
        return error.code, json.load(error)


def listed(address: str, query: str = "") -> tuple[list[dict[str, Any]], bool]:
    """Return the orders of a list, and whether there are more."""
    with urlopen(f"{address}/api/orders{query}", timeout=10) as answer:
        *orders, last = [json.loads(text) for text in answer.read().decode().splitlines()]
    return orders, last["more"]


def test_list_has_each_order_without_secrets() -> None:
    stage = ConsoleStage()
    placed = stage.place_all(STORIES[:3])
    with served(stage) as address:
        orders, more = listed(address)
    assert {row["order_id"] for row in orders} == set(placed)
    assert not more
    assert not any("payment_token" in row or "request_hash" in row for row in orders)


READ = (
    "/api/stage",
    "/api/orders/{order}",
    "/api/saga",
    "/api/saga/{order}",
    "/api/cost",
    "/api/events",
    "/api/catalogue",
    "/api/lamps",
    "/api/audit",
    "/api/order-form",
    "/api/publish-form",
    "/api/dead-letters",
    "/api/dead-letters/order/intake",
    "/api/replays",
    "/api/replays/histogram?from=2026-11-23T12:00:00Z&until=2026-11-23T12:10:00Z",
    "/api/replays/plan?from=2026-11-23T12:00:00Z&until=2026-11-23T12:10:00Z&to=notification",
)
"""The requests by which the page reads a stage, beside the list of orders."""


@pytest.mark.parametrize("path", READ)
def test_page_of_aws_reads_without_an_endpoint_of_the_laptop(path: str) -> None:
    stage = ConsoleStage(kind=Kind.AWS)
    placed = stage.place(STORIES[0])
    with served(stage, actions=False) as address:
        assert get(address, path.format(order=placed))[0] == 200


def test_list_of_a_customer_has_the_newest_first() -> None:
    stage = ConsoleStage()
    placed = stage.place_all(STORIES[:8])
    with served(stage) as address:
        orders, _ = listed(address, "?customer=customer-0")
    assert [row["order_id"] for row in orders] == [placed[7], placed[0]]


def test_list_by_number_has_the_order_that_a_customer_reads_out() -> None:
    stage = ConsoleStage()
    placed = stage.place_all(STORIES[:3])
    begin = placed[1].removeprefix("ord-")[:10]
    with served(stage) as address:
        orders, _ = listed(address, f"?number={begin[:5].upper()}-{begin[5:]}")
        status, found = get(address, "/api/orders?number=none")
    assert [row["order_id"] for row in orders] == [placed[1]]
    assert (status, found["message"]) == (400, "'none' must be a number such as AE2RY-IQQ5H: ten of A-Z and 2-7.")


def test_list_ends_after_its_most_orders() -> None:
    rows = [order(f"ord-{number}") for number in range(17)]
    sent: list[Line] = []
    send_orders([rows[:6], [], rows[6:]], live(Orders()), sent.extend, most=10)
    assert [line.get("order_id") for line in sent[:-1]] == [row["order_id"] for row in rows[:10]]
    assert sent[-1] == {"more": True}


def test_list_with_its_most_orders_has_no_more() -> None:
    rows = [order(f"ord-{number}") for number in range(10)]
    sent: list[Line] = []
    send_orders([rows, []], live(Orders()), sent.extend, most=10)
    assert (len(sent), sent[-1]) == (11, {"more": False})


def test_order_has_its_course() -> None:
    stage = ConsoleStage()
    placed = stage.place(STORIES[0])
    with served(stage) as address:
        status, found = get(address, f"/api/orders/{placed}")
    assert status == 200
    assert (found["order"]["order_id"], found["waits"]) == (placed, None)
    assert "payment_token" not in json.dumps(found)
    assert "pm_card_visa" not in json.dumps(found)


def test_unknown_order_is_an_error_with_a_next_step() -> None:
    with served(ConsoleStage()) as address:
        assert get(address, "/api/orders/ord-none") == (
            400,
            {"message": "There is no order ord-none.", "hint": "List the orders with `orderctl orders list`."},
        )


def test_stage_that_cannot_be_read_says_why() -> None:
    stage = ConsoleStage(kind=Kind.AWS, stage="prod", lost={"dynamodb": NoCredentialsError()})
    with served(stage) as address:
        status, found = get(address, "/api/orders")
    assert status == 400
    assert found["message"].startswith("No AWS credentials were found")
    assert "aws sso login" in found["hint"]


def test_actions_change_the_stage() -> None:
    stage = ConsoleStage()
    placed, waits = stage.place(STORIES[0], 9), stage.place(STORIES[43])
    with served(stage) as address:
        assert get(address, f"/api/orders/{placed}/cancel", "POST")[0] == 200
        assert get(address, f"/api/orders/{placed}/cancel", "POST") == (
            400,
            {
                "message": f"Order {placed} was not cancelled: the order is being cancelled.",
                "hint": f"See its state with `orderctl orders show {placed}`.",
            },
        )
        assert get(address, f"/api/orders/{waits}/resume", "POST") == (200, {"execution": "arn:execution"})
    assert (stage.cancelled, stage.resumed) == ([placed], [waits])


def test_page_that_is_read_only_changes_nothing() -> None:
    stage = ConsoleStage()
    stage.queues.bury("order/intake", "{}")
    with served(stage, actions=False) as address:
        for path in CHANGES:
            status, found = get(address, re.sub("{[^}]+}", "any", path), "POST", b'{"all": true}')
            assert (status, found["message"]) == (400, "This page is read-only.")
    assert (stage.cancelled, stage.resumed) == ([], [])
    assert stage.queues.bodies("order/intake-dlq-url") == ["{}"]


@pytest.mark.parametrize(
    "body", [b"[]", b"no JSON", b'{"ids": "message-1"}', b'{"ids": [1]}', b"{}", b'{"all": true, "ids": ["a"]}']
)
def test_change_that_names_no_messages_is_refused(body: bytes) -> None:
    stage = ConsoleStage()
    stage.queues.bury("order/intake", "{}")
    with served(stage) as address:
        assert get(address, "/api/dead-letters/order/intake/redrive", "POST", body)[0] == 400
    assert stage.queues.bodies("order/intake-dlq-url") == ["{}"]


def test_each_order_of_a_list_has_its_way_and_its_price() -> None:
    stage = ConsoleStage()
    stage.place_all()
    with served(stage) as address:
        orders, _ = listed(address)
        saga, cost = get(address, "/api/saga")[1], get(address, "/api/cost")[1]
    edges = {edge["name"] for edge in saga["picture"]["edges"]}
    assert all(set(saga["ways"][order["way"]]) <= edges for order in orders)
    assert {order["path"] for order in orders} - {None} <= set(cost["paths"])
    assert sum(order["path"] == "delivered" for order in orders) == 14


def test_unknown_queue_is_an_error_with_a_next_step() -> None:
    with served(ConsoleStage()) as address:
        status, found = get(address, "/api/dead-letters/order/nowhere")
    assert (status, found["message"]) == (400, "There is no dead-letter queue order/nowhere.")
    assert "order/intake" in found["hint"]


def test_event_is_published_by_its_form() -> None:
    stage = ConsoleStage()
    with served(stage) as address:
        form = get(address, "/api/publish-form")[1]
        body = json.dumps({"channel": "shop", "detail": form["value"]}).encode()
        status, found = get(address, "/api/publish", "POST", body)
        again = get(address, "/api/publish-form")[1]
    [put] = [put for put in stage.bus.published if put.event["source"] == "orderflow.channel.shop"]
    assert (status, found["event_id"]) == (200, form["value"]["metadata"]["event_id"])
    assert put.event["detail"] == form["value"]
    assert form["schema"]["title"] == "OrderPlaced by a channel"
    assert again["value"]["metadata"]["event_id"] != form["value"]["metadata"]["event_id"]


@pytest.mark.parametrize(
    ("channel", "changes", "field"),
    [
        ("shop", {"currency": "euro"}, "data.currency"),
        ("shop", {"lines": [{"sku": "MUG-BLUE", "quantity": 0}]}, "data.lines[0].quantity"),
        ("shop", {"customer_id": "alice@example.com"}, "data.customer_id"),
        ("Shop", {}, None),
        ("", {}, None),
    ],
)
def test_event_that_does_not_match_its_schema_is_refused_at_its_field(
    channel: str, changes: dict[str, object], field: str | None
) -> None:
    stage = ConsoleStage()
    with served(stage) as address:
        detail = get(address, "/api/publish-form")[1]["value"]
        detail["data"] |= changes
        status, found = get(address, "/api/publish", "POST", json.dumps({"channel": channel, "detail": detail}).encode())
    assert (status, found.get("field")) == (400, field)
    assert not [put for put in stage.bus.published if put.event["source"].startswith("orderflow.channel.")]


def test_catalogue_has_each_event_once_with_all_versions() -> None:
    entries = {(entry["publisher"], entry["event"]): entry for entry in catalogue()}
    assert len(entries) == len(catalogue()) == len(event_catalogue.newest())
    assert [each["version"] for each in entries["order", "OrderPlaced"]["versions"]] == [3, 2, 1]
    for each in (version for entry in catalogue() for version in entry["versions"]):
        assert {sample["detail"]["metadata"]["event_version"] for sample in each["samples"]} == {each["version"]}
    assert entries["order", "OrderCancelled"]["consumers"] == [
        "inventory/cancellations",
        "notification/notices",
        "payment/cancellations",
    ]


def test_pattern_that_is_not_valid_is_an_error_with_a_next_step() -> None:
    with served(ConsoleStage()) as address:
        assert get(address, "/api/events") == (200, {"seen": 0, "events": []})
        status, found = get(address, "/api/events?pattern=%7B%22source%22%3A1%7D")
    assert status == 400
    assert found["message"].startswith("The pattern is not valid: ")


def ids_until(stream: Any, end: str) -> list[str]:
    """Return the ids of a stream up to the first event of the type `end`."""
    ids = []
    for text in stream:
        name, _, value = text.decode().strip().partition(": ")
        if name == "id":
            ids.append(value)
        if (name, value) == ("event", end):
            break
    return ids


def test_stream_resumes_after_a_broken_connection() -> None:
    stage = ConsoleStage()
    with served(stage) as address:
        with urlopen(f"{address}/api/stream", timeout=10) as stream:
            assert ids_until(stream, "reset") == [f"{RUN}:1"]
            stage.place(STORIES[0])
            first = ids_until(stream, "published")
        with urlopen(Request(f"{address}/api/stream", headers={"Last-Event-ID": first[-1]}), timeout=10) as stream:
            again = ids_until(stream, "order")
    assert first == [f"{RUN}:2"]
    assert again == [f"{RUN}:3"]


def test_page_that_is_read_only_makes_nothing_on_the_stage() -> None:
    stage = ConsoleStage()
    with served(stage, actions=False) as address, urlopen(f"{address}/api/stream", timeout=10) as stream:
        assert stream.readline().startswith(b"retry")
        assert stage.bus.watchers == []


class WithoutAws(Target):
    def parameter(self, name: str) -> str:
        raise UserError("The order stack is not deployed.", "Deploy it.")


@pytest.mark.parametrize(
    ("target", "command"),
    [
        (Target(Kind.LAPTOP), "orderctl"),
        (Target(Kind.LAPTOP, stage="second"), "orderctl --stage second"),
        (Target(Kind.AWS, None, "eu-west-1", "prod"), "orderctl --target aws --region eu-west-1 --stage prod"),
        (
            Target(Kind.AWS, None, "eu-west-1", "prod", "shop"),
            "orderctl --target aws --region eu-west-1 --profile shop --stage prod",
        ),
    ],
)
def test_command_lines_name_the_stage(target: Target, command: str) -> None:
    there = WithoutAws(target.kind, None, target.region, target.stage, target.profile)
    shown = Console(there, actions=True, token="", run="").stage()
    assert (shown["command"], shown["api"]) == (command, None)


def test_command_lines_name_the_address_of_a_laptop_that_is_not_found_without_it() -> None:
    there = WithoutAws(Kind.LAPTOP, "http://127.0.0.1:5001", "us-east-1", "demo")
    shown = Console(there, actions=True, token="", run="", names_endpoint=True).stage()
    assert shown["command"] == "orderctl --endpoint-url http://127.0.0.1:5001 --stage demo"
