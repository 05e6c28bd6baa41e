"""Hostile texts in a browser: in each field, each part of the address and each text of the data, they are shown as texts.

The page's security policy would stop their scripts. Here it is off, so that a script which the page lets through would run.
"""

import json
import re
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from operations.errors import UserError
from tests.console.conftest import PATIENCE_MS, TWO_FRAMES, Open, watched
from tests.support.audited_stage import NOON, STORIES
from tests.support.console_stage import NOW, ConsoleStage
from tests.support.polling import eventually

DELIVERED, WAITING = STORIES[0], STORIES[43]
HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>${7*7}javascript:alert(4)"
WINDOW = "from=2026-11-23T11:30:00Z&until=2026-11-23T12:30:00Z&to=shipping"
VIEWS = {
    "home": (),
    "orders": (),
    "bus": (),
    "dead-letters/order%2Fintake": (),
    "orders/{waiting}": ("Cancel …",),
    f"replay?{WINDOW}": ("Make the plan",),
    f"replay?{WINDOW}&catch_up=yes": ("Make the plan", "Start …", "Start the replay"),
}
"""The views with fields, each with the buttons that bring further ones."""
FIELD = re.compile(r"<(input|select|textarea)\b.*")
FIELDS = "main :is(input, select, textarea, [contenteditable]):visible"
PARAMETERS = ("q", "status", "reason", "event", "pattern", "span", "from", "until", "to", "catch_up")
MADE = """() => [...document.querySelectorAll("*")].filter((each) =>
    each.matches("main :is(img, script, iframe), body > :not(#app, noscript)")
    || [...each.attributes].some(({ name, value }) => name.startsWith("on") || /^\\s*javascript:/i.test(value)),
).map((each) => each.outerHTML)"""
"""Returns the elements that the page never makes: pictures, scripts, those with a handler or a script in an attribute."""
PRESS_ALL = "() => document.querySelectorAll('main button:not(.copy)').forEach((each) => each.isConnected && each.click())"


def shows_texts_only(page: Page) -> None:
    """Check that no hostile text became an element. A script that ran opens a dialog, which the page's fixture refuses."""
    page.evaluate(TWO_FRAMES)
    assert page.evaluate(MADE) == []


class Requests:
    """The requests of a page that have not ended, without its stream."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._open: set[Request] = set()
        page.on("request", self._begin)
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)

    def _begin(self, request: Request) -> None:
        if not request.url.endswith("/api/stream"):
            self._open.add(request)

    def _end(self, request: Request) -> None:
        self._open.discard(request)

    def ended(self) -> None:
        """Wait until the page has its answers and has drawn them."""

        def are_none_left() -> bool:
            self._page.evaluate(TWO_FRAMES)
            return not self._open

        eventually(are_none_left, PATIENCE_MS / 1000, "the page has its answers")


class Fields:
    """The fields in the script of a page, and whether each was drawn, by Chromium's coverage of blocks."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Profiler.enable")
        self._session.send("Profiler.startPreciseCoverage", {"callCount": False, "detailed": True})
        page.reload()
        script = page.evaluate("async () => (await fetch('/static/app.js')).text()")
        self._drawn = {found.start(): (found[0], False) for found in FIELD.finditer(script)}

    def look(self) -> None:
        """Note the fields that were drawn since the page was loaded."""
        loaded = self._session.send("Profiler.takePreciseCoverage")["result"]
        functions = [each for script in loaded if script["url"].endswith("/static/app.js") for each in script["functions"]]
        blocks = [block for function in functions for block in function["ranges"]]
        for at, (field, was_drawn) in self._drawn.items():
            around = [block for block in blocks if block["startOffset"] <= at < block["endOffset"]]
            inmost = min(around, key=lambda block: block["endOffset"] - block["startOffset"])
            self._drawn[at] = field, was_drawn or inmost["count"] > 0

    def not_drawn(self) -> list[str]:
        """Return the fields that were never drawn."""
        return [field for field, was_drawn in self._drawn.values() if not was_drawn]


