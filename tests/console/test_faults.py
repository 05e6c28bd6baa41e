"""Faults in a browser: a trial, a switch with its banner, and what a stage on AWS shows."""

from playwright.sync_api import Browser, Locator, Page, expect

from operations.aws.target import Kind
from operations.faults import FAULTS, Switch
from tests.console.conftest import Open
from tests.support.console_stage import ConsoleStage
from tests.support.served_console import served

POISON = "poison-event"
"""The fault that places no order."""


def table(page: Page) -> Locator:
    return page.get_by_role("region", name="Table of faults").locator("tbody tr")


def test_each_fault_says_what_happens_how_it_heals_and_its_command(open_page: Open) -> None:
    page = open_page("faults")
    expect(table(page)).to_have_count(len(FAULTS))
    for row, (name, fault) in zip(table(page).all(), FAULTS.items(), strict=True):
        expect(row).to_contain_text(fault.what)
        expect(row).to_contain_text(fault.heals)
        expect(row).to_contain_text(f"orderctl faults start {name}")


def test_trial_places_an_order_to_watch(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("faults")
    page.get_by_role("button", name="Try declined-card").click()
    page.get_by_role("link", name="Watch ord-placed heal").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ord-placed")
    assert [order["payment_token"] for order in stage.placed] == ["pm_card_declined"]


def test_poison_event_is_watched_among_the_dead_letters(open_page: Open) -> None:
    page = open_page("faults")
    page.get_by_role("button", name=f"Try {POISON}").click()
    page.get_by_role("link", name="Watch the dead letters of order/intake").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dead letters")


def test_each_fault_has_links_to_watch_it_heal(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("faults")
    switches = [name for name, fault in FAULTS.items() if isinstance(fault, Switch)]
    for name in FAULTS:
        page.get_by_role("button", name=f"{'Switch on' if name in switches else 'Try'} {name}", exact=True).click()
        began = page.get_by_role("status").filter(has_text=f"{name} began.")
        expect(began).to_be_visible()
        links = ["#/dead-letters/order%2Fintake"] if name == POISON else ["#/orders/ord-placed", "#/saga/ord-placed"]
        assert [link.get_attribute("href") for link in began.get_by_role("link").all()] == links
    assert [fault["name"] for fault in stage.faults] == switches
    assert len(stage.placed) == len(FAULTS) - len([POISON])


def test_banner_is_above_every_view_while_a_switch_is_on(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("faults")
    page.get_by_role("button", name="Switch on slow-gateway").press("Enter")
    banner = page.locator(".banner")
    expect(banner).to_contain_text("Faults are on: slow-gateway.")
    expect(page.get_by_text("orderctl faults stop slow-gateway", exact=True)).to_be_visible()
    page.get_by_role("link", name="Orders", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    expect(banner.get_by_text("orderctl faults stop", exact=True)).to_be_visible()
    banner.get_by_role("button", name="Switch all off").click()
    expect(banner).to_have_count(0)
    assert stage.faults == []


def test_switch_that_another_command_turned_on_is_noticed(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("orders")
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    stage.faults.append({"name": "lost-answers"})
    expect(page.locator(".banner")).to_contain_text("lost-answers")
    page.goto(page.url.replace("orders", "faults"))
    page.get_by_role("button", name="Switch off lost-answers").click()
    expect(page.locator(".banner")).to_have_count(0)


def test_stage_on_aws_offers_no_fault(browser: Browser) -> None:
    with served(ConsoleStage(kind=Kind.AWS)) as address:
        page = browser.new_page()
        page.goto(f"{address}/#/faults")
        expect(page.get_by_text("Faults are for the laptop's AWS only.")).to_be_visible()
        expect(page.get_by_role("button", name="Switch on")).to_have_count(0)
        page.close()
