"""The bus in a browser: the latest events, the pattern, the catalogue."""

import json

from playwright.sync_api import expect

from tests.console.conftest import Open, watched
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage


def test_events_come_up_as_they_are_published(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("bus")
    watched(stage)
    expect(page.get_by_text("No event was published since the page was opened.")).to_be_visible()
    order_id = stage.place(STORIES[0])
    tail = page.get_by_role("region", name="Latest events")
    expect(tail.locator("tbody tr")).to_have_count(12)
    expect(tail.locator("tbody tr").first).to_contain_text("OrderFulfilled")
    tail.locator("tbody tr").first.get_by_text("Envelope").click()
    envelope = json.loads(tail.get_by_role("region", name="Envelope").inner_text())
    assert envelope["detail"]["metadata"]["order_id"] == order_id
    tail.get_by_role("link", name=order_id).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(order_id)


def test_pattern_chooses_events_and_stays_in_the_address(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("bus")
    watched(stage)
    stage.place(STORIES[0])
    expect(page.get_by_text("matches 12 of the last 12 events")).to_be_visible()
    page.get_by_role("button", name="events of payment").click()
    expect(page.get_by_text("matches 2 of the last 12 events")).to_be_visible()
    command = """orderctl events tail --pattern '{"source": ["orderflow.payment"]}'"""
    expect(page.get_by_text(command, exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value('{"source": ["orderflow.payment"]}')
    page.get_by_role("button", name="cancelled orders").click()
    expect(page.get_by_text("None of the latest events matches the pattern.")).to_be_visible()
    page.get_by_role("button", name="Show all events").click()
    expect(page.get_by_text("matches 12 of the last 12 events")).to_be_visible()


def test_pattern_that_is_not_valid_says_why(open_page: Open) -> None:
    page = open_page("bus")
    page.get_by_role("searchbox").fill('{"source": "orderflow.order"}')
    expect(page.get_by_role("alert")).to_contain_text("The pattern is not valid")


def test_catalogue_names_publishers_versions_and_consumers(open_page: Open) -> None:
    page = open_page("bus")
    row = page.get_by_role("region", name="Table of the catalogue").locator("tr", has_text="OrderPlaced").first
    expect(row.locator("summary")).to_have_text(["v3", "v2", "v1"])
    row.get_by_text("v2").click()
    sample = json.loads(row.get_by_role("region", name="v2").inner_text())
    assert sample["detail"]["metadata"]["event_version"] == 2
    expect(row).to_contain_text("order/start")
    confirmed = page.get_by_role("region", name="Table of the catalogue").locator("tr", has_text="OrderConfirmed")
    expect(confirmed).to_contain_text("notification/notices, shipping/orders")
    confirmed.get_by_role("link").click()
    expect(page.get_by_role("searchbox")).to_have_value('{"source":["orderflow.order"],"detail-type":["OrderConfirmed"]}')


def test_page_that_is_read_only_says_why_it_has_no_events(open_page: Open) -> None:
    page = open_page("bus", actions=False)
    expect(page.get_by_text("This page is read-only, so the bus delivers nothing to it.")).to_be_visible()


def test_event_is_published_by_the_form_of_its_schema(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("bus")
    form = page.get_by_role("region", name="Publish an event")
    form.get_by_role("textbox", name="customer_id").fill("bob")
    form.get_by_role("textbox", name="channel").fill("marketplace")
    form.get_by_role("button", name="Add to lines").click()
    form.get_by_role("textbox", name="sku").nth(1).fill("LP-KIND-OF-BLUE")
    command = form.get_by_text("| orderctl events publish - --channel marketplace")
    sent = json.loads(command.inner_text().removeprefix("printf '%s\\n' '").partition("' | ")[0])
    form.get_by_role("button", name="Publish", exact=True).click()
    expect(form.get_by_role("status")).to_contain_text("Published.")
    [put] = [put for put in stage.bus.published if put.event["source"] == "orderflow.channel.marketplace"]
    assert put.event["detail"] == sent
    assert [line["sku"] for line in sent["data"]["lines"]] == ["MUG-BLUE", "LP-KIND-OF-BLUE"]
    before = form.get_by_role("textbox", name="event_id").input_value()
    form.get_by_role("button", name="Begin another").click()
    expect(form.get_by_role("textbox", name="event_id")).not_to_have_value(before)
    expect(form.get_by_role("textbox", name="customer_id")).to_have_value("alice")


def test_event_that_is_refused_says_why_at_its_field(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("bus")
    form = page.get_by_role("region", name="Publish an event")
    form.get_by_role("spinbutton", name="quantity").fill("101")
    form.get_by_role("button", name="Publish", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("Nothing was published.")
    field = form.get_by_role("spinbutton", name="quantity")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description("must be smaller than or equal to 100")
    field.fill("2")
    expect(form.get_by_role("alert")).to_have_count(0)
    expect(field).not_to_have_attribute("aria-invalid", "true")


def test_event_is_published_by_keys_alone(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("bus")
    form = page.get_by_role("region", name="Publish an event")
    form.get_by_role("textbox", name="customer_id").press("Enter")
    expect(form.get_by_role("status")).to_contain_text("Published.")


def test_hostile_channel_is_refused_and_shown_as_text(open_page: Open) -> None:
    page = open_page("bus")
    form = page.get_by_role("region", name="Publish an event")
    form.get_by_role("textbox", name="channel").fill("<img src=x onerror=alert(1)>")
    form.get_by_role("textbox", name="customer_id").fill("<script>alert(2)</script>")
    form.get_by_role("button", name="Publish", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("is not a channel name")
    assert page.locator("img, #app script").count() == 0


def test_page_that_is_read_only_publishes_nothing(open_page: Open) -> None:
    page = open_page("bus", actions=False)
    expect(page.get_by_text("Start it with --allow-actions to publish events.")).to_be_visible()
    expect(page.get_by_role("region", name="Publish an event")).to_have_count(0)
