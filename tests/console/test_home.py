"""Home in a browser: the lamps, the picture of the system, money and stock, and the form that places an order."""

import re

from playwright.sync_api import expect

from tests.console.conftest import Open, watched
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage

DELIVERED, WAITING = STORIES[0], STORIES[43]


def test_lamps_show_what_needs_a_look(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(WAITING)
    stage.queues.bury("order/intake", "{}")
    stage.alarms["Orderflow-dev-order-OrderStuck"] = "ALARM"
    page = open_page("home")
    lamps = page.get_by_role("list", name="State")
    expect(lamps.get_by_role("listitem").filter(has_text="Unfinished orders")).to_contain_text("1, the oldest")
    expect(lamps.get_by_role("listitem").filter(has_text="Dead letters")).to_contain_text("1")
    expect(lamps.get_by_role("listitem").filter(has_text="Alarms")).to_contain_text(
        "1 of 1 ring: Orderflow-dev-order-OrderStuck"
    )
    expect(lamps.get_by_role("listitem").filter(has_text="Audit")).to_contain_text("not run yet")
    lamps.get_by_role("listitem").filter(has_text="Unfinished orders").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(order_id)


def test_picture_counts_the_events_on_each_edge(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("home")
    watched(stage)
    stage.place(DELIVERED)
    picture = page.get_by_role("img", name="Events on the bus.")
    expect(picture).to_have_attribute("aria-label", re.compile("order: 3 published, 3 to consume; payment: 2 published"))
    expect(page.get_by_text("The numbers count the last 12 events since the page was opened.")).to_be_visible()


def test_audit_sums_up_money_and_stock(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(DELIVERED)
    page = open_page("home")
    page.get_by_role("button", name="Audit", exact=True).click()
    expect(page.get_by_text("The audit has no findings.")).to_be_visible()
    expect(page.get_by_label("Money and stock")).to_contain_text("49.99 USD")
    expect(page.get_by_role("list", name="State")).to_contain_text("0 findings")


def test_order_is_placed_by_the_form_of_the_api(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("home")
    page.get_by_label("customer_id").fill("bob")
    page.get_by_role("button", name="Add to lines").click()
    page.get_by_label("sku").nth(1).fill("LP-KIND-OF-BLUE")
    page.get_by_label("quantity").nth(1).fill("2")
    page.get_by_label("if_short (optional)").select_option("BACK_ORDER")
    command = (
        "orderctl orders place --customer bob --line MUG-BLUE=1 --line LP-KIND-OF-BLUE=2 --currency USD --token pm_card_visa "
        "--if-short back-order"
    )
    expect(page.get_by_text(command, exact=True)).to_be_visible()
    page.get_by_role("button", name="Place the order").click()
    page.get_by_role("status").get_by_role("link", name="ord-").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ord-placed")
    assert stage.placed == [
        {
            "customer_id": "bob",
            "currency": "USD",
            "lines": [{"sku": "MUG-BLUE", "quantity": 1}, {"sku": "LP-KIND-OF-BLUE", "quantity": 2}],
            "payment_token": "pm_card_visa",
            "if_short": "BACK_ORDER",
        }
    ]


def test_order_that_the_api_refuses_says_why(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("home")
    page.get_by_role("textbox", name="currency").fill("euro")
    expect(page.get_by_role("textbox", name="currency")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("alert")).to_contain_text("The order was not placed: currency: must match")


def test_page_that_is_read_only_places_nothing(open_page: Open) -> None:
    page = open_page("home", actions=False)
    expect(page.get_by_text("Start it with --allow-actions to place orders.")).to_be_visible()
    expect(page.get_by_role("button", name="Place the order")).to_have_count(0)
