"""The picture of an order's course in a browser: compressed gaps, replays, zoom."""

import re
from datetime import timedelta

from playwright.sync_api import Locator, Page, Route, expect

from kernel import clock
from operations.replay import archive_replay
from operations.window import Window
from tests.console.conftest import PATIENCE_MS, Open
from tests.support.audited_stage import NOON, STORIES
from tests.support.console_stage import NOW, ConsoleStage
from tests.support.polling import eventually

DELIVERED = STORIES[0]
HOURS = 3
FITS = """() => [...document.querySelectorAll(".canvas")].every(
  (place) => Math.abs(place.clientWidth - place.querySelector("svg").getBoundingClientRect().width) < 2)"""
"""Ends once the picture has the width of its place."""


def mark(page: Page, event: str) -> Locator:
    """Return the mark of an event."""
    return page.locator("svg .mark[role=button]", has_text=event)


def middle(mark: Locator) -> float:
    """Return the place of a mark's sign, in pixels from the left."""
    box = mark.locator(".sign").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


def open_delivered_late(open_page: Open, stage: ConsoleStage) -> Page:
    """Open an order whose parcel arrives hours later than in its story."""
    order_id = stage.place(DELIVERED)

    def later(text: str) -> str:
        return clock.rfc3339(clock.from_rfc3339(text) + timedelta(hours=HOURS))

    def delivered_late(route: Route) -> None:
        course = route.fetch().json()
        names = [event["event"] for event in course["events"]]
        late = course["events"][names.index("ShipmentDelivered") :]
        steps = {step["event_id"]: step for step in course["steps"]}
        for event in late:
            event["occurred_at"], event["published_at"] = later(event["occurred_at"]), later(event["published_at"])
            event["deliveries"] = []
            steps.pop(event["event_id"], None)
        route.fulfill(json={**course, "steps": list(steps.values())})

    page = open_page("orders")
    page.route(f"**/api/orders/{order_id}", delivered_late)
    page.evaluate("id => (location.hash = `#/orders/${id}`)", order_id)
    expect(mark(page, "ShipmentDelivered")).to_be_visible()
    page.wait_for_function(FITS)
    return page


def test_long_wait_is_drawn_short_and_named(open_page: Open, stage: ConsoleStage) -> None:
    page = open_delivered_late(open_page, stage)
    gap = page.locator("svg .break")
    expect(gap).to_have_count(1)
    expect(gap.locator("text")).to_have_text(f"{HOURS} h")
    expect(gap.locator("title")).to_have_text(f"{HOURS} h without an event")
    before, wait = mark(page, "ShipmentDispatched"), mark(page, "ShipmentDelivered")
    box, picture = gap.locator("path").bounding_box(), page.locator(".canvas svg").bounding_box()
    assert box is not None
    assert picture is not None
    assert middle(before) < box["x"] < middle(wait)
    assert middle(wait) - middle(before) < picture["width"] / 3


def test_course_without_a_long_wait_has_no_gap(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page(f"orders/{stage.place(DELIVERED)}")
    expect(mark(page, "OrderConfirmed")).to_be_visible()
    expect(page.locator("svg .break")).to_have_count(0)


def test_zoom_widens_the_picture_and_keeps_its_gap(open_page: Open, stage: ConsoleStage) -> None:
    page = open_delivered_late(open_page, stage)
    wider, narrower = page.get_by_role("button", name="Zoom in"), page.get_by_role("button", name="Zoom out")
    placed, confirmed = mark(page, "OrderPlaced"), mark(page, "OrderConfirmed")

    def apart() -> float:
        return middle(confirmed) - middle(placed)

    whole = apart()
    expect(narrower).to_be_disabled()
    for _ in range(3):
        wider.press("Enter")
    eventually(lambda: apart() > 2 * whole, PATIENCE_MS / 1000, "the picture is zoomed in")
    expect(page.locator("svg .break text")).to_have_text(f"{HOURS} h")
    wide = apart()
    narrower.press("Enter")
    eventually(lambda: whole < apart() < wide, PATIENCE_MS / 1000, "the picture is zoomed out by a step")
    page.get_by_role("button", name="Fit").press("Enter")
    expect(narrower).to_be_disabled()
    page.wait_for_function(FITS)
    assert abs(apart() - whole) < 1


def test_replayed_event_has_its_mark_and_names_its_replay(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(DELIVERED)
    stage.events.states = ["COMPLETED"]
    rules = archive_replay.chosen_rules(archive_replay.rules(stage), ["shipping"])
    replay = archive_replay.start(stage, Window(NOON, NOW), rules, NOW)
    page = open_page(f"orders/{order_id}")
    confirmed = mark(page, "OrderConfirmed")
    expect(confirmed).to_contain_text("↻1")
    expect(confirmed).to_have_class(re.compile("was-replayed"))
    expect(mark(page, "StockReserved")).not_to_contain_text("↻")
    expect(page.locator(".events tr", has_text="OrderConfirmed")).to_contain_text(f"↻ {replay}")
    expect(page.get_by_role("list", name="Legend")).to_contain_text("↻ replayed")