def fill(field: Locator) -> None:
    """Give a field the hostile text: a choice gets it as an option. A number and a tick take no text."""
    if field.evaluate("field => field.tagName") == "SELECT":
        field.evaluate("(field, text) => { field.add(new Option(text, text)); field.value = text; }", HOSTILE)
        field.dispatch_event("change")
    elif field.get_attribute("type") in ("checkbox", "number"):
        field.evaluate("field => field.click()")
    elif field.is_editable():
        field.fill(HOSTILE)
        expect(field).to_have_value(HOSTILE)
        field.press("Enter")


def named(name: str) -> str:
    """Return a hostile text with a name, by which it is found in the page. The page shows the codes of orders in lower case."""
    return f"{name} {HOSTILE}".lower()


def test_each_field_of_each_view_takes_them_as_texts(open_page: Open, stage: ConsoleStage) -> None:
    stage.place(DELIVERED)
    waiting = stage.place(WAITING)
    page = open_page("cost", bypass_csp=True)
    fields, requests = Fields(page), Requests(page)
    for view, buttons in VIEWS.items():
        stage.queues.bury("order/intake", HOSTILE)
        stage.events.states = ["RUNNING"]
        page.evaluate("view => (location.hash = `#/${view}`)", view.format(waiting=waiting))
        for name in buttons:
            page.get_by_role("button", name=name, exact=True).click()
        requests.ended()
        for field in reversed(page.locator(FIELDS).all()):  # a change further up takes away what depends on it
            fill(field)
        shows_texts_only(page)
        page.evaluate(PRESS_ALL)
        requests.ended()
        shows_texts_only(page)
        fields.look()
        page.reload()
        requests.ended()
        shows_texts_only(page)
    assert fields.not_drawn() == []


@pytest.mark.parametrize("view", ["home", "orders", "saga", "bus", "replay", "dead-letters", "cost", "faults", "nowhere"])
def test_address_takes_them_as_texts(open_page: Open, stage: ConsoleStage, view: str) -> None:
    order_id = stage.place(DELIVERED)
    page = open_page("cost", bypass_csp=True)
    requests = Requests(page)
    parameters = urlencode(dict.fromkeys(PARAMETERS, HOSTILE))
    for path in (view, f"{view}/{quote(HOSTILE, safe='')}", f"{view}/{order_id}"):
        page.evaluate("hash => (location.hash = hash)", f"#/{path}?{parameters}")
        requests.ended()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        shows_texts_only(page)


def test_order_and_its_events_are_shown_as_texts(open_page: Open, stage: ConsoleStage) -> None:
    order_id = stage.place(DELIVERED)
    lines = [{"sku": named("sku"), "quantity": 1, "unit_price": 1}]
    about = {name: named(name) for name in ("customer_id", "channel", "reason", "correlation_id")}
    stage.change(order_id, lines=lines, **about)
    for put in stage.bus.published:
        put.event["detail"]["data"] = {"text": named("data")}
    page = open_page(bypass_csp=True)
    row = page.locator(".rows .row").first
    for name in ("customer_id", "channel", "reason"):
        expect(row).to_contain_text(named(name))
    shows_texts_only(page)
    row.click()
    for name in ("customer_id", "channel", "reason", "sku"):
        expect(page.locator("main")).to_contain_text(named(name))
    for region, name in (("Envelope", "data"), (f"Row ORDER#{order_id}", "correlation_id")):
        expect(page.get_by_role("region", name=region)).to_contain_text(json.dumps(named(name)))
    shows_texts_only(page)
    page.get_by_role("link", name=named("customer_id")).click()
    expect(page.get_by_role("searchbox")).to_have_value(named("customer_id"))
    expect(row).to_contain_text(named("customer_id"))
    shows_texts_only(page)


