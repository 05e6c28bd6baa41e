"""Errors of a view in a browser: each stays until its own request succeeds."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, expect

from tests.console.conftest import TWO_FRAMES, Open

HAS_ANSWER = "path => performance.getEntriesByType('resource').some(({ name }) => new URL(name).pathname === path)"
"""A request is among a browser's resources once its response has ended."""
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
    with page.expect_request(lambda request: urlsplit(request.url).path == late):
        page.evaluate("view => (location.hash = `#/${view}`)", view)
    expect(page.get_by_role("alert")).to_contain_text("No.")
    held[0].continue_()
    page.wait_for_function(HAS_ANSWER, arg=late)
    page.evaluate(TWO_FRAMES)
    expect(page.get_by_role("alert")).to_contain_text("No.")


def test_next_look_at_the_queues_hides_no_error_of_their_messages(open_page: Open) -> None:
    page = open_page("orders")
    letters, queues = "/api/dead-letters/order/intake", "/api/dead-letters"
    page.route(lambda address: urlsplit(address).path == letters, lambda route: route.fulfill(status=400, json=REFUSED))
    page.evaluate("location.hash = '#/dead-letters/order%2Fintake'")
    expect(page.get_by_role("alert")).to_contain_text("No.")
    page.evaluate("performance.clearResourceTimings()")
    page.wait_for_function(HAS_ANSWER, arg=queues)
    page.evaluate(TWO_FRAMES)
    expect(page.get_by_role("alert")).to_contain_text("No.")
