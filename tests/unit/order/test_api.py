import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from kernel import clock, logs
from kernel.aggregate_store import Causation
from services.order.domain import decisions, identity, order_request
from tests.support.outboxes import events_in
from tests.support.spy import Spy
from tests.unit.order.conftest import FAKES, Saga, Shop, an_order, contact_of, order_store


def orders_written() -> int:
    items = order_store().client.scan(TableName="orders")["Items"]
    return sum(item["pk"]["S"].startswith("ORDER#") for item in items)


def test_a_confirmed_order_is_created(shop: Shop, saga: Saga) -> None:
    saga.reaches("CONFIRMED")
    answer = shop.place()
    assert answer.status == 201
    assert answer.body["status"] == "CONFIRMED"
    assert answer.body["total"] == {"amount": 4999, "currency": "USD"}
    assert answer.headers["Location"] == f"/orders/{answer.body['order_id']}"


SHRUNK = {"lines": [{"sku": "MUG", "quantity": 1, "unit_price": 1250}], "total": {"amount": 1250, "currency": "USD"}}
ORDERED = {
    "ordered": {
        "lines": [{"sku": "MUG", "quantity": 2, "unit_price": 1250}, {"sku": "LP", "quantity": 1, "unit_price": 2499}],
        "total": {"amount": 4999, "currency": "USD"},
    }
}


def assert_as_shown(shop: Shop, order: dict[str, Any], headers: dict[str, str]) -> None:
    """Assert that the order in a response is the order that GET shows, field by field and by its tag."""
    shown = shop.call("GET", f"/orders/{order['order_id']}")
    assert order == {name: value for name, value in shown.body.items() if name != "timeline"}
    assert headers["ETag"] == shown.headers["ETag"]


def test_confirmed_part_is_returned_as_by_get(shop: Shop, saga: Saga) -> None:
    saga.reaches("CONFIRMED", **SHRUNK, **ORDERED)
    answer = shop.place(body=an_order(if_short="ALLOW_PARTIAL"))
    assert (answer.status, answer.body["total"], answer.body["ordered"]) == (201, SHRUNK["total"], ORDERED["ordered"])
    assert_as_shown(shop, answer.body, answer.headers)


@pytest.mark.parametrize("reason", ["PAYMENT_DECLINED", "CAPTURE_REFUSED", "OUT_OF_STOCK", "STOCK_RELEASED"])
def test_rejected_order_is_returned_as_by_get(shop: Shop, saga: Saga, reason: str) -> None:
    saga.reaches("CANCELLED", reason, **SHRUNK, **ORDERED)
    answer = shop.place(body=an_order(if_short="ALLOW_PARTIAL"))
    assert answer.body["order"]["updated_at"] != answer.body["order"]["created_at"]
    assert_as_shown(shop, answer.body["order"], answer.headers)


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        ("PENDING", "not decided yet"),
        ("CONFIRMING", "being confirmed"),
        ("CANCELLING", "being cancelled; nothing is charged"),
        ("CANCEL_REQUESTED", "being cancelled"),
        ("REFUNDING", "being cancelled"),
    ],
)
def test_repeated_request_states_how_far_the_order_is(shop: Shop, saga: Saga, status: str, detail: str) -> None:
    """An order that is decided is not called undecided."""
    saga.reaches(status, "CUSTOMER")
    for answer in (shop.place(), shop.place()):
        assert (answer.status, answer.body["status"]) == (202, status)
        assert answer.body["detail"] == f"{detail}; ask again at Location"


def test_cancelled_order_is_returned_as_by_get(shop: Shop, saga: Saga) -> None:
    order_id = shop.place().body["order_id"]
    saga.reaches("CANCELLED")
    answer = shop.call("POST", f"/orders/{order_id}/cancel")
    assert (answer.status, answer.body["reason"]) == (200, "CUSTOMER")
    assert_as_shown(shop, answer.body, answer.headers)


def test_late_cancellation_returns_the_order_as_by_get(shop: Shop, saga: Saga) -> None:
    saga.reaches("CONFIRMED", fulfilment="DISPATCHED")
    order_id = shop.place().body["order_id"]
    answer = shop.call("POST", f"/orders/{order_id}/cancel")
    assert answer.status == 409
    assert_as_shown(shop, answer.body["order"], answer.headers)


