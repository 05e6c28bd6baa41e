"""Replays in a browser: the window, the consumers, the plan, the start, and what it changed."""

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from operations.aws.target import Kind
from tests.console.conftest import PATIENCE_MS, Open
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage
from tests.support.polling import eventually
from tests.support.served_console import served
from tests.support.trail_in_memory import ACTOR

DELIVERED = STORIES[0]
WINDOW = "from=2026-11-23T11:30:00Z&until=2026-11-23T12:30:00Z"


def planned(page: Page) -> None:
    """Make the plan, and wait for it."""
    page.get_by_role("button", name="Make the plan").click()
    expect(page.get_by_role("region", name="Effects")).to_be_visible()


def started(page: Page) -> None:
    """Start the planned replay."""
    page.get_by_role("button", name="Start …").click()
    page.get_by_role("button", name="Start the replay").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text(re.compile("^orderflow-dev-20261123T"))


def test_histogram_counts_the_events_of_the_window(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(DELIVERED)
    page = open_page("replay")
    expect(page.get_by_role("img", name="14 events of the last 1 hour")).to_be_visible()
    page.get_by_role("combobox", name="The last").select_option("15m")
    expect(page.get_by_text("The journal has no event of the last 15 minutes.")).to_be_visible()


def test_pointer_chooses_a_part_of_the_window(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(DELIVERED)
    page = open_page("replay")
    picture = page.get_by_role("img", name="14 events of the last 1 hour")
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20, steps=4)
    page.mouse.up()
    expect(page.get_by_label("From (UTC)")).to_have_value(re.compile("^2026-11-23T12:00"))
    expect(page.get_by_label("Until (UTC)")).to_have_value(re.compile("^2026-11-23T12:1[45]"))


def test_plan_states_deliveries_effects_and_cost(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(DELIVERED)
    page = open_page(f"replay?{WINDOW}")
    expect(page.get_by_role("button", name="Make the plan")).to_be_disabled()
    page.get_by_role("checkbox", name="notification").check()
    command = "orderctl replay plan --from 2026-11-23T11:30:00Z --until 2026-11-23T12:30:00Z --to notification"
    expect(page.get_by_text(command, exact=True)).to_be_visible()
    planned(page)
    row = page.get_by_role("region", name="Effects").locator("tr", has_text="OrderConfirmed")
    expect(row).to_contain_text("nothing")
    page.get_by_role("checkbox", name="Catch up").check()
    expect(page.get_by_role("region", name="Effects")).to_have_count(0)
    planned(page)
    expect(row).to_contain_text("performs missed actions")
    expect(page.locator("dl div", has_text="Mails")).to_contain_text("up to 0")
    expect(page.locator("dl div", has_text="Parcels")).to_contain_text("none")
    assert stage.events.replays == {}


def test_replay_is_started_followed_and_found_to_change_nothing(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(DELIVERED)
    page = open_page(f"replay?{WINDOW}&to=notification,shipping")
    planned(page)
    started(page)
    [replay] = stage.events.replays.values()
    rules = replay["Destination"]["FilterArns"]
    assert {rule.partition("/")[0] for rule in rules} == {"arn:notification", "arn:shipping"}
    expect(page.get_by_text("Nothing changed: no row of any table.")).to_be_visible()
    expect(page.get_by_role("region", name="Table of replays")).to_contain_text("COMPLETED")


def test_rows_of_a_stage_on_aws_are_compared_on_request(browser: Browser, tmp_path: Path) -> None:
    stage = ConsoleStage(kind=Kind.AWS)
    stage.place(DELIVERED)
    page = browser.new_page()
    with served(stage, folder=tmp_path) as address:
        page.goto(f"{address}/#/replay?from=2026-11-23T11:30:00Z&until=2026-11-23T12:15:00Z&to=notification")
        planned(page)
        expect(page.get_by_label("Compare all rows before and after")).not_to_be_checked()
        page.get_by_label("Compare all rows before and after").check()
        started(page)
        expect(page.get_by_text("Nothing changed: no row of any table.")).to_be_visible()
        page.close()


def test_rows_are_not_compared_if_nobody_asks(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(DELIVERED)
    page = open_page(f"replay?{WINDOW}&to=notification")
    planned(page)
    page.get_by_label("Compare all rows before and after").uncheck()
    started(page)
    expect(page.get_by_text("The rows from before the replay are unknown")).to_be_visible()


def test_rows_that_change_meanwhile_are_counted(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(DELIVERED)
    stage.events.states = ["RUNNING"]
    page = open_page(f"replay?{WINDOW}&to=notification")
    planned(page)
    started(page)
    expect(page.get_by_text("The replay runs.")).to_be_visible()
    stage.change(order_id, reason="changed")
    stage.events.states = ["COMPLETED"]
    expect(page.get_by_text("Since the start: order: 1 row changed.")).to_be_visible()
    expect(page.get_by_text(f"order: ORDER#{order_id}", exact=True)).to_be_visible()


def test_replay_that_runs_is_stopped(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(DELIVERED)
    stage.events.states = ["RUNNING"]
    page = open_page(f"replay?{WINDOW}&to=notification")
    planned(page)
    started(page)
    [name] = stage.events.replays
    page.get_by_role("textbox", name="Reason (optional)").fill("wrong window")
    expect(page.get_by_text(f"orderctl replay cancel {name} --reason 'wrong window'", exact=True)).to_be_visible()
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_text("CANCELLED").first).to_be_visible()
    recorded = [(f"replay start {name}", ACTOR, ""), (f"replay cancel {name}", ACTOR, "wrong window")]
    eventually(lambda: stage.trail.acts == recorded, PATIENCE_MS / 1000, "the cancellation is in the trail")


def test_window_that_the_archive_does_not_have_is_refused(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("replay?from=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z&to=notification")
    page.get_by_role("button", name="Make the plan").click()
    expect(page.get_by_role("alert")).to_contain_text("the archive keeps 30 days")


def test_page_that_is_read_only_plans_and_starts_nothing(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(DELIVERED)
    page = open_page(f"replay?{WINDOW}&to=notification", actions=False)
    planned(page)
    expect(page.get_by_text("Start it with --allow-actions to start a replay.")).to_be_visible()
    expect(page.get_by_role("button", name="Start …")).to_have_count(0)
