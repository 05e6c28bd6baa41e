"""The mails as customers read them: the same content as text and as a page, whatever a person's name holds."""

from collections.abc import Mapping
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import iso3166
import pytest

from kernel.contact import Contact, Purchase
from kernel.currencies import MINOR_DIGITS
from kernel.money import Money
from operations import mail_samples
from operations.mail_samples import FACTS, KINDS, ORDER, PURCHASE
from services.notification.domain import customer_forms, mails
from services.notification.domain.mails import Mail, Shop
from services.notification.domain.model import Kind
from tests.support.choreography import ADDRESS

RENDERED = Path(__file__).parent / "rendered"
SHOP = Shop("Example Shop", "support@example.com", "https://carrier.example.com/track/{tracking}")
NAMES = ("Alice Doe", "<b>O'Neill</b> & Söhne", "{{ 7 * 7 }} {% if %}", '"><script>alert(1)</script>')
VOID = {"meta", "br"}


def compose(
    kind: Kind, name: str = "Alice Doe", country: str = "US", shop: Shop = SHOP, lacking: str = "", **changes: Any
) -> Mail:
    """Return the mail of a kind, with a customer's name and country, and with changed facts or contents of the order."""
    purchase = cast(Purchase, {**PURCHASE, **changes})
    facts: Mapping[str, Any] = {name: value for name, value in {**FACTS[kind], **changes}.items() if name != lacking}
    contact = Contact(name, "alice@example.com", {**ADDRESS, "country": country})
    return mails.compose(kind, shop, ORDER, contact, purchase, facts)


