"""A browser with the page: Playwright drives the machine's own Chromium. Without one, these tests are left out."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from tests.support.browser import CHROMIUM, LEFT_OUT, launched
from tests.support.console_stage import ConsoleStage
from tests.support.polling import eventually
from tests.support.served_console import served

PATIENCE_MS = 20_000
"""How long the page may take on a busy machine. The figures below have bars of their own."""
expect.set_options(timeout=PATIENCE_MS)
TWO_FRAMES = "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
"""Ends once the page has drawn what it knows."""
PHONE = 390
"""The width of a phone, in pixels."""
VIEWS = (
    "home",
    "orders",
    "orders?q=nothing",
    "saga",
    "saga/{order}",
    "cost",
    "faults",
    "bus",
    "replay",
    "dead-letters",
    "dead-letters/order%2Fintake",
    "orders/{order}",
    "orders/{order}?event=ORDER%23{order}%231",
    "orders/none",
    "nowhere",
)
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module: as long as it is open, Playwright's event loop runs, and no test can run its own."""
    if CHROMIUM is None:
        pytest.skip(LEFT_OUT)
    with launched() as started:
        yield started


@pytest.fixture
def stage() -> ConsoleStage:
    return ConsoleStage()


@pytest.fixture
def open_page(browser: Browser, stage: ConsoleStage, tmp_path: Path) -> Iterator[Open]:
    """Serve the stage, and open a view of it: `open_page("orders", width=390)`. The page must report no error.

    `answers` are functions by the pattern of an address: each answers the page's requests, from the first one.
    """
    errors: list[str] = []
    pages: list[Page] = []
    with served(stage, folder=tmp_path) as writable, served(stage, actions=False) as read_only:

        def refuse(dialog: Dialog) -> None:
            errors.append(f"dialog {dialog.message}")
            dialog.dismiss()

        def open_view(
            view: str = "orders",
            *,
            width: int = 1280,
            actions: bool = True,
            answers: Mapping[str, Callable[[Route], None]] = MappingProxyType({}),
            **context: object,
        ) -> Page:
            address = writable if actions else read_only
            page = browser.new_page(viewport={"width": width, "height": 800}, **context)  # type: ignore[arg-type]
            pages.append(page)
            page.set_default_timeout(PATIENCE_MS)
            page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.on("dialog", refuse)
            for pattern, answer in answers.items():
                page.route(pattern, answer)
            page.goto(f"{address}/#/{view}")
            return page

        yield open_view
        for page in pages:
            close(page)
    refused = re.compile("status of 40[04]")  # the browser logs each refused request
    assert [text for text in errors if not refused.search(text)] == []


def close(page: Page) -> None:
    """Close a page. It asks again and again, also now: a request that its test answers must fail in no later test."""
    page.unroute_all(behavior="ignoreErrors")
    page.context.close()


def copied(page: Page, is_it: str = "text => text") -> str:
    """Return the text of the clipboard, once it is the one that the JavaScript function `is_it` accepts."""
    found = page.wait_for_function(f"() => navigator.clipboard.readText().then((text) => ({is_it})(text) && text)")
    return str(found.json_value())


def shown(page: Page) -> None:
    """Wait until the view has its data."""
    expect(page.get_by_text("being read")).to_have_count(0)
    expect(
        page.locator(".rows .row, svg .mark[role=button], .empty, .lamps, .saga, .events, [role=alert]").first
    ).to_be_visible()


def watched(stage: ConsoleStage) -> None:
    """Wait until the bus delivers its events to a page."""
    eventually(lambda: stage.bus.watchers, PATIENCE_MS / 1000, "a page watches the bus")
