"""The mails as customers read them: the same content as text and as a page, whatever a person's name holds."""

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kernel.inbox import parse
from services.notification.domain import mails
from tests.support.choreography import ORDER, an_event

RENDERED = Path(__file__).parent / "rendered"
NAMES = ("Alice Doe", "<b>O'Neill</b> & Söhne", "$name ${order_id}", '"><script>alert(1)</script>')
VOID = {"meta", "br"}


def facts_of(kind: str, **facts: Any) -> Mapping[str, Any]:
    """Return the facts that the mail is about, from the example in the event's schema."""
    service, detail_type = {
        "backordered": ("order", "OrderBackordered"),
        "confirmed": ("order", "OrderConfirmed"),
        "cancelled": ("order", "OrderCancelled"),
        "dispatched": ("shipping", "ShipmentDispatched"),
    }[kind]
    return parse(json.dumps(an_event(service, detail_type, ORDER, **facts))).event.data


class Page(HTMLParser):
    """The words that a browser shows of a page, and the addresses that it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self.shown: list[str] = []
        self.styles = ""
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
        if "style" in self.open:
            self.styles += data
        elif "title" not in self.open:
            self.shown += data.split()


@pytest.mark.parametrize("kind", sorted(set(mails.KINDS.values())))
def test_mail_equals_its_reviewed_rendering(kind: str) -> None:
    """`rendered/` holds each mail for review. If a template changed, delete its file and run this test to write it again."""
    mail = mails.compose(kind, "Alice Doe", ORDER, facts_of(kind))
    for ending, text in {"txt": f"{mail.subject}\n\n{mail.text}", "html": mail.html}.items():
        file = RENDERED / f"{kind}.{ending}"
        if not file.exists():
            file.write_text(text)
        assert file.read_text() == text


@pytest.mark.parametrize("kind", sorted(set(mails.KINDS.values())))
@pytest.mark.parametrize("name", NAMES)
def test_text_and_page_have_the_same_words_for_any_name(kind: str, name: str) -> None:
    mail = mails.compose(kind, name, ORDER, facts_of(kind))
    page = Page(mail.html)
    assert page.tags <= {"html", "head", "meta", "title", "style", "body", "div", "p", "strong", "ul", "li"}
    assert page.fetched == [], "a mail must not report that it was opened"
    assert "url(" not in mail.html
    assert "@import" not in page.styles
    assert f"Hello {name}," in mail.text
    assert "".join(page.shown) == "".join(mail.text.split())


@pytest.mark.parametrize("reason", mails.REASONS)
@pytest.mark.parametrize("confirmed", [True, False])
def test_cancellation_states_its_reason_and_the_refund(reason: str, confirmed: bool) -> None:
    mail = mails.compose("cancelled", "Alice", ORDER, facts_of("cancelled", reason=reason, confirmed=confirmed))
    money = "You will be refunded in full." if confirmed else "You have not been charged."
    assert f"because {mails.REASONS[reason]}.\n\n{money}" in mail.text


def test_confirmation_lists_every_line() -> None:
    lines = [{"sku": f"SKU-{number}", "quantity": number} for number in range(1, 51)]
    mail = mails.compose("confirmed", "Alice", ORDER, facts_of("confirmed", lines=lines))
    for line in lines:
        assert f"  {line['quantity']} x {line['sku']}\n" in mail.text
        assert f"<li>{line['quantity']} x {line['sku']}</li>" in mail.html


def test_missing_fact_raises_key_error() -> None:
    with pytest.raises(KeyError, match="tracking"):
        mails.compose("dispatched", "Alice", ORDER, facts_of("confirmed"))


def test_confirmation_marks_the_items_that_it_leaves_out() -> None:
    facts = {**facts_of("confirmed"), "left_out": [{"sku": "LP-SOLD-OUT", "quantity": 3}]}
    mail = mails.compose("confirmed", "Alice", ORDER, facts)
    assert "  3 x LP-SOLD-OUT (not in stock: not sent, not charged)\n" in mail.text
    assert "<li>3 x LP-SOLD-OUT (not in stock: not sent, not charged)</li>" in mail.html


@pytest.mark.parametrize("kind", sorted(set(mails.KINDS.values())))
def test_sentences_of_a_mail_begin_with_a_capital(kind: str) -> None:
    paragraphs = mails.compose(kind, "Alice Doe", ORDER, facts_of(kind)).text.split("\n\n")
    assert [paragraph for paragraph in paragraphs if not paragraph[0].isupper()] == []
