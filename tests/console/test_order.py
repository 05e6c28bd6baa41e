"""One order in a browser: its course, the chosen event, the actions."""

import json
import re

from playwright.sync_api import Route, expect

from tests.console.conftest import Open, copied, watched
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage
from tests.support.trail_in_memory import ACTOR

DELIVERED, RETURNED, CAPTURE_REFUSED, WAITING = STORIES[0], STORIES[13], STORIES[24], STORIES[43]
FITS = "() => [...document.querySelectorAll('.canvas')].every((place) => place.scrollWidth <= place.clientWidth)"
"""Ends once the picture has the width of its place."""
CONFIRMED = 9
"""The steps of an order up to its confirmation."""


def test_course_has_five_lanes_and_each_event(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page(f"orders/{stage.place(DELIVERED)}")
    expect(page.locator("svg .mark[role=button]").first).to_be_visible()
    assert page.locator(".lane-names span").all_inner_texts() == ["order", "payment", "inventory", "shipping", "notification"]
    marks = page.locator("svg .mark[role=button] text").all_text_contents()
    rows = page.locator(".events tbody td:nth-child(2) a").all_inner_texts()
    assert sorted(mark.strip() for mark in marks) == sorted(rows)
    assert len(rows) == 12
    assert page.locator("svg rect.step").count() == 11 + 1  # and the one of the legend


def test_label_of_a_step_from_the_beginning_to_the_end_is_within_the_picture(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(DELIVERED)

    def mailed_late(route: Route) -> None:
        course = route.fetch().json()
        mail = next(event for event in reversed(course["events"]) if event["event"] == "NotificationSent")
        mail["occurred_at"] = mail["published_at"] = "2026-11-23T13:00:00.000Z"
        step = next(step for step in course["steps"] if step["event_id"] == mail["event_id"])
        step["begins"], step["ends"] = course["events"][0]["occurred_at"], mail["occurred_at"]
        route.fulfill(json=course)

    page = open_page("orders")
    page.route(f"**/api/orders/{order_id}", mailed_late)
    page.evaluate("view => (location.hash = `#/orders/${view}`)", order_id)
    labels = page.locator("svg .mark[role=button] text")
    expect(labels.first).to_be_visible()
    assert min(labels.evaluate_all("labels => labels.map((label) => label.getBBox().x)")) >= 0


def test_refusals_and_compensations_have_marks_of_their_own(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page(f"orders/{stage.place(CAPTURE_REFUSED)}")
    expect(page.locator("svg .mark.refusal[role=button]")).to_have_count(1)
    expect(page.locator("svg .mark.compensation[role=button]")).to_have_count(3)


def test_duplicates_are_shown_in_the_picture_and_in_the_table(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page(f"orders/{stage.place(DELIVERED, puts=2)}")
    confirmed = page.locator("svg .mark[role=button]", has_text="OrderConfirmed")
    expect(confirmed).to_contain_text("\N{MULTIPLICATION SIGN}2")
    expect(confirmed).to_contain_text("⊘2")
    expect(page.locator(".events tr", has_text="OrderConfirmed")).to_contain_text("⊘ 2")


def test_chosen_event_shows_its_envelope_its_deliveries_and_the_row(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(RETURNED)
    page = open_page(f"orders/{order_id}")
    page.locator("svg .mark[role=button]", has_text="OrderCancelled").click()
    inspector = page.get_by_role("complementary")
    expect(inspector.get_by_role("heading", level=2)).to_have_text("OrderCancelled v2")
    change = inspector.get_by_role("list", name="The row before and after the event").get_by_role("listitem")
    expect(change).to_have_text(
        [
            "version: 4 → 5",
            "status: CANCEL_REQUESTED → REFUNDING",
            "customer_id: customer-0, as before",
            "reason: CUSTOMER, as before",
            re.compile(r"total: 49\.99.USD, as before"),
        ]
    )
    expect(inspector).to_contain_text("✓ payment/cancellations takes it")
    expect(inspector).to_contain_text("payment/cancellations: handled at 2026-11-23T12:")
    expect(inspector).to_contain_text("inventory/cancellations: matched by its rule")
    envelope = json.loads(inspector.get_by_role("region", name="Envelope").inner_text())
    assert envelope["detail-type"] == "OrderCancelled"
    row = json.loads(inspector.get_by_role("region", name=re.compile("^Row ORDER#")).inner_text())
    assert (row["order_id"], row["status"]) == (order_id, "CANCELLED")
    assert "payment_token" not in row
    assert "event=ORDER%23" in page.url


def test_event_without_a_consumer_says_why(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page(f"orders/{stage.place(DELIVERED)}")
    page.get_by_role("link", name="PaymentCaptured").click()
    expect(page.get_by_role("complementary")).to_contain_text(
        "No rule of the stage names PaymentCaptured from orderflow.payment."
    )


def test_arrow_keys_go_from_event_to_event(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page(f"orders/{stage.place(DELIVERED)}")
    page.locator("svg .mark[role=button]", has_text="OrderPlaced").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("svg .mark[role=button]", has_text="StockReserved")).to_be_focused()
    expect(page.get_by_role("complementary").get_by_role("heading", level=2)).to_have_text("StockReserved v1")


def test_picture_fits_zooms_and_fits_again(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page(f"orders/{stage.place(RETURNED)}")
    picture = page.locator(".canvas svg")
    expect(picture).to_be_visible()
    page.wait_for_function(FITS)
    narrow = picture.get_attribute("width") or ""
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_function("least => document.querySelector('.canvas svg').width.baseVal.value > least", arg=2 * float(narrow))
    page.get_by_role("button", name="Fit").click()
    expect(picture).to_have_attribute("width", narrow)


def test_order_that_waits_says_why_and_what_is_left(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(WAITING)
    page = open_page(f"orders/{order_id}")
    expect(page.locator(".summary")).to_contain_text("stock is short; the order goes on when goods arrive")
    left = page.locator("svg .left text").filter(has_text=f"the sweeper looks at ORDER#{order_id}")
    expect(left).to_have_count(1)


def test_order_goes_on_before_the_eyes(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(WAITING)
    page = open_page(f"orders/{order_id}")
    expect(page.locator("svg .mark[role=button]").first).to_be_visible()
    watched(stage)
    stage.change(order_id, unavailable="INVENTORY_UNAVAILABLE", attempts=2)
    expect(page.locator(".summary")).to_contain_text("inventory gave no answer at try 2")


def test_order_is_copied_as_json_as_curl_and_as_a_command(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(DELIVERED)
    page = open_page(f"orders/{order_id}")

    def copy(name: str, beginning: str) -> str:
        page.get_by_role("button", name=name, exact=True).click()
        return copied(page, f"text => text.startsWith({json.dumps(beginning)})")

    assert json.loads(copy("Copy the order as JSON", "{"))["order"]["order_id"] == order_id
    expected = (
        f"curl --noproxy '*' --aws-sigv4 aws:amz:us-east-1:execute-api --user test:test https://order.example/orders/{order_id}"
    )
    assert copy("Copy as curl", "curl") == expected
    assert copy(f"Copy the command orderctl trace {order_id}", "orderctl") == f"orderctl trace {order_id}"


def test_cancel_asks_first_and_shows_its_command(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(DELIVERED, CONFIRMED)
    page = open_page(f"orders/{order_id}")
    expect(page.get_by_text(f"orderctl orders cancel {order_id}", exact=True)).to_be_visible()
    page.get_by_role("button", name="Cancel …").click()
    assert stage.cancelled == []
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.get_by_text("The cancellation was requested.")).to_be_visible()
    assert stage.cancelled == [order_id]
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.get_by_role("alert")).to_contain_text(f"Order {order_id} was not cancelled: the order is being cancelled.")


def test_cancel_for_the_customer_says_so(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(DELIVERED, CONFIRMED)
    page = open_page(f"orders/{order_id}")
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_role("combobox", name="Asked for by").select_option("the customer")
    expect(page.get_by_text(f"orderctl orders cancel {order_id} --reason CUSTOMER", exact=True)).to_be_visible()
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.get_by_text("The cancellation was requested.")).to_be_visible()
    assert stage.reasons == ["CUSTOMER"]


def test_resume_starts_the_saga_and_records_who_did_so_and_why(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(WAITING)
    page = open_page(f"orders/{order_id}")
    page.get_by_role("textbox", name="Reason (optional)").fill("stock has arrived")
    expect(page.get_by_text(f"orderctl orders resume {order_id} --reason 'stock has arrived'", exact=True)).to_be_visible()
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_text("The saga was started again.")).to_be_visible()
    assert stage.resumed == [order_id]
    assert stage.trail.acts == [("orders resume", ACTOR, "stock has arrived", order_id)]


def test_page_that_is_read_only_offers_no_action(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page(f"orders/{stage.place(WAITING)}", actions=False)
    expect(page.get_by_text("This page is read-only.")).to_be_visible()
    expect(page.get_by_role("button", name="Resume", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel …")).to_have_count(0)


def test_unknown_order_says_what_to_do(open_page: Open) -> None:
    page = open_page("orders/ord-none")
    expect(page.get_by_role("alert")).to_contain_text("There is no order ord-none.")
    expect(page.get_by_role("alert")).to_contain_text("List the orders with `orderctl orders list`.")


def test_order_without_events_says_why(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(WAITING)
    stage.bus.published.clear()
    page = open_page(f"orders/{order_id}")
    expect(page.get_by_text("The journal has no event of this order.")).to_be_visible()


def test_event_that_reaches_the_journal_late_is_shown(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(WAITING)
    published = list(stage.bus.published)
    stage.bus.published.clear()
    page = open_page(f"orders/{order_id}")
    expect(page.get_by_text("The journal has no event of this order.")).to_be_visible()
    watched(stage)
    stage.change(order_id, unavailable="INVENTORY_UNAVAILABLE", attempts=2)
    expect(page.locator(".summary")).to_contain_text("inventory gave no answer at try 2")
    stage.bus.published.extend(published)
    expect(page.locator("svg .mark[role=button]").first).to_be_visible(timeout=15_000)


def test_tries_of_the_sweeper_have_the_mark_of_retries(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(WAITING)
    stage.change(order_id, attempts=3)
    page = open_page(f"orders/{order_id}")
    expect(page.locator("svg .left .again").first).to_have_text("\N{MULTIPLICATION SIGN}3")