def test_result_of_a_run_does_not_count_without_the_row(shop: Shop, saga: Saga) -> None:
    saga.answer = lambda start: {"status": "SUCCEEDED", "output": json.dumps({"status": "CONFIRMED", "reason": None})}
    assert (shop.place().status, shop.place().body["status"]) == (202, "PENDING")


def test_order_confirmed_by_a_run_that_failed_later_is_confirmed(shop: Shop, saga: Saga) -> None:
    saga.reaches("CONFIRMED")
    confirm = saga.answer
    saga.answer = lambda start: {**confirm(start), "status": "FAILED", "error": "UNRESOLVED"}
    assert shop.place().status == 201


def test_request_without_time_for_the_run_leaves_it_to_the_sweeper(shop: Shop, saga: Saga) -> None:
    shop.milliseconds_left = 9_500
    assert (shop.place().status, saga.started) == (202, [])


def test_saga_input_has_only_the_needed_fields(shop: Shop, saga: Saga) -> None:
    saga.reaches("CONFIRMED")
    shop.place()
    told = json.loads(saga.started[0]["input"])
    assert set(told) == {"mode", "order_id", "correlation_id", "causation_id", "payable", "wanted", "decision"}
    assert "pm_card_visa" not in told["decision"]["seen"]
    assert told["causation_id"] == f"ORDER#{told['order_id']}#1"


def test_the_order_and_its_event_are_one_row(shop: Shop) -> None:
    order_id = shop.place().body["order_id"]
    row = order_store().get(order_id)
    assert row is not None
    assert row["status"] == "PENDING"
    [event] = events_in(row["pending"])
    assert event["detail-type"] == "OrderPlaced"
    assert event["detail"]["metadata"]["event_id"] == f"ORDER#{order_id}#1"


@pytest.mark.parametrize(
    ("status", "reason", "http", "name"),
    [
        ("CANCELLED", "PAYMENT_DECLINED", 402, "payment-declined"),
        ("CANCELLED", "CAPTURE_REFUSED", 402, "payment-declined"),
        ("CANCELLED", "OUT_OF_STOCK", 409, "out-of-stock"),
        ("CANCELLED", "PAYMENT_UNAVAILABLE", 409, "order-cancelled"),
    ],
)
def test_rejection_states_its_reason(shop: Shop, saga: Saga, status: str, reason: str, http: int, name: str) -> None:
    saga.reaches(status, reason)
    answer = shop.place()
    assert (answer.status, answer.body["type"].rsplit("/", 1)[1]) == (http, name)
    assert answer.body["order"]["reason"] == reason


@pytest.mark.parametrize("states_its_decision", [True, False])
@pytest.mark.parametrize(("status", "reason"), [("CONFIRMED", None), ("CANCELLED", "OUT_OF_STOCK")])
def test_row_after_the_run_is_read_only_if_the_run_does_not_state_it(
    shop: Shop, saga: Saga, status: str, reason: str | None, *, states_its_decision: bool
) -> None:
    """A run of the version before states its status alone. Both answers are the order as GET has it."""
    saga.reaches(status, reason)
    saga.states_its_decision = states_its_decision
    FAKES["dynamodb"] = spy = Spy(order_store().client)
    answer = shop.place()
    assert spy.calls == ["batch_get_item", "update_item", *([] if states_its_decision else ["get_item"])]
    order = answer.body["order"] if reason else answer.body
    shown = shop.call("GET", f"/orders/{order['order_id']}")
    assert order == {name: value for name, value in shown.body.items() if name != "timeline"}
    assert answer.headers["ETag"] == shown.headers["ETag"]


def test_row_is_read_if_the_decision_of_a_run_has_no_valid_receipt(shop: Shop, saga: Saga) -> None:
    saga.reaches("CONFIRMED")
    run = saga.answer

    def forge(start: dict[str, Any]) -> dict[str, Any]:
        output = json.loads(run(start)["output"])
        output["decision"]["seen"] = output["decision"]["seen"].replace("4999", "1")
        return {"status": "SUCCEEDED", "output": json.dumps(output)}

    saga.answer = forge
    assert shop.place().body["total"]["amount"] == 4999


def test_unfinished_saga_gets_202(shop: Shop) -> None:
    answer = shop.place()
    assert (answer.status, answer.body["status"]) == (202, "PENDING")
    assert answer.headers["Location"].endswith(answer.body["order_id"])


