"""The saga in a browser: the numbers on its edges, and the way of one order."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.console.conftest import Open
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage

DELIVERED, DECLINED, CAPTURE_REFUSED = STORIES[0], STORIES[18], STORIES[24]


def picture(page: Page) -> Locator:
    return page.get_by_role("img", name="The saga.")


def state(page: Page, name: str) -> Locator:
    return picture(page).locator("g").filter(has=page.get_by_text(name, exact=True))


def test_edges_count_the_orders_that_went_over_them(open_page: Open, stage: ConsoleStage) -> None:
    stage.place_all([DELIVERED, DELIVERED, DECLINED, CAPTURE_REFUSED])
    page = open_page("saga")
    label = re.compile("PaymentAnswered to ReserveStock: 3; .*Settled to Confirm: 2")
    expect(picture(page)).to_have_attribute("aria-label", label)
    expect(picture(page)).to_have_attribute("aria-label", re.compile("PaymentAnswered to DecideToCancel: 1"))
    expect(page.get_by_text("4 orders, counted on each edge.")).to_be_visible()
    page.get_by_role("link", name="See them, or choose others").click()
    page.get_by_label("Status").select_option("CONFIRMED")
    page.get_by_role("link", name="saga", exact=True).click()
    expect(page.get_by_text("2 orders, counted on each edge.")).to_be_visible()
    expect(picture(page)).not_to_have_attribute("aria-label", re.compile("DecideToCancel"))


def test_numbers_move_with_the_orders(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("saga")
    expect(page.get_by_text("No order is chosen, so no edge has a number.")).to_be_visible()
    stage.place(DELIVERED)
    expect(picture(page)).to_have_attribute("aria-label", re.compile("Settled to Confirm: 1"))


def test_way_of_an_order_is_lit_with_its_refusal_its_compensations_and_times(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(CAPTURE_REFUSED)
    page = open_page(f"orders/{order_id}")
    page.get_by_role("link", name="its way").click()
    expect(state(page, "CapturePayment")).to_have_class(re.compile("lit refusal"))
    expect(state(page, "CapturePayment")).to_contain_text("4 s")
    expect(state(page, "VoidPayment")).to_have_class(re.compile("lit compensation"))
    expect(state(page, "Confirm")).not_to_have_class(re.compile("lit"))
    expect(picture(page)).to_have_attribute("aria-label", re.compile("TurnedBack to Compensate"))
    expect(page.get_by_text(f"orderctl trace {order_id}", exact=True)).to_be_visible()
    page.get_by_role("link", name="All orders").click()
    expect(page.get_by_text("1 order, counted on each edge.")).to_be_visible()


def test_way_of_an_unknown_order_says_what_to_do(open_page: Open) -> None:
    page = open_page("saga/ord-none")
    expect(page.get_by_role("alert")).to_contain_text("There is no order ord-none.")
    page.get_by_role("link", name="Saga", exact=True).click()
    expect(page.get_by_text("No order is chosen, so no edge has a number.")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_picture_is_reached_by_keys_and_scrolls(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(DELIVERED)
    page = open_page("saga", width=390)
    frame = page.get_by_role("region", name="Picture of the saga, scrolls sideways")
    frame.focus()
    begin = frame.evaluate("frame => frame.scrollLeft")
    assert begin > 0  # the first state is in sight
    page.keyboard.press("ArrowRight")
    page.wait_for_function("([frame, begin]) => frame.scrollLeft > begin", arg=[frame.element_handle(), begin])
