"""The mails as they are read: the same as text and as a page, with whatever people are called."""

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from services.kernel.inbox import parse
from services.notification import mails
from tests.unit.choreography import ORDER, an_event

RENDERED = Path(__file__).parent / "rendered"
NAMES = ("Alice Doe", "<b>O'Neill</b> & Söhne", "$name ${order_id}", '"><script>alert(1)</script>')
VOID = {"meta", "br"}


def facts_of(kind: str, **facts: Any) -> Mapping[str, Any]:
    """What the mail is about, as the schema's example has it."""
    service, detail_type = {
        "backordered": ("order", "OrderBackordered"),
        "confirmed": ("order", "OrderConfirmed"),
        "cancelled": ("order", "OrderCancelled"),
        "dispatched": ("shipping", "ShipmentDispatched"),
    }[kind]
    return parse(json.dumps(an_event(service, detail_type, ORDER, **facts))).event.data


class Page(HTMLParser):
    """What a browser shows of a page, and what it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self.shown: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href", "background")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "title" not in self.open:
            self.shown += data.split()


@pytest.mark.parametrize("kind", sorted(set(mails.KINDS.values())))
def test_a_mail_as_it_is_rendered(kind: str) -> None:
    """`rendered/` holds each mail, to be looked at; one that changed is written there anew by taking the old one away."""
    mail = mails.compose(kind, "Alice Doe", ORDER, facts_of(kind))
    for ending, text in {"txt": f"{mail.subject}\n\n{mail.text}", "html": mail.html}.items():
        file = RENDERED / f"{kind}.{ending}"
        if not file.exists():
            file.write_text(text)
        assert file.read_text() == text


@pytest.mark.parametrize("kind", sorted(set(mails.KINDS.values())))
@pytest.mark.parametrize("name", NAMES)
def test_text_and_page_say_the_same_whatever_the_name_is(kind: str, name: str) -> None:
    mail = mails.compose(kind, name, ORDER, facts_of(kind))
    page = Page(mail.html)
    assert page.tags <= {"html", "head", "meta", "title", "body", "div", "p", "strong", "ul", "li"}
    assert page.fetched == [], "a mail tells nobody that it was opened"
    assert f"Hello {name}," in mail.text
    assert "".join(page.shown) == "".join(mail.text.split())


@pytest.mark.parametrize("reason", mails.REASONS)
@pytest.mark.parametrize("confirmed", [True, False])
def test_a_cancellation_says_why_and_what_becomes_of_the_money(reason: str, confirmed: bool) -> None:
    mail = mails.compose("cancelled", "Alice", ORDER, facts_of("cancelled", reason=reason, confirmed=confirmed))
    money = "We give you your money back." if confirmed else "You pay nothing for it."
    assert f"because {mails.REASONS[reason]}. {money}" in mail.text


def test_every_line_of_an_order_is_in_its_mail() -> None:
    lines = [{"sku": f"SKU-{number}", "quantity": number} for number in range(1, 51)]
    mail = mails.compose("confirmed", "Alice", ORDER, facts_of("confirmed", lines=lines))
    for line in lines:
        assert f"  {line['quantity']} x {line['sku']}\n" in mail.text
        assert f"<li>{line['quantity']} x {line['sku']}</li>" in mail.html


def test_a_template_that_asks_for_what_is_not_there_is_a_fault() -> None:
    with pytest.raises(KeyError, match="tracking"):
        mails.compose("dispatched", "Alice", ORDER, facts_of("confirmed"))