def test_saga_without_a_response_gets_202(shop: Shop, saga: Saga) -> None:
    def time_out(_: dict[str, object]) -> dict[str, object]:
        raise ReadTimeoutError(endpoint_url="https://states")

    saga.answer = time_out
    assert shop.place().status == 202


def test_respond_async_starts_no_saga(shop: Shop, saga: Saga) -> None:
    answer = shop.place(prefer="respond-async")
    assert answer.status == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    assert saga.started == []


def test_the_same_key_again_is_the_same_order(shop: Shop, saga: Saga) -> None:
    first = shop.place()
    again = shop.place()
    assert again.body["order_id"] == first.body["order_id"]
    assert orders_written() == 1
    assert len(saga.started) == 1


def test_the_same_key_again_is_the_same_order_even_when_its_sku_is_gone(shop: Shop) -> None:
    first = shop.place()
    order_store().client.delete_item(TableName="orders", Key={"pk": {"S": "PRICE#MUG"}})
    assert shop.place().body["order_id"] == first.body["order_id"]


def test_the_same_key_with_another_body_is_refused(shop: Shop) -> None:
    shop.place()
    answer = shop.place(body=an_order(lines=[{"sku": "LP", "quantity": 1}]))
    assert (answer.status, answer.body["field"]) == (422, "Idempotency-Key")
    assert orders_written() == 1


def test_order_of_version_0_2_is_known_by_its_hash_in_hex(shop: Shop, dynamodb: Any) -> None:
    order_id = shop.place().body["order_id"]
    in_hex = identity.request_hash(order_request.normalize_request(an_order()))
    dynamodb.update_item(
        TableName="orders",
        Key={"pk": {"S": f"ORDER#{order_id}"}},
        UpdateExpression="SET request_hash = :hash",
        ExpressionAttributeValues={":hash": {"S": in_hex}},
    )
    assert shop.place().body["order_id"] == order_id
    assert shop.place(body=an_order(lines=[{"sku": "LP", "quantity": 1}])).status == 422


def test_two_customers_may_use_one_key(shop: Shop) -> None:
    shop.place()
    shop.place(body=an_order(customer_id="bob"))
    assert orders_written() == 2


BAD_BODIES = [
    ("not JSON", "{", 400, None),
    ("not an object", [], 400, ""),
    ("unknown SKU", an_order(lines=[{"sku": "NOPE", "quantity": 1}]), 422, "lines[0].sku"),
    ("zero quantity", an_order(lines=[{"sku": "MUG", "quantity": 0}]), 400, "lines[0].quantity"),
    ("negative quantity", an_order(lines=[{"sku": "MUG", "quantity": -1}]), 400, "lines[0].quantity"),
    ("huge quantity", an_order(lines=[{"sku": "MUG", "quantity": 10**9}]), 400, "lines[0].quantity"),
    ("fractional quantity", an_order(lines=[{"sku": "MUG", "quantity": 1.5}]), 400, "lines[0].quantity"),
    ("no lines", an_order(lines=[]), 400, "lines"),
    ("51 lines", an_order(lines=[{"sku": f"S{n}", "quantity": 1} for n in range(51)]), 400, "lines"),
    ("duplicate SKU", an_order(lines=[{"sku": "MUG", "quantity": 1}, {"sku": "MUG", "quantity": 2}]), 422, "lines[1].sku"),
    ("wrong currency", an_order(currency="EUR"), 422, "currency"),
    ("mixed currency", an_order(lines=[{"sku": "MUG", "quantity": 1}, {"sku": "TASSE", "quantity": 1}]), 422, "currency"),
    ("client-sent price", an_order(lines=[{"sku": "MUG", "quantity": 1, "price": 1}]), 400, "lines[0].price"),
    ("unknown field", an_order(coupon="FREE"), 400, "coupon"),
    ("missing customer", {k: v for k, v in an_order().items() if k != "customer_id"}, 400, "customer_id"),
    ("missing SKU", an_order(lines=[{"quantity": 1}]), 400, "lines[0].sku"),
    ("card data", an_order(payment_token="4242424242424242"), 400, "payment_token"),
    ("over 16 KiB", an_order(customer_id="x" * 17_000), 413, None),
]


