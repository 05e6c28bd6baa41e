"""The operator's page on AWS: a second stage, whose page makes no call that only the laptop has."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from console.api import Api, Console
from console.guard import TOKEN_HEADER
from kernel.clients import AwsClient
from laptop import seed
from operations.aws.signed_http import Answer
from operations.aws.target import Kind, Target
from operations.errors import UserError
from operations.replay import archive_replay
from orderctl.terminal.output import Progress
from tests.support.browser import CHROMIUM, LEFT_OUT, launched
from tests.support.orderctl_run import orderctl
from tests.support.served_console import TOKEN, served
from tests.system.conftest import Laptop
from tests.system.page_views import VIEWS, refusals

SECOND = "second"
STREAM = "/api/stream"
READ = (
    "/api/stage",
    "/api/orders",
    "/api/orders?customer=alice",
    "/api/orders/{order_id}",
    "/api/saga",
    "/api/saga/{order_id}",
    "/api/cost",
    "/api/events",
    "/api/catalogue",
    "/api/lamps",
    "/api/audit",
    "/api/order-form",
    "/api/dead-letters",
    "/api/dead-letters/order/intake",
    "/api/publish-form",
    "/api/replays",
    "/api/replays/histogram?last=1h",
    "/api/replays/plan?last=1h&to=shipping",
    "/api/replays/{replay}",
)
"""The requests by which the page reads a stage. The faults are of the laptop: the page of AWS does not ask for them."""
ABOUT_THE_ORDER = ("/api/orders", "/api/orders?customer=alice", "/api/orders/{order_id}")
"""Those whose answer names the order."""
OF_THE_LAPTOP = "/api/faults"
CHANGES = (
    "/api/orders/{order_id}/cancel",
    "/api/orders/{order_id}/resume",
    "/api/place",
    "/api/publish",
    "/api/dead-letters/order/intake/redrive",
    "/api/dead-letters/order/intake/drop",
    "/api/faults/stop",
    "/api/faults/declined-card/start",
    "/api/replays/start",
    "/api/replays/{replay}/cancel",
)
"""The requests by which the page changes a stage."""


@dataclass(frozen=True)
class AwsTarget(Target):
    """A target of AWS whose clients reach the tests' laptop.

    It has no endpoint, so it refuses what needs one: the emulator's own requests, and a process on the laptop's AWS.
    """

    there: Target = field(default_factory=Target)
    refused: list[str] = field(default_factory=list, compare=False)

    def client(self, service: str, **config: object) -> AwsClient:
        """Return the client of the laptop."""
        return self.there.client(service, **config)

    def call(self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send the request with the laptop's credentials."""
        return self.there.call(method, url, body, headers)

    def reachable(self) -> str:
        """Refuse to return the emulator's address, and note it."""
        self.refused.append("reachable")
        raise UserError("AWS has no address of an emulator.", "Call its services.")


@pytest.fixture(scope="module")
def second(laptop: Laptop) -> Iterator[Laptop]:
    """Deploy a second stage beside the first one, for these tests."""
    target = replace(laptop.target, stage=SECOND)
    orderctl(target, "--stage", SECOND, "deploy", "--all", "--yes")
    try:
        seed.seed(target, Progress())
        yield Laptop(target)
    finally:
        orderctl(target, "--stage", SECOND, "destroy", "--all", "--yes", "--lift-protection")


@pytest.fixture(scope="module")
def order_id(second: Laptop) -> str:
    """Place an order on the second stage, and return its id."""
    placed = str(second.place().json()["order_id"])
    second.settled(placed)
    return placed


@pytest.fixture(scope="module")
def replay(second: Laptop, order_id: str) -> str:
    """Replay the second stage's events to one service, and return the name of the replay."""
    orderctl(second.target, "--stage", SECOND, "replay", "start", "--last", "1h", "--to", "shipping", "--wait")
    [started] = archive_replay.listed(second.target)
    return started["name"]