class Page(HTMLParser):
    """The words that a browser shows of a page, the addresses that it would fetch, and those that a reader can click on."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.shown: list[str] = []
        self.styles = ""
        self.feed(page)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        addresses = [str(value) for name, value in attrs if name in ("src", "href", "background")]
        if tag == "a":
            self.links += addresses
        else:
            self.fetched += addresses
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            self.styles += data
        elif "title" not in self.open:
            self.shown += data.split()


@pytest.mark.parametrize("kind", KINDS)
def test_mail_equals_its_reviewed_rendering(kind: Kind) -> None:
    """`rendered/` holds each mail for review. If a template changed, delete its file and run this test to write it again."""
    mail = mail_samples.compose(kind, SHOP, "US")
    for ending, text in {"txt": f"{mail.subject}\n\n{mail.text}\n", "html": f"{mail.html}\n"}.items():
        file = RENDERED / f"{kind}.{ending}"
        if not file.exists():
            file.write_text(text)
        assert file.read_text() == text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_text_and_page_have_the_same_words_for_any_name(kind: Kind, name: str) -> None:
    lines = [{"sku": "MUG", "title": name, "quantity": 1, "unit_price": 1250}]
    mail = compose(kind, name, lines=lines, left_out=lines, short=[{**lines[0], "requested": 2, "available": 0}])
    page = Page(mail.html)
    words = {"html", "head", "meta", "title", "style", "body", "div", "p", "strong", "span", "br", "a"}
    assert page.tags <= words | {"table", "tr", "td", "ul", "li"}
    assert page.fetched == [], "a mail must not report that it was opened"
    assert "url(" not in mail.html
    assert "@import" not in page.styles
    assert f"Hello {name}," in mail.text
    assert "".join(page.shown) == "".join(mail.text.split())


@pytest.mark.parametrize("kind", KINDS)
def test_mail_names_the_order_and_where_to_write_to(kind: Kind) -> None:
    mail = compose(kind)
    assert mail.subject.startswith("Your order AE2RY-IQQ5H ")
    assert "Order AE2RY-IQQ5H of November 23, 2026\n" in mail.text
    assert mail.text.endswith("Write to support@example.com and give your order number, AE2RY-IQQ5H.\n\nExample Shop")
    assert "mailto:support@example.com" in Page(mail.html).links
    assert ORDER not in mail.text + mail.html


@pytest.mark.parametrize("reason", mails.REASONS)
@pytest.mark.parametrize("confirmed", [True, False])
def test_cancellation_states_its_reason_and_the_refund(reason: str, confirmed: bool) -> None:
    mail = compose("cancelled", reason=reason, confirmed=confirmed, short=[])
    money = "You will be refunded in full." if confirmed else "You have not been charged."
    assert f"because {mails.REASONS[reason]}.\n\n{money}" in mail.text
    assert f"\n\n{mails.NEXT_STEPS[reason]}\n\nQuestions?" in mail.text


def test_cancellation_names_what_is_missing_and_how_much_there_is() -> None:
    lamp = {"sku": "LAMP", "title": "Lamp & shade", "requested": 5, "available": 2}
    text = compose("cancelled", short=[*PURCHASE["short"], lamp]).text
    named = "Not enough in stock:\n  1 x Sold Out (LP): none available\n  5 x Lamp & shade: 2 available\n\nYou have not been"
    assert f"because {mails.REASONS['OUT_OF_STOCK']}.\n\n{named}" in text


def test_back_order_names_what_it_waits_for() -> None:
    mail = compose("backordered")
    assert "have arrived.\n\nNot enough in stock:\n  1 x Sold Out (LP): none available\n\nOrder AE2RY" in mail.text


@pytest.mark.parametrize("kind", ["confirmed", "dispatched"])
def test_mail_about_goods_that_are_sent_has_the_delivery_address(kind: Kind) -> None:
    mail = compose(kind)
    assert f"Delivery address\n  Alice Doe\n  {ADDRESS['line1']}\n" in mail.text
    assert ADDRESS["line1"] not in compose("backordered").text + compose("cancelled").text


@pytest.mark.parametrize("reason", sorted(mails.REASONS.keys() - {"OUT_OF_STOCK"}))
def test_cancellation_for_another_reason_names_no_stock(reason: str) -> None:
    assert "in stock:" not in compose("cancelled", reason=reason).text


def test_cancellation_of_an_earlier_order_service_names_nothing() -> None:
    earlier = {name: value for name, value in PURCHASE.items() if name != "short"}
    contact = Contact("Alice Doe", "alice@example.com", ADDRESS)
    mail = mails.compose("cancelled", SHOP, ORDER, contact, cast(Purchase, earlier), FACTS["cancelled"])
    assert "in stock:" not in mail.text + mail.html


@pytest.mark.parametrize("kind", KINDS)
def test_mail_lists_every_line_with_its_prices(kind: Kind) -> None:
    lines = [{"sku": f"S-{n}", "title": f"Title {n}", "quantity": n, "unit_price": 1250} for n in range(1, 51)]
    mail = compose(kind, lines=lines, total={"amount": 1593750, "currency": "USD"})
    for n in range(1, 51):
        assert f"\n  {n} x Title {n}  $12.50 each  ${n * Decimal('12.50'):,}\n" in mail.text
    assert "Total: $15,937.50\n" in mail.text


def test_missing_fact_raises_key_error() -> None:
    with pytest.raises(KeyError, match="tracking"):
        compose("dispatched", lacking="tracking")


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_mail_about_goods_that_are_sent_names_those_that_are_not(kind: Kind) -> None:
    is_named = "Not in stock, so not sent and not charged:\n  1 x Sold Out (LP)\n" in compose(kind).text
    assert is_named == (kind in ("confirmed", "dispatched"))
    assert "Not in stock, so" not in compose(kind, left_out=[]).text


def test_confirmation_has_the_delivery_address() -> None:
    text = compose("confirmed", country="DE").text
    assert "Delivery address\n  Alice Doe\n  1 Main St\n  Springfield 12345\n  Germany\n" in text


def test_dispatch_links_to_the_page_of_the_parcel() -> None:
    tracking = "A B/&1"
    link = "https://carrier.example.com/track/A%20B%2F%261"
    mail = compose("dispatched", tracking=tracking)
    assert f"Tracking number: {tracking}\n\nFollow your parcel: {link}\n" in mail.text
    assert link in Page(mail.html).links


def test_dispatch_without_a_page_of_the_parcel_has_its_number() -> None:
    mail = compose("dispatched", shop=Shop("Example Shop", "support@example.com"))
    assert "Use this number to follow your parcel with the carrier." in mail.text
    assert Page(mail.html).links == ["mailto:support@example.com"]


@pytest.mark.parametrize(
    ("country", "day", "total"),
    [
        ("US", "November 23, 2026", "$62.48"),
        ("GB", "23 November 2026", "US$62.48"),
        ("DE", "23 November 2026", "62,48\xa0US$"),
        ("BR", "23 November 2026", "US$62.48"),
    ],
)
def test_dates_and_amounts_follow_the_customs_of_the_country(country: str, day: str, total: str) -> None:
    text = compose("confirmed", country=country).text
    assert f"of {day}\n" in text
    assert f"Total: {total}\n" in text


def test_each_country_has_its_own_locale_or_that_of_no_country() -> None:
    countries = {country.alpha2 for country in iso3166.countries}
    found = {country: str(customer_forms.locale_of(country)) for country in countries}
    assert {country for country in countries if found[country] not in (f"en_{country}", customer_forms.ANYWHERE)} == set()


@pytest.mark.parametrize("currency", sorted(MINOR_DIGITS))
def test_amount_has_each_digit_that_is_charged(currency: str) -> None:
    """CLDR has fewer digits than ISO 4217 for some currencies, and would round."""
    for country in ("US", "DE", "BR"):
        shown = customer_forms.amount(Money(1234567, currency), customer_forms.locale_of(country))
        assert "".join(filter(str.isdecimal, shown)) == "1234567"


@pytest.mark.parametrize("kind", KINDS)
def test_sentences_of_a_mail_begin_with_a_capital(kind: Kind) -> None:
    paragraphs = compose(kind).text.split("\n\n")
    assert [paragraph for paragraph in paragraphs if not paragraph[:1].isupper()] == []
