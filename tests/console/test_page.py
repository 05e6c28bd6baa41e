"""The page as a whole: phones, themes, its first content, its connection."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.console.conftest import PHONE, TWO_FRAMES, VIEWS, Open, close, shown
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage
from tests.support.figures import FIGURE, RecordFigure
from tests.support.served_console import served

REPOSITORY = Path(__file__).parents[2]
FIRST_CONTENT_MS = 1000
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
"""A browser reports its first paint some time after it: what a script finds in the document may not be drawn yet."""


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_a_phone(open_page: Open, stage: ConsoleStage, view: str) -> None:
    page = open_page(view.format(order=stage.place(STORIES[13])), width=PHONE)
    shown(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_first_content_comes_soon(open_page: Open, stage: ConsoleStage, record_property: RecordFigure) -> None:
    stage.place(STORIES[0])
    page = open_page()
    found = []
    for _ in range(3):
        page.reload()
        shown(page)
        found.append(float(page.wait_for_function(FIRST_PAINT).json_value()))
    record_property(FIGURE, f"first content after {min(found):.0f} ms (bar {FIRST_CONTENT_MS} ms)")
    assert min(found) <= FIRST_CONTENT_MS


def test_nothing_moves_if_the_reader_wants_less_motion(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(STORIES[0])
    page = open_page(reduced_motion="reduce")
    shown(page)
    page.locator(".rows .row").first.evaluate("row => row.classList.add('fresh')")
    assert page.locator(".rows .row").first.evaluate("row => getComputedStyle(row).animationName") == "none"


def test_page_runs_no_script_of_another_place(open_page: Open, stage: ConsoleStage) -> None:
    requested: list[str] = []
    page = open_page()
    page.on("request", lambda request: requested.append(request.url))
    page.reload()
    shown(page)
    origin = page.evaluate("location.origin")
    assert requested
    assert [url for url in requested if not url.startswith(origin)] == []


def test_server_that_is_gone_is_said_and_its_return_too(browser: Browser, stage: ConsoleStage) -> None:
    stage.place(STORIES[0])
    page = browser.new_page()
    with served(stage) as address:
        page.goto(f"{address}/#/orders")
        expect(page.get_by_text("live", exact=True)).to_be_visible()
    expect(page.get_by_text("connection lost, trying again")).to_be_visible()
    missed = stage.place(STORIES[1])
    with served(stage, run="another", port=int(address.rpartition(":")[2])):
        expect(page.get_by_text("live", exact=True)).to_be_visible(timeout=20_000)
        expect(page.locator(".rows .row", has_text=missed)).to_be_visible()
        page.close()


def test_page_forgets_a_stage_that_another_replaced(browser: Browser, stage: ConsoleStage) -> None:
    """As `orderctl down` and `orderctl up` do: the orders are gone, and the new server has another token."""
    page, another = browser.new_page(), ConsoleStage()
    _, gone = stage.place_all(STORIES[:2])
    waiting = another.place(STORIES[43])
    with served(stage) as address:
        page.goto(f"{address}/#/orders")
        expect(page.locator(".rows .row", has_text=gone)).to_be_visible()
    with served(another, token="another", run="another", port=int(address.rpartition(":")[2])):
        expect(page.locator(".rows .row", has_text=waiting)).to_be_visible()
        expect(page.locator(".rows .row", has_text=gone)).to_have_count(0)
        page.goto(f"{address}/#/orders/{waiting}")
        page.get_by_role("button", name="Resume", exact=True).click()
        expect(page.get_by_text("The saga was started again.")).to_be_visible()
        page.close()


@pytest.mark.parametrize("view", ["home", "replay"])
def test_stage_that_cannot_be_read_at_first_is_read_later(browser: Browser, stage: ConsoleStage, view: str) -> None:
    page = browser.new_page()
    page.route("**/api/stage", lambda route: route.fulfill(status=503))
    with served(stage) as address:
        page.goto(f"{address}/#/{view}")
        expect(page.get_by_role("alert")).to_contain_text("The server failed with status 503.")
        page.unroute("**/api/stage")
        expect(page.get_by_text("laptop · dev")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)
        page.close()


READ = "path => performance.getEntriesByType('resource').some(({ name }) => name.includes(path))"
"""A request is among a browser's resources once its response has ended, and failed ones are too."""
READ_ANEW = {
    "home": "/api/events",
    "bus": "/api/events",
    "saga/{order}": "/api/saga/ord-",
    "orders/{order}": "/api/orders/ord-",
    "orders/{order}?event=ORDER%23{order}%231": "/api/orders/ord-",
    "orders/none": "/api/orders/none",
}
"""The path that a view reads anew at each connection. The others read the list of orders."""
LOST_AGAIN = "retry: 100\nevent: reset\ndata: null\n\n"
"""A stream that the server ends at once, so that the page connects and reads anew every 100 milliseconds."""