@pytest.mark.parametrize(("what", "body", "status", "field"), BAD_BODIES, ids=[case[0] for case in BAD_BODIES])
def test_bad_input_is_named_and_writes_nothing(
    shop: Shop, saga: Saga, what: str, body: object, status: int, field: str | None
) -> None:
    answer = shop.place(body=body)
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.body) >= {"type", "title", "status", "detail"}
    assert answer.body.get("field", "" if field == "" else None) == field
    assert orders_written() == 0
    assert saga.started == []


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "tab\t"])
def test_a_bad_idempotency_key_is_named(shop: Shop, key: str) -> None:
    answer = shop.place(key=key)
    assert (answer.status, answer.body["field"]) == (400, "Idempotency-Key")
    assert orders_written() == 0


def test_a_missing_idempotency_key_is_named(shop: Shop) -> None:
    answer = shop.call("POST", "/orders", an_order())
    assert (answer.status, answer.body["field"]) == (400, "Idempotency-Key")


def test_an_order_can_be_shown(shop: Shop, saga: Saga) -> None:
    saga.reaches("CONFIRMED")
    order_id = shop.place().body["order_id"]
    shown = shop.call("GET", f"/orders/{order_id}")
    assert (shown.status, shown.body["status"]) == (200, "CONFIRMED")
    assert "payment_token" not in shown.body


def test_unknown_order_gets_404(shop: Shop) -> None:
    assert shop.call("GET", "/orders/ord-nope").status == 404
    assert shop.call("POST", "/orders/ord-nope/cancel").status == 404


def test_unknown_route_gets_404(shop: Shop) -> None:
    answer = shop.call("GET", "/nothing")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_an_undecided_order_can_be_cancelled(shop: Shop, saga: Saga) -> None:
    order_id = shop.place().body["order_id"]
    saga.reaches("CANCELLED")
    answer = shop.call("POST", f"/orders/{order_id}/cancel")
    assert (answer.status, answer.body["status"], answer.body["reason"]) == (200, "CANCELLED", "CUSTOMER")
    assert json.loads(saga.started[-1]["input"]) == {"mode": "resume", "order_id": order_id}


def test_cancellation_is_decided_even_if_its_saga_does_not_finish(shop: Shop) -> None:
    order_id = shop.place().body["order_id"]
    answer = shop.call("POST", f"/orders/{order_id}/cancel")
    assert (answer.status, answer.body["status"]) == (202, "CANCELLING")


def test_a_decided_order_cannot_be_cancelled(shop: Shop) -> None:
    order_id = shop.place().body["order_id"]
    paid, held = {"outcome": "AUTHORIZED"}, {"outcome": "HELD", "lines": an_order()["lines"]}
    cause = Causation("c", "c")
    order_store().create_or_apply(order_id, lambda row: decisions.decide_to_confirm(row or {}, held, clock.now(), paid), cause)
    answer = shop.call("POST", f"/orders/{order_id}/cancel")
    assert (answer.status, answer.body["order"]["status"]) == (409, "CONFIRMING")


def test_contact_is_saved_and_deleted(shop: Shop) -> None:
    contact = {
        "name": "Alice",
        "email": "alice@example.com",
        "address": {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"},
    }
    assert shop.call("PUT", "/customers/alice/contact", contact).status == 204
    kept = contact_of("alice")
    assert kept is not None
    assert kept["email"] == "alice@example.com"
    assert shop.call("DELETE", "/customers/alice/contact").status == 204
    assert contact_of("alice") is None


class KeysOfLines(logging.Handler):
    """The keys that the lines of the log have."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(dict(logs.logger.thread_safe_get_current_keys()))


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_change_of_a_contact_is_logged_with_its_customer(shop: Shop, method: str) -> None:
    log, lines = logging.getLogger(logs.logger.name), KeysOfLines()
    log.addHandler(lines)
    try:
        shop.call(method, "/customers/alice/contact", {} if method == "PUT" else None)
    finally:
        log.removeHandler(lines)
    assert [keys["customer_id"] for keys in lines.seen] == ["alice"]


def test_a_bad_contact_is_named(shop: Shop) -> None:
    answer = shop.call("PUT", "/customers/alice/contact", {"name": "Alice", "email": "nowhere", "address": {}})
    assert answer.status == 400
    assert answer.body["field"] in ("email", "address.line1")
