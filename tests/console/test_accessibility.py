"""Accessibility: axe looks at each view, at views after an action, and at a page that is read-only."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import PHONE, VIEWS, Open, shown
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage
from tests.support.figures import FIGURE, RecordFigure

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
REPLAY = "replay?from=2026-11-23T11:30:00Z&until=2026-11-23T12:30:00Z"
Reach = Callable[[Page], None]
"""Brings a view into the state that is looked at."""
AT_REST = "() => Promise.all(document.getAnimations().map((animation) => animation.finished))"
"""Ends once no colour changes any more."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, PHONE])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_violation(
    open_page: Open, stage: ConsoleStage, view: str, width: int, scheme: str, record_property: RecordFigure
) -> None:
    order_id = stage.place(STORIES[13])
    stage.place(STORIES[43])
    page = open_page(view.format(order=order_id), width=width, color_scheme=scheme, bypass_csp=True)
    shown(page)
    assert_accessible(page, record_property)


def assert_accessible(page: Page, record_property: RecordFigure) -> None:
    """Let axe look at the page as it is."""
    page.evaluate(AT_REST)
    page.add_script_tag(path=AXE)
    violations = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])")
    record_property(FIGURE, f"axe: {len(violations)} violations in a view (bar 0)")
    assert violations == []


def open_sample(page: Page) -> None:
    page.get_by_text("v3", exact=True).first.click()
    expect(page.get_by_role("region", name="v3")).to_be_visible()


def refuse_form(page: Page) -> None:
    page.get_by_label("customer_id").fill("alice@example.com")
    page.get_by_role("button", name="Place the order", exact=True).click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()


def ask_to_cancel(page: Page) -> None:
    page.get_by_role("button", name="Cancel …", exact=True).click()
    expect(page.get_by_role("button", name="Keep it")).to_be_visible()


def plan_replay(page: Page) -> None:
    page.get_by_role("checkbox", name="notification").check()
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_role("button", name="Start …").click()


def start_replay(page: Page) -> None:
    plan_replay(page)
    page.get_by_role("button", name="Start the replay").click()
    expect(page.get_by_role("progressbar")).to_be_visible()


def switch_fault_on(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Switch on ")).first.click()
    expect(page.locator(".banner")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("view", "reach"),
    [
        ("bus", open_sample),
        ("home", refuse_form),
        ("orders/{order}", ask_to_cancel),
        (REPLAY, plan_replay),
        (REPLAY, start_replay),
        ("faults", switch_fault_on),
    ],
)
def test_axe_finds_no_violation_after_an_action(
    open_page: Open, stage: ConsoleStage, view: str, reach: Reach, scheme: str, record_property: RecordFigure
) -> None:
    page = open_page(view.format(order=stage.place(STORIES[43])), color_scheme=scheme, bypass_csp=True)
    shown(page)
    reach(page)
    assert_accessible(page, record_property)


@pytest.mark.parametrize("view", [*VIEWS[:3], "bus", "replay", "dead-letters/order%2Fintake", "orders/{order}"])
def test_axe_finds_no_violation_in_a_page_that_is_read_only(
    open_page: Open, stage: ConsoleStage, view: str, record_property: RecordFigure
) -> None:
    page = open_page(view.format(order=stage.place(STORIES[43])), actions=False, bypass_csp=True)
    shown(page)
    assert_accessible(page, record_property)
