"""The actions of the operator's page on the laptop's AWS, each by a click in a browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from operations import faults
from tests.support.browser import CHROMIUM, LEFT_OUT, launched
from tests.support.polling import eventually
from tests.support.served_console import served
from tests.system.conftest import Laptop
from tests.system.test_replay import deliver_everything
from tests.system.test_runbooks import forget_dead_letters

PATIENCE_SECONDS = 240
ORDER_ID = re.compile("ord-[a-z2-7]{26}")
INTAKE = "order/intake"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=LEFT_OUT)


@pytest.fixture(scope="module")
def page(laptop: Laptop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Serve the page of the laptop, and open it. No view may show an error that the test does not look at."""
    folder: Path = tmp_path_factory.mktemp("copies")
    with served(laptop.target, folder=folder) as address, launched() as browser:
        opened = browser.new_page()
        opened.set_default_timeout(1000 * PATIENCE_SECONDS)
        opened.goto(address)
        yield opened


def go(page: Page, view: str) -> None:
    """Go to a view by the bar on top."""
    page.get_by_role("navigation").get_by_role("link", name=view, exact=True).click()
    see(page.get_by_role("heading", level=1), view)


def see(place: Locator, text: str | re.Pattern[str]) -> None:
    """Wait until a place shows a text. The stage may take its time."""
    expect(place).to_contain_text(text, timeout=1000 * PATIENCE_SECONDS)


def order_in(place: Locator) -> str:
    """Return the id of the order that a place links to, once it does."""
    found = ORDER_ID.search(place.get_by_role("link", name=ORDER_ID).first.inner_text())
    assert found is not None
    return found[0]


def placed(page: Page, sku: str, if_short: str = "") -> str:
    """Place an order by the form, and return its id."""
    go(page, "Home")
    form = page.get_by_role("region", name="Place an order")
    form.get_by_role("textbox", name="sku").fill(sku)
    form.get_by_label("if_short (optional)").select_option(if_short)
    form.get_by_role("button", name="Place the order").click()
    return order_in(form.get_by_role("status"))


def published(page: Page, sku: str) -> str:
    """Publish an order by the form of its event, and return its id."""
    go(page, "Bus")
    form = page.get_by_role("region", name="Publish an event")
    form.get_by_role("textbox", name="sku").fill(sku)
    form.get_by_role("button", name="Publish", exact=True).click()
    order_id = order_in(form.get_by_role("status"))
    form.get_by_role("button", name="Begin another").click()
    expect(form.get_by_role("status")).to_have_count(0)
    return order_id


def test_orders_are_placed_published_resumed_and_cancelled(laptop: Laptop, page: Page) -> None:
    by_form, by_event = placed(page, "MUG-BLUE"), published(page, "MUG-BLUE")
    short = placed(page, "LP-SOLD-OUT", "BACK_ORDER")
    page.get_by_role("status").get_by_role("link", name=short).click()
    summary, done = page.locator(".summary"), page.get_by_role("region", name="Actions").get_by_role("status")
    see(summary, "backordered")
    page.get_by_role("textbox", name="Reason (optional)").fill("stock has arrived")
    page.get_by_role("button", name="Resume", exact=True).click()
    see(done, "The saga was started again.")
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_role("button", name="Cancel the order").click()
    see(summary, "cancelled")
    assert {laptop.settled(order_id)["status"] for order_id in (by_form, by_event)} == {"CONFIRMED"}
    assert laptop.settled(short)["status"] == "CANCELLED"


def test_dead_letter_is_redriven_and_dropped(laptop: Laptop, page: Page) -> None:
    forget_dead_letters(laptop)
    published(page, "NO-SUCH-SKU")
    go(page, "Dead letters")
    letters, outcome = page.get_by_role("region", name="Messages"), page.get_by_role("region", name=f"Queue {INTAKE}")

    redriven, again = letters.locator("tbody td.number").last, page.get_by_role("button", name="Read again")

    def reads(place: Locator, text: str) -> bool:
        again.click()
        expect(place).to_have_text(text, timeout=1000)
        return True

    queue = page.get_by_role("link", name=INTAKE)
    eventually(lambda: reads(queue, INTAKE), PATIENCE_SECONDS, "the event is a dead letter")
    queue.click()
    see(letters, "NO-SUCH-SKU")
    page.get_by_role("button", name="Redrive all").click()
    see(outcome, "1 redriven")
    eventually(lambda: reads(redriven, "1"), PATIENCE_SECONDS, "the event is a dead letter again")
    page.get_by_role("checkbox", name="Choose").check()
    page.get_by_role("button", name="Drop 1 chosen …").click()
    page.get_by_role("button", name="Drop 1 chosen", exact=True).click()
    see(outcome, "1 dropped")
    assert laptop.dead_letters() == {}


def test_fault_is_switched_on_watched_and_switched_off(laptop: Laptop, page: Page) -> None:
    go(page, "Faults")
    banner, summary = page.locator(".banner"), page.locator(".summary")
    try:
        page.get_by_role("button", name="Switch on double-deliveries").click()
        twice = order_in(page.get_by_role("status").filter(has_text="double-deliveries began."))
        see(banner, "double-deliveries")
        page.get_by_role("link", name=f"Watch {twice} heal").click()
        see(summary, "confirmed")
        banner.get_by_role("button", name="Switch all off").click()
        expect(banner).to_have_count(0, timeout=1000 * PATIENCE_SECONDS)
    finally:
        faults.stop(laptop.target, [])
    go(page, "Faults")
    page.get_by_role("button", name="Try declined-card").click()
    declined = order_in(page.get_by_role("status").filter(has_text="declined-card began."))
    page.get_by_role("link", name=f"Watch {declined} heal").click()
    see(summary, "payment declined")
    assert laptop.ledger(twice)["capture"] == "CAPTURED"


def test_replay_is_planned_started_and_followed(laptop: Laptop, page: Page) -> None:
    go(page, "Replay")
    page.get_by_role("checkbox", name="shipping").check()
    page.get_by_role("button", name="Make the plan").click()
    see(page.get_by_role("region", name="Effects"), "shipping/orders")
    laptop.quiet()
    deliver_everything(laptop)
    laptop.quiet()
    page.get_by_role("button", name="Start …").click()
    page.get_by_role("button", name="Start the replay").click()
    see(page.get_by_role("region", name="Replay", exact=True), "Nothing changed: no row of any table.")


def test_audit_is_run(laptop: Laptop, page: Page) -> None:
    go(page, "Home")
    page.get_by_role("button", name="Audit", exact=True).click()
    see(page.get_by_role("list", name="State"), re.compile(r"\d+ findings?"))
    see(page.get_by_label("Money and stock"), "USD")