@pytest.mark.parametrize("view", VIEWS)
def test_reading_anew_and_its_failure_leave_the_focus_where_it_is(browser: Browser, stage: ConsoleStage, view: str) -> None:
    order_id = stage.place(STORIES[0])
    page = browser.new_page()

    def leaves_the_focus() -> None:
        page.evaluate("performance.clearResourceTimings()")
        page.wait_for_function(READ, arg=READ_ANEW.get(view, "/api/orders"))
        page.evaluate(TWO_FRAMES)
        expect(page.locator("[data-mark=focused]")).to_be_focused()

    with served(stage) as address:
        page.route("**/api/stream", lambda route: route.fulfill(content_type="text/event-stream", body=LOST_AGAIN))
        page.goto(f"{address}/#/{view.format(order=order_id)}")
        shown(page)
        page.locator("main :is(a, button, input, select, [tabindex='0']):visible").last.focus()
        page.evaluate("document.activeElement.dataset.mark = 'focused'")
        leaves_the_focus()
        page.route(re.compile("/api/(?!stream)"), lambda route: route.fulfill(status=503))
        leaves_the_focus()
        page.unroute(re.compile("/api/(?!stream)"))
        leaves_the_focus()
        close(page)


@pytest.mark.parametrize("view", ["orders", "saga", "cost"])
def test_view_draws_no_conclusion_from_a_list_that_is_not_read(open_page: Open, stage: ConsoleStage, view: str) -> None:
    stage.place(STORIES[0])
    held: list[Route] = []
    page = open_page(view, answers={"**/api/orders*": lambda route: held.append(route)})  # noqa: PLW0108 - Playwright marks the function that it gets
    expect(page.get_by_text("being read")).to_be_visible()
    expect(page.locator("main .empty")).to_have_count(1)
    for route in held:
        route.continue_()
    expect(page.get_by_text("being read")).to_have_count(0)


DIGITS = {"HUF": r"\d+\.\d\d", "IQD": r"\d+\.\d{3}", "JPY": r"[\d,]+"}


@pytest.mark.parametrize("currency", DIGITS)
def test_money_has_the_digits_of_iso_4217(open_page: Open, stage: ConsoleStage, currency: str) -> None:
    """The digits that the browser knows for a currency are those of everyday use."""
    stage.place(STORIES[0])

    def in_currency(route: Route) -> None:
        route.fulfill(body=route.fetch().text().replace('"USD"', f'"{currency}"'))

    page = open_page(answers={"**/api/orders*": in_currency})
    expect(page.get_by_role("cell").get_by_text(currency)).to_have_text(re.compile(f"^{DIGITS[currency]} {currency}$"))


def test_money_drawn_before_its_digits_are_known_is_drawn_again(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(STORIES[0])
    held: list[Route] = []

    def in_dinars(route: Route) -> None:
        route.fulfill(body=route.fetch().text().replace('"USD"', '"IQD"'))

    def hold(route: Route) -> None:
        held.append(route)

    page = open_page(answers={"**/api/orders*": in_dinars, "**/api/stage": hold})
    expect(page.get_by_role("cell").get_by_text("IQD")).to_have_text("4,999 IQD")
    held[0].continue_()
    expect(page.get_by_role("cell").get_by_text("IQD")).to_have_text("4.999 IQD")


def test_link_with_a_broken_escape_shows_a_page(open_page: Open) -> None:
    expect(open_page("orders/%").get_by_role("alert")).to_be_visible()


def test_id_with_a_slash_is_said_to_be_none(open_page: Open) -> None:
    alert = open_page("orders/a%2Fb").get_by_role("alert")
    expect(alert).to_contain_text("The page has no address /api/orders/a/b.")
    expect(alert).to_contain_text("no id has a slash in it")
