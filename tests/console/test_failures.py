"""Errors of a view in a browser: each stays until its own request succeeds."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, expect

from tests.console.conftest import Open

REFUSED = {"message": "No.", "hint": "Ask again."}


@pytest.mark.parametrize(
    ("view", "refused", "late"),
    [("saga/ord-none", "/api/saga/ord-none", "/api/saga"), ("replay", "/api/replays", "/api/replays/histogram"),
     ("home", "/api/order-form", "/api/lamps"), ("bus", "/api/publish-form", "/api/events")],
)  # fmt: skip
def test_late_answer_hides_no_error_of_another_request(open_page: Open, view: str, refused: str, late: str) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page = open_page("orders")
    page.route(lambda address: urlsplit(address).path == refused, lambda route: route.fulfill(status=400, json=REFUSED))
    page.route(lambda address: urlsplit(address).path == late, hold)
    page.evaluate("view => (location.hash = `#/${view}`)", view)
    expect(page.get_by_role("alert")).to_contain_text("No.")
    page.wait_for_timeout(100)
    assert held, f"{late} was not asked for"
    with page.expect_response(lambda response: urlsplit(response.url).path == late):
        held[0].continue_()
    page.wait_for_timeout(300)
    expect(page.get_by_role("alert")).to_contain_text("No.")
