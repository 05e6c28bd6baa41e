"""The views of the operator's page, opened one by one on a deployed stage."""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Response, expect

PATIENCE_MS: Final = 120_000
VIEWS: Final = {
    "home": "/api/lamps",
    "orders": "/api/orders",
    "orders/{order_id}": "/api/orders/{order_id}",
    "saga/{order_id}": "/api/saga/{order_id}",
    "bus": "/api/events",
    "replay": "/api/replays/histogram",
    "dead-letters/order%2Fintake": "/api/dead-letters/order/intake",
    "cost": "/api/cost",
}
"""A request of each view that every stage has, by the address of the view."""


def refusals(
    browser: Browser,
    address: str,
    views: Mapping[str, str],
    order_id: str,
    note: Callable[[str], object] = lambda path: None,
) -> list[tuple[int, str]]:
    """Open each view, and return the requests that the server refused. No view may show an error. `note` gets each path."""
    refused: list[tuple[int, str]] = []

    def answered(answer: Response) -> None:
        path = urlsplit(answer.url).path
        note(path)
        if answer.status >= 400:
            refused.append((answer.status, path))

    for view, request in views.items():
        page = browser.new_page()
        page.on("response", answered)
        path = request.format(order_id=order_id)
        with page.expect_response(lambda answer, path=path: urlsplit(answer.url).path == path, timeout=PATIENCE_MS):
            page.goto(f"{address}/#/{view.format(order_id=order_id)}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)
        page.close()
    return refused