@pytest.fixture
def aws(second: Laptop) -> Iterator[AwsTarget]:
    """Return the second stage as a target of AWS. The test must make no call that only the laptop has."""
    target = AwsTarget(Kind.AWS, None, second.target.region, SECOND, there=second.target)
    yield target
    assert target.refused == []


def named(path: str) -> str:
    """Return the path of a request without its query, with a name for each of its parameters and values."""
    return re.sub(r"\{\w+(:\w+)?\}|order/intake|declined-card", "*", path.partition("?")[0])


def test_lists_have_each_request_of_the_page() -> None:
    routes = Api(Console(Target(), actions=False, token=TOKEN, run="run")).routes()
    by_kind = {True: set[str](), False: set[str]()}
    for route in routes:
        by_kind["POST" in (route.methods or ())].add(named(route.path))
    assert by_kind[False] == {named(path) for path in (*READ, OF_THE_LAPTOP, STREAM)}
    assert by_kind[True] == {named(path) for path in CHANGES}


@pytest.mark.parametrize("path", READ)
def test_page_reads_a_second_stage_of_aws(aws: AwsTarget, order_id: str, replay: str, path: str) -> None:
    with (
        served(aws, actions=False) as address,
        urlopen(address + path.format(order_id=order_id, replay=replay), timeout=120) as answer,
    ):
        assert answer.status == 200
        found = answer.read().decode()
    assert '"trouble"' not in found
    assert order_id in found or path not in ABOUT_THE_ORDER


def test_page_of_the_second_stage_has_no_order_of_the_first(laptop: Laptop, aws: AwsTarget, order_id: str) -> None:
    other = str(laptop.place().json()["order_id"])
    with served(aws, actions=False) as address, urlopen(f"{address}/api/orders", timeout=60) as answer:
        listed = answer.read().decode()
    assert order_id in listed
    assert other not in listed


def test_page_of_aws_streams_without_a_change_of_the_stage(aws: AwsTarget) -> None:
    rules = aws.client("events").list_rules(EventBusName=aws.parameter("platform/bus-name"))["Rules"]
    with served(aws, actions=False) as address, urlopen(f"{address}{STREAM}", timeout=60) as stream:
        assert stream.readline().startswith(b"retry")
        assert aws.client("events").list_rules(EventBusName=aws.parameter("platform/bus-name"))["Rules"] == rules


@pytest.mark.parametrize("path", CHANGES)
def test_page_of_aws_changes_nothing_unless_it_is_allowed_to(aws: AwsTarget, order_id: str, replay: str, path: str) -> None:
    with served(aws, actions=False) as address:
        url = address + path.format(order_id=order_id, replay=replay)
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(url, method="POST", headers={TOKEN_HEADER: TOKEN}), timeout=60)
    assert refused.value.code == 400
    assert "--allow-actions" in json.loads(refused.value.read())["hint"]


@pytest.mark.skipif(CHROMIUM is None, reason=LEFT_OUT)
def test_views_of_aws_show_the_stage_without_an_error(aws: AwsTarget, order_id: str) -> None:
    asked: list[str] = []
    with served(aws, actions=False) as address, launched() as browser:
        assert refusals(browser, address, VIEWS, order_id, asked.append) == []
        page = browser.new_page()
        page.goto(f"{address}/#/orders/{order_id}")
        expect(page.get_by_text(f"aws · {SECOND} · read-only")).to_be_visible()
        expect(page.locator("svg .mark[role=button]", has_text="OrderConfirmed")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("button", name="Cancel …")).to_have_count(0)
    assert [path for path in asked if path.startswith(OF_THE_LAPTOP)] == []


def test_page_of_aws_cancels_an_order_if_it_is_allowed_to(second: Laptop, aws: AwsTarget, tmp_path: Path) -> None:
    placed = str(second.place().json()["order_id"])
    second.settled(placed)
    with served(aws, folder=tmp_path) as address:
        url = f"{address}/api/orders/{placed}/cancel"
        with urlopen(Request(url, method="POST", headers={TOKEN_HEADER: TOKEN}), timeout=60) as answer:
            assert json.load(answer)["order_id"] == placed