def test_event_of_a_stranger_is_shown_as_texts(open_page: Open, stage: ConsoleStage) -> None:
    page = open_page("bus", bypass_csp=True)
    watched(stage)
    metadata = {name: named(name) for name in ("order_id", "event_id", "event_version", "occurred_at")}
    detail = json.dumps({"metadata": metadata, "data": named("data")})
    entry = {"Source": named("source"), "DetailType": named("detail-type"), "Detail": detail}
    stage.bus.put_events(Entries=[entry])
    row = page.get_by_role("region", name="Latest events").locator("tbody tr")
    for name in ("source", "detail-type", "order_id", "event_version"):
        expect(row).to_contain_text(named(name))
    row.get_by_text("Envelope").click()
    expect(row.get_by_role("region", name="Envelope")).to_contain_text(json.dumps(named("data")))
    shows_texts_only(page)
    page.goto(page.url.replace("bus", "home"))
    expect(page.get_by_text("The numbers count the last 1 event")).to_be_visible()
    shows_texts_only(page)


def test_dead_letter_is_shown_as_texts(open_page: Open, stage: ConsoleStage) -> None:
    body = {"detail-type": named("detail-type"), "source": named("source")}
    body |= {"detail": {"metadata": {"order_id": named("order_id")}, "data": named("data")}}
    stage.queues.bury("order/intake", json.dumps(body), reason=named("reason"))
    stage.queues.bury("order/intake", named("body"))
    page = open_page("dead-letters/order%2Fintake", bypass_csp=True)
    letters = page.get_by_role("region", name="Messages")
    for name in ("detail-type", "source", "order_id", "reason"):
        expect(letters).to_contain_text(named(name))
    for number, name in enumerate(("data", "body")):
        letters.get_by_text("Body").nth(number).click()
        expect(letters.get_by_role("region", name="Body").nth(number)).to_contain_text(json.dumps(named(name)))
    page.get_by_role("button", name="Redrive all").click()
    expect(page.get_by_role("status").filter(has_text="kept")).to_contain_text("kept: ")
    shows_texts_only(page)


def test_replay_is_shown_as_texts(open_page: Open, stage: ConsoleStage) -> None:
    name, rule = (named(part).replace("/", "") for part in ("replay", "rule"))  # a slash ends the name of a rule
    window = {"EventStartTime": NOON, "EventEndTime": NOW, "StateReason": named("reason")}
    stage.events.states = ["FAILED"]
    stage.events.start_replay(ReplayName=name, Destination={"FilterArns": [f"arn:rule/{rule}"]}, **window)
    page = open_page("replay", bypass_csp=True)
    page.get_by_role("link", name=name).click()
    followed = page.get_by_role("region", name="Replay", exact=True)
    expect(followed.get_by_role("heading")).to_have_text(name)
    expect(followed).to_contain_text(f"FAILED: {named('reason')}")
    expect(followed).to_contain_text(rule)
    shows_texts_only(page)


def test_alarm_and_finding_are_shown_as_texts(open_page: Open, stage: ConsoleStage) -> None:
    stage.change(stage.place(DELIVERED), status=HOSTILE)
    stage.alarms[f"Orderflow-dev-{named('alarm')}"] = "ALARM"
    page = open_page("home", bypass_csp=True)
    expect(page.get_by_role("list", name="State")).to_contain_text(named("alarm"))
    page.get_by_role("button", name="Audit", exact=True).click()
    expect(page.get_by_label("Money and stock")).to_contain_text("<img src=x onerror=alert(1)>")
    shows_texts_only(page)


def test_error_and_its_hint_are_shown_as_texts(open_page: Open, stage: ConsoleStage) -> None:
    stage.lost["dynamodb"] = UserError(named("error"), named("hint"))
    page = open_page("orders", bypass_csp=True)
    for name in ("error", "hint"):
        expect(page.get_by_role("alert").first).to_contain_text(named(name))
    shows_texts_only(page)
