"""Contacts and their marks: an order without a way to reach its customer is refused before money moves."""

import json
from typing import Any

import iso3166
import pytest

from services.order.domain import addresses
from services.order.functions import intake
from tests.support.choreography import DeadLetterQueue, batch
from tests.unit.order.conftest import (
    CONTEXT,
    FAKES,
    Saga,
    Shop,
    a_contact,
    an_order,
    catalogue,
    contact_of,
    contacts,
    handle,
    order_store,
)
from tests.unit.order.test_events import orders, placed_by_channel


def rows_of(customer_id: str) -> set[str]:
    keys = {item["pk"]["S"] for item in order_store().client.scan(TableName="orders")["Items"]}
    return {key for key in keys if key.partition("#")[2] == customer_id}


def test_contact_and_its_mark_are_written_and_deleted_together(shop: Shop) -> None:
    assert shop.call("PUT", "/customers/carol/contact", a_contact()).status == 204
    assert rows_of("carol") == {"CONTACT#carol", "REACHABLE#carol"}
    assert shop.call("PUT", "/customers/carol/contact", a_contact(name="Carol")).status == 204
    assert shop.call("DELETE", "/customers/carol/contact").status == 204
    assert shop.call("DELETE", "/customers/carol/contact").status == 204
    assert rows_of("carol") == set()


def test_mark_contains_no_personal_data(shop: Shop) -> None:
    shop.call("PUT", "/customers/carol/contact", a_contact())
    [mark] = [item for item in order_store().client.scan(TableName="orders")["Items"] if item["pk"]["S"] == "REACHABLE#carol"]
    assert mark == {"pk": {"S": "REACHABLE#carol"}, "customer_id": {"S": "carol"}}


def test_an_order_without_a_contact_is_refused_before_anything_is_written(shop: Shop, saga: Saga) -> None:
    answer = shop.place(body=an_order(customer_id="carol"))
    assert (answer.status, answer.body["field"]) == (422, "customer_id")
    assert answer.body["type"].endswith("/contact-missing")
    assert "PUT /customers/carol/contact" in answer.body["detail"]
    assert (orders(), saga.started) == ([], [])

    shop.call("PUT", "/customers/carol/contact", a_contact())
    assert shop.place(body=an_order(customer_id="carol")).status == 202, "the same key may be used: nothing was written"


def test_forgotten_customer_can_read_old_orders_but_place_none(shop: Shop) -> None:
    first = shop.place()
    shop.call("DELETE", "/customers/alice/contact")
    assert shop.place(key="key-2").status == 422
    assert shop.place().body["order_id"] == first.body["order_id"]


def test_mark_is_read_consistently_without_an_extra_call(shop: Shop) -> None:
    read: list[Any] = []
    client = catalogue().client

    class Watched:
        def batch_get_item(self, **request: Any) -> Any:
            read.append(request)
            return client.batch_get_item(**request)

        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

    FAKES["dynamodb"] = Watched()
    shop.place()
    [request] = read
    assert request["RequestItems"]["orders"]["ConsistentRead"]
    assert len(request["RequestItems"]["orders"]["Keys"]) == 3


def test_channel_order_without_a_contact_is_quarantined_and_can_be_redriven(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = DeadLetterQueue()
    FAKES["sqs"] = letters
    event = placed_by_channel(customer_id="carol")
    assert handle(intake, batch(event), CONTEXT) == {"batchItemFailures": []}
    [reason] = letters.reasons
    assert "data.customer_id: customer carol has no contact" in reason
    assert orders() == []

    contacts().put("carol", a_contact())
    handle(intake, batch(json.dumps(event)), CONTEXT)
    assert len(orders()) == 1

    contacts().forget("carol")
    handle(intake, batch(event), CONTEXT)
    assert (len(orders()), len(letters.reasons)) == (1, 1), "an order that is there is not refused"


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        ("alice@example.com", "alice@example.com"),
        ("a.b+c@Sub.Example.co", "a.b+c@Sub.Example.co"),
        ("a@münchen.de", "a@xn--mnchen-3ya.de"),
        ("a@straße.example", "a@xn--strae-oqa.example"),
        ("a@xn--mnchen-3ya.de", "a@xn--mnchen-3ya.de"),
    ],
)
def test_domain_is_stored_in_its_dns_form(shop: Shop, email: str, kept: str) -> None:
    assert shop.call("PUT", "/customers/carol/contact", a_contact(email=email)).status == 204
    found = contact_of("carol")
    assert found is not None
    assert found["email"] == kept


