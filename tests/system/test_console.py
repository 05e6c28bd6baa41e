"""The operator's page on the laptop's AWS: it shows an order that is placed while the page is open, and cancels it."""

import json
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from laptop import page as page_process
from laptop.emulator import process
from tests.support.browser import CHROMIUM, LEFT_OUT, launched
from tests.support.figures import FIGURE, RecordFigure
from tests.support.open_ports import listening
from tests.support.opened_addresses import NotingBrowser
from tests.support.polling import eventually
from tests.support.served_console import served
from tests.support.shell import shell
from tests.system.conftest import Laptop
from tests.system.page_views import VIEWS, refusals


def test_list_and_course_have_what_the_tables_have(laptop: Laptop) -> None:
    order_id = laptop.place().json()["order_id"]
    laptop.settled(order_id)
    with served(laptop.target) as address:
        with urlopen(f"{address}/api/orders", timeout=60) as answer:
            *orders, last = [json.loads(text) for text in answer.read().splitlines()]
        assert last == {"more": False}
        assert order_id in {order["order_id"] for order in orders}

        def names() -> set[str]:
            with urlopen(f"{address}/api/orders/{order_id}", timeout=60) as answer:
                return {step["name"] for step in json.load(answer)["steps"]}

        eventually(lambda: names() >= {"authorize", "reserve", "capture", "commit", "confirm"}, 120, "the course is whole")


@pytest.mark.skipif(CHROMIUM is None, reason=LEFT_OUT)
def test_page_shows_an_order_that_is_placed_and_cancels_it(laptop: Laptop, record_property: RecordFigure) -> None:
    """The figure is no bar here: other tests run beside this one. `tests/console` holds the bar with a bus in memory."""
    with served(laptop.target) as address, launched() as browser:
        page = browser.new_page()
        page.goto(f"{address}/#/orders")
        expect(page.get_by_text("live", exact=True)).to_be_visible()
        order_id = laptop.place().json()["order_id"]
        answered = time.monotonic()
        row = page.locator(".rows .row", has_text=order_id).filter(has_text="confirmed")
        expect(row).to_be_visible(timeout=60_000)
        waited = max(0.0, time.monotonic() - answered)
        record_property(FIGURE, f"on the laptop, a confirmed order is on the screen {waited * 1000:.0f} ms after its answer")
        row.get_by_role("link").click()
        page.get_by_role("button", name="Cancel …").click()  # first of all: within a minute the parcel leaves
        page.get_by_role("button", name="Cancel the order").click()
        for event in ("OrderConfirmed", "PaymentRefunded"):
            expect(page.locator("svg .mark[role=button]", has_text=event)).to_be_visible(timeout=120_000)
        expect(page.locator(".summary")).to_contain_text("cancelled", timeout=120_000)


@pytest.mark.skipif(CHROMIUM is None, reason=LEFT_OUT)
def test_each_view_of_the_laptop_shows_no_error(laptop: Laptop) -> None:
    order_id = str(laptop.place().json()["order_id"])
    laptop.settled(order_id)
    with served(laptop.target) as address, launched() as browser:
        assert refusals(browser, address, {**VIEWS, "faults": "/api/faults"}, order_id) == []


def test_up_serves_the_page_and_opens_it(laptop: Laptop, tmp_path: Path) -> None:
    browser = NotingBrowser(tmp_path)
    try:
        served_at = json.loads(shell(laptop.target, "orderctl up --open -o json", **browser.variables))["page"]
        with urlopen(f"{served_at}/api/stage", timeout=60) as answer:
            stage = json.load(answer)
        assert (stage["target"], stage["stage"], stage["actions"]) == ("laptop", "dev", True)
        assert stage["api"] == laptop.target.parameter("order/api-url").rstrip("/")
        assert eventually(browser.opened, 60, "the browser is started") == [served_at]
        for running in (page_process.running(), process.running()):
            assert running is not None
            addresses = listening(running.pid)
            assert addresses
            assert [address for address in addresses if not address.startswith("127.0.0.1:")] == []
    finally:
        page_process.stop()
