"""Text from outside: the API answers 4xx, and the intake quarantines at once, whatever the bytes are."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.order.functions import api, intake
from tests.support.choreography import DeadLetterQueue, batch
from tests.unit.order.conftest import CONTEXT, FAKES, Saga, Shop, an_order, handle
from tests.unit.order.test_events import orders, placed_by_channel

VISA, ADDRESS = "4111111111111111", "joe@example.com"
DEEP = "[" * 16_000
A_MUG = json.dumps(an_order(lines=[{"sku": "MUG", "quantity": 1}]))
ONE_SHOP = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
BODIES = (
    st.text()
    | st.sampled_from(['{"quantity": ' * 900, DEEP, '"\\ud800"', "1e999", "\ud800", "NaN"])
    | JSON.map(json.dumps)
    | st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("customer_id", "currency", "lines", "payment_token", "if_short", "name", "email"), JSON),
    ).map(lambda changes: json.dumps(an_order(**changes)))
)


@pytest.fixture
def dead_letters(monkeypatch: pytest.MonkeyPatch) -> DeadLetterQueue:
    queue = DeadLetterQueue()
    FAKES["sqs"] = queue
    return queue


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (DEEP, None),
        (json.dumps(an_order()).replace('"alice"', '"alice", "customer_id": "bob"'), "customer_id"),
        (json.dumps(an_order()).replace("alice", "\\ud800"), "customer_id"),
        (
            A_MUG.replace("1}", "0.99999999999999999999}"),
            "lines[0].quantity",
        ),
        (A_MUG.replace("1}", "NaN}"), "lines[0].quantity"),
        (A_MUG.replace("1}", "9" * 5000 + "}"), "lines[0].quantity"),
    ],
)
def test_refused_json_gets_400_with_its_field(shop: Shop, body: str, field: str | None) -> None:
    answer = shop.place(body=body)
    assert (answer.status, answer.body.get("field")) == (400, field)


@pytest.mark.parametrize("quantity", ["2.0", "2e0", "0.2e1"])
def test_whole_number_in_any_form_is_the_same_request(shop: Shop, saga: Saga, quantity: str) -> None:
    saga.reaches("CONFIRMED")
    lines = [{"sku": "MUG", "quantity": 2}]
    first = shop.place(body=an_order(lines=lines))
    again = shop.place(body=json.dumps(an_order(lines=lines)).replace('"quantity": 2', f'"quantity": {quantity}'))
    assert again.body["order_id"] == first.body["order_id"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"customer_id": VISA}, "customer_id"),
        ({"customer_id": "4111.1111.1111.1111"}, "customer_id"),
        ({"lines": [{"sku": VISA, "quantity": 1}]}, "lines[0].sku"),
        ({"payment_token": f"pm_{VISA}"}, "payment_token"),
        ({VISA: 1}, "(not shown)"),
    ],
)
def test_card_number_is_refused_as_an_id(shop: Shop, caplog: Any, changes: dict[str, Any], field: str) -> None:
    answer = shop.place(body=an_order(**changes))
    assert (answer.status, answer.body["field"]) == (400, field)
    assert "4111" not in json.dumps(answer.body) + caplog.text


@pytest.mark.parametrize("text", [VISA, "4111 1111 1111 1111", f"{ADDRESS} 1 Main St"])
@pytest.mark.parametrize("header", ["Idempotency-Key", "X-Correlation-Id"])
def test_header_with_a_card_number_or_address_is_refused(shop: Shop, header: str, text: str) -> None:
    answer = shop.call("POST", "/orders", an_order(), **{"idempotency-key": "key-1", header.lower(): text})
    assert (answer.status, answer.body["field"]) == (400, header)
    assert text not in json.dumps(answer.body)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", f"/customers/{VISA}/contact"), ("DELETE", f"/customers/{VISA}/contact"), ("GET", f"/orders?customer={VISA}")],
)
def test_path_or_query_with_a_card_number_is_refused(shop: Shop, method: str, path: str) -> None:
    answer = shop.call(method, path, None)
    assert answer.status == 400
    assert VISA not in json.dumps(answer.body)


@pytest.mark.parametrize("order_id", ["a" * 3000, "ord-1", "ORD-" + "a" * 26, "ord-" + "a" * 27, f"ord-{VISA}"])
def test_malformed_order_id_gets_404(shop: Shop, order_id: str) -> None:
    FAKES["dynamodb"] = SimpleNamespace(get_item=lambda **_: pytest.fail("the table is not asked"))
    for method, path in (("GET", f"/orders/{order_id}"), ("POST", f"/orders/{order_id}/cancel")):
        answer = shop.call(method, path)
        assert (answer.status, answer.body["field"]) == (404, "order_id")
        assert len(answer.body["detail"]) < 200
        assert VISA not in answer.body["detail"]


@pytest.mark.parametrize(
    ("prefer", "waits"),
    [
        ("respond-async", False),
        ("Respond-Async", False),
        ("respond-async; wait=10", False),
        ("wait=10, respond-async", False),
        ('handling=lenient, respond-async=""', False),
        ("x-respond-async", True),
        ("respond-async-not", True),
        ('note="a, respond-async, b"', True),
        ("wait=10; respond-async", True),
        ("respond-async=no", True),
        ("", True),
    ],
)
def test_prefer_is_a_list_of_preferences(shop: Shop, saga: Saga, prefer: str, waits: bool) -> None:
    answer = shop.place(prefer=prefer)
    assert bool(saga.started) == waits
    assert ("Preference-Applied" in answer.headers) != waits


@pytest.mark.parametrize("again", ['"key-1"', '"key-1";a=1', "key-1"])
def test_a_quoted_key_is_the_same_key(shop: Shop, again: str) -> None:
    assert shop.place(key=again).body["order_id"] == shop.place(key="key-1").body["order_id"]


def test_escaped_character_of_a_quoted_key_is_part_of_it(shop: Shop) -> None:
    assert shop.place(key=r'"a\"b\\c"').body["order_id"] == shop.place(key=r'a"b\c').body["order_id"]


@pytest.mark.parametrize("key", ['""', '"open', '"', '"a" "b"', f'"{VISA}"'])
def test_badly_quoted_key_is_refused(shop: Shop, key: str) -> None:
    answer = shop.place(key=key)
    assert (answer.status, answer.body["field"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (placed_by_channel(customer_id=VISA), "data.customer_id: looks like a card number"),
        (placed_by_channel(idempotency_key="4111 1111 1111 1111"), "data.idempotency_key: looks like"),
        (placed_by_channel(idempotency_key=ADDRESS), "data.idempotency_key: looks like"),
        (placed_by_channel(idempotency_key="a\r\nb"), "data.idempotency_key: must have printable characters"),
        (placed_by_channel(payment_token=f"pm_{VISA}"), "data.payment_token: looks like"),
        (placed_by_channel(lines=[{"sku": VISA, "quantity": 1}]), "data.lines[0].sku: looks like"),
        (
            {**placed_by_channel(), "source": "orderflow.channel.SHOP/é"},
            "from orderflow.channel.SHOP/é: source: a channel name has",
        ),
        ({**placed_by_channel(), "source": "orderflow.channel."}, "from orderflow.channel.: source: a channel name has"),
        ({**placed_by_channel(), "source": "orderflow.channel.api"}, "source: a channel name has"),
        ({**placed_by_channel(), "source": "orderflow.channel." + "x" * 230}, "source: a channel name has"),
        ({**placed_by_channel(), "source": f"orderflow.channel.{VISA}"}, "from (not shown): source: a channel name has"),
        ({**placed_by_channel(), "replay-name": {"a": 1}}, "replay-name: must be text"),
    ],
)
def test_channel_event_with_a_malformed_id_is_quarantined_with_the_reason(
    dead_letters: DeadLetterQueue, caplog: Any, event: dict[str, Any], reason: str
) -> None:
    assert handle(intake, batch(event, placed_by_channel(idempotency_key="k9")), CONTEXT) == {"batchItemFailures": []}
    [said] = dead_letters.reasons
    assert reason in said
    assert said.isprintable()
    for secret in ("4111", ADDRESS):
        assert secret not in said + caplog.text
    assert len(orders()) == 1


def test_a_whole_number_of_a_channel_is_an_integer(dead_letters: DeadLetterQueue) -> None:
    body = json.dumps(placed_by_channel(lines=[{"sku": "MUG", "quantity": 2}])).replace('"quantity": 2', '"quantity": 2.0')
    assert handle(intake, batch(body), CONTEXT) == {"batchItemFailures": []}
    assert dead_letters.reasons == []


@ONE_SHOP
@given(BODIES)
def test_any_body_gets_a_documented_response(shop: Shop, body: str) -> None:
    for method, path in (
        ("POST", "/orders"),
        ("POST", f"/orders/ord-{'a' * 26}/cancel"),
        ("PUT", "/customers/alice/contact"),
    ):
        assert shop.call(method, path, body, idempotency_key="key-1").status < 500


@ONE_SHOP
@given(st.text(), st.text())
def test_any_cursor_key_and_header_gets_a_documented_response(shop: Shop, text: str, other: str) -> None:
    event = {"customer": "alice", "cursor": text, "limit": other}
    for query in (event, {**event, "limit": "5"}):
        answer = handle(api, _listing(query), CONTEXT)
        assert answer["statusCode"] in (200, 400)
    assert shop.place(key=text, prefer=other, x_correlation_id=text).status < 500


@ONE_SHOP
@given(BODIES | JSON.map(lambda detail: json.dumps({**placed_by_channel(), "detail": detail})))
def test_any_message_is_an_order_or_quarantined(dead_letters: DeadLetterQueue, body: str) -> None:
    assert handle(intake, batch(body), CONTEXT) == {"batchItemFailures": []}


def _listing(query: dict[str, str]) -> dict[str, Any]:
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/orders",
        "rawQueryString": "",
        "queryStringParameters": query,
        "headers": {},
        "requestContext": {"http": {"method": "GET", "path": "/orders"}, "requestId": "request-1", "stage": "$default"},
        "isBase64Encoded": False,
    }