@pytest.mark.parametrize(
    "email",
    [
        "ü@x.de",
        "josé@exämple.de",
        "a\u0000@x.de",
        "<a>@b.de",
        ".a@x.de",
        "a.@x.de",
        "a..b@x.de",
        '"a b"@x.de',
        "a@localhost",
        "a@x..de",
        "a@-x.de",
        "a@x-.de",
        "a@x.de.",
        "a@1.2.3.4",
        "a@[1.2.3.4]",
        "a@x_y.de",
        "a@xn--.de",
        "a@\u202emoc.elpmaxe",
        f"{'a' * 65}@x.de",
        f"a@{'x' * 64}.de",
        f"{'a' * 64}@{'x.' * 94}de",
    ],
)
def test_undeliverable_address_is_refused(shop: Shop, email: str) -> None:
    answer = shop.call("PUT", "/customers/carol/contact", a_contact(email=email))
    assert (answer.status, answer.body["field"]) == (400, "email")
    assert rows_of("carol") == set()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *[("name", text) for text in ("   ", "\u3000", "\u0000", "a\r\nb", "\x1b[31mA", "a\u202eb", "---", "a\tb", "a\u2028b")],
        *[("name", filler) for filler in "\u115f\u1160\u3164\uffa0"],
        ("city", "\u3164 \u3164"),
        ("line1", " "),
        ("line1", "1 Main St\nBcc: x"),
        ("line2", "\x07"),
        ("city", "\u200b"),
        ("region", "\u0085"),
        ("postal_code", " "),
        ("country", "XX"),
        ("country", "UK"),
        ("country", "XK"),
    ],
)
def test_text_that_no_carrier_accepts_is_refused_by_its_field(shop: Shop, field: str, text: str) -> None:
    contact = a_contact()
    if field == "name":
        contact["name"] = text
    else:
        contact["address"][field] = text
    answer = shop.call("PUT", "/customers/carol/contact", contact)
    assert (answer.status, answer.body["field"]) == (400, field if field == "name" else f"address.{field}")


def test_names_of_all_languages_are_kept_and_trimmed(shop: Shop) -> None:
    for name in (
        "Łukasz Żółć",
        "李小龍",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "O'Brien-Smith, Jr.",
        "\u115f\u1161\u11a8",
        " Zoë\u00a0B. ",
    ):
        assert shop.call("PUT", "/customers/carol/contact", a_contact(name=name)).status == 204
        found = contact_of("carol")
        assert found is not None
        assert found["name"] == name.strip()


def test_countries_equal_iso_3166() -> None:
    """The package has Kosovo too, with a code that ISO leaves to its users."""
    assert iso3166.countries_by_alpha2.keys() - {"XK"} == addresses.COUNTRIES


@pytest.mark.parametrize("field", ["name", "email", "line1", "line2", "city", "region", "postal_code"])
@pytest.mark.parametrize("number", ["4111 1111 1111 1111", "4111-1111-1111-1111"])
def test_a_card_number_is_kept_in_no_field_of_a_contact(shop: Shop, field: str, number: str) -> None:
    contact = a_contact()
    if field == "email":
        contact["email"] = f"{number.replace(' ', '')}@example.com"
    elif field == "name":
        contact["name"] = f"Carol {number}"
    else:
        contact["address"] = {**contact["address"], field: number}
    answer = shop.call("PUT", "/customers/carol/contact", contact)
    assert (answer.status, answer.body["field"]) == (400, field if field in ("name", "email") else f"address.{field}")
    assert "4111" not in json.dumps(answer.body)
    assert rows_of("carol") == set()
