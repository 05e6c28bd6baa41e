"""The cost of orders in a browser."""

from playwright.sync_api import Page, expect

from operations.economics import costs
from tests.console.conftest import Open
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage

DELIVERED, DECLINED, WAITING = STORIES[0], STORIES[18], STORIES[43]


def rows(page: Page, table: str) -> list[list[str]]:
    """Return the cells of a table, row by row."""
    found = page.get_by_role("region", name=table).locator("tbody tr")
    expect(found.first).to_be_visible()
    return [row.locator("td").all_inner_texts() for row in found.all()]


def test_orders_on_the_screen_are_priced_by_promise_and_path(open_page: Open, stage: ConsoleStage) -> None:
    stage.place_all([DELIVERED, DELIVERED, DECLINED, WAITING])
    page = open_page("cost")
    expect(page.get_by_text("Not in the sum: 1 order")).to_be_visible()
    priced = {row["path"]: row["quiet_usd"] for row in costs.costs()["paths"]}
    expected = (2 * priced["delivered"] + priced["declined"]) / 1_000_000
    expect(page.get_by_text(f"{expected:.6f} USD", exact=True)).to_be_visible()
    assert [row[:2] for row in rows(page, "Cost by path")] == [["delivered", "2"], ["declined", "1"]]
    promises = rows(page, "Cost by promise")
    assert abs(sum(float(row[1]) for row in promises) - expected) < 0.00002
    assert promises[0][:1] == ["record"]
    expect(page.get_by_text("orderctl cost --path delivered --orders 2", exact=True)).to_be_visible()


def test_search_of_the_list_chooses_the_orders(open_page: Open, stage: ConsoleStage) -> None:
    stage.place_all([DELIVERED, DECLINED])
    page = open_page("orders?status=CANCELLED")
    page.get_by_role("link", name="cost", exact=True).click()
    expect(page.get_by_text("1 of 2 orders, chosen by a search.")).to_be_visible()
    assert [row[0] for row in rows(page, "Cost by path")] == ["declined"]


def test_orders_without_a_price_are_said_to_have_none(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(WAITING)
    page = open_page("cost")
    expect(page.get_by_text("None of these orders has come to an end that is priced.")).to_be_visible()
