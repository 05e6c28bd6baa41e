from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kernel import clock
from kernel.aggregate_store import UnknownAggregateError
from kernel.commands import InvalidCommandError, UnknownCommandError
from kernel.receipts import Kind
from services.order.domain.decisions import EvidenceMissingError
from services.order.functions import commands, contact, facts, operator
from tests.support.logged import lines_of_log
from tests.support.outboxes import events_in
from tests.support.receipts import as_the_saga, checked
from tests.unit.order.conftest import COMMANDS, CONTEXT, FAKES, OPERATOR_COMMANDS, Shop, contacts, handle, order_store

LINES = [{"sku": "MUG", "quantity": 2}, {"sku": "LP", "quantity": 1}]
TOTAL = {"amount": 4999, "currency": "USD"}
HELD = {"outcome": "HELD", "lines": LINES}
UNKNOWN = "ord-" + "x" * 26
DECLINED = {"outcome": "DECLINED", "reason": "card_declined"}


@pytest.fixture
def order_id(shop: Shop) -> str:
    return str(shop.place().body["order_id"])


def command(name: str, order_id: str, **fields: Any) -> dict[str, Any]:
    about = {"command": name, "order_id": order_id, "correlation_id": "c", "causation_id": f"ORDER#{order_id}#1"}
    answer = handle(commands, {**about, **as_the_saga(name, order_id, fields)}, CONTEXT)
    return checked(Kind.DECISION, order_id, answer)


def events_of(order_id: str) -> list[tuple[str, str]]:
    row = order_store().get(order_id)
    assert row is not None
    return [(event["detail-type"], event["detail"]["metadata"]["event_id"]) for event in events_in(row["pending"])]


def test_order_goes_from_pending_to_confirmed(order_id: str) -> None:
    answer = command("decide", order_id, decision="CONFIRM", stock=HELD)
    assert answer == {"outcome": "CONFIRMING", "reason": None, "total": TOTAL}
    assert command("confirm", order_id, payment="CAPTURED", stock="COMMITTED")["outcome"] == "CONFIRMED"
    assert events_of(order_id)[-1] == ("OrderConfirmed", f"ORDER#{order_id}#3")
    row = order_store().get(order_id)
    assert row is not None
    assert not {"due_shard", "next_due"} & set(row)


def test_order_goes_from_pending_to_cancelled(order_id: str) -> None:
    assert command("decide", order_id, decision="CANCEL", evidence={"outcome": "REJECTED"})["outcome"] == "CANCELLING"
    answer = command("cancel", order_id, payment="VOIDED", stock="RELEASED")
    assert answer == {"outcome": "CANCELLED", "reason": "OUT_OF_STOCK", "total": TOTAL}
    assert events_of(order_id)[-1] == ("OrderCancelled", f"ORDER#{order_id}#3")


def test_first_decision_stands_and_later_ones_return_it(order_id: str) -> None:
    command("decide", order_id, decision="CONFIRM", stock=HELD)
    assert command("decide", order_id, decision="CANCEL", evidence=DECLINED)["outcome"] == "CONFIRMING"
    assert command("decide", order_id, decision="CONFIRM", stock=HELD)["outcome"] == "CONFIRMING"


def test_the_first_reason_stands(order_id: str) -> None:
    command("decide", order_id, decision="CANCEL", evidence=DECLINED)
    assert command("decide", order_id, decision="CANCEL", evidence={"outcome": "REJECTED"})["reason"] == "PAYMENT_DECLINED"


def test_refused_capture_cancels_a_confirming_order(order_id: str) -> None:
    command("decide", order_id, decision="CONFIRM", stock=HELD)
    answer = command("refuse", order_id, payment="CAPTURE_REFUSED")
    assert answer == {"outcome": "CANCELLING", "reason": "CAPTURE_REFUSED", "total": TOTAL}
    assert command("cancel", order_id, payment="VOIDED", stock="RESTOCKED")["outcome"] == "CANCELLED"


def test_a_repeated_step_changes_nothing(order_id: str) -> None:
    command("decide", order_id, decision="CONFIRM", stock=HELD)
    command("confirm", order_id, payment="CAPTURED", stock="COMMITTED")
    before = order_store().get(order_id)
    for name, fields in [
        ("decide", {"decision": "CONFIRM", "stock": HELD}),
        ("confirm", {"payment": "CAPTURED", "stock": "COMMITTED"}),
        ("refuse", {"payment": "CAPTURE_REFUSED"}),
        ("cancel", {"payment": "VOIDED", "stock": "RELEASED"}),
    ]:
        assert command(name, order_id, **fields)["outcome"] == "CONFIRMED"
    assert order_store().get(order_id) == before


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("confirm", {"payment": "AUTHORIZED", "stock": "COMMITTED"}),
        ("confirm", {"payment": "CAPTURED", "stock": "HELD"}),
        ("cancel", {"payment": "CAPTURED", "stock": "RELEASED"}),
        ("cancel", {"payment": "VOIDED", "stock": "COMMITTED"}),
        ("refuse", {"payment": "CAPTURED"}),
        ("decide", {"decision": "CANCEL", "evidence": {"outcome": "AUTHORIZED"}}),
        ("decide", {"decision": "CANCEL", "evidence": {"outcome": "PAYMENT_UNAVAILABLE"}}),
    ],
)
def test_step_without_its_evidence_raises_an_error(order_id: str, name: str, fields: dict[str, Any]) -> None:
    with pytest.raises(EvidenceMissingError):
        command(name, order_id, **fields)


def test_load_gives_what_a_resumed_saga_needs(order_id: str) -> None:
    loaded = command("load", order_id)
    assert loaded["outcome"] == "FOUND"
    assert loaded["status"] == "PENDING"
    assert loaded["wanted"]["lines"] == [{"sku": "MUG", "quantity": 2}, {"sku": "LP", "quantity": 1}]
    assert loaded["causation_id"] == f"ORDER#{order_id}#1"


def test_unknown_order_raises_an_error(order_id: str) -> None:
    assert command("load", UNKNOWN) == {"outcome": "NOT_FOUND", "decision": None}
    with pytest.raises(UnknownAggregateError):
        command("decide", UNKNOWN, decision="CONFIRM", stock=HELD)


def test_unknown_command_raises_an_error() -> None:
    with pytest.raises(UnknownCommandError, match="'decided' is not one of load, decide"):
        handle(commands, {"command": "decided"}, CONTEXT)


def test_too_many_prices_are_refused_before_any_is_set() -> None:
    prices = [{"sku": f"S{n}", "amount": 1, "currency": "USD"} for n in range(101)]
    with pytest.raises(ValueError, match="at most 100"):
        handle(operator, {"command": "set_prices", "prices": prices}, CONTEXT)


def test_act_is_logged_for_each_of_its_orders(order_id: str) -> None:
    said = {"actor": "role/operator/alice", "reason": "the schema is repaired"}
    event = {"command": "record_act", "act": "dlq redrive order/intake", "order_ids": [order_id, UNKNOWN], **said}
    with lines_of_log() as lines:
        assert handle(operator, event, CONTEXT) == {"outcome": "RECORDED"}
        handle(operator, {**event, "order_ids": []}, CONTEXT)
    acts = [line for line in lines() if line["message"] == "act recorded"]
    assert [line.get("order_id") for line in acts] == [order_id, UNKNOWN, None]
    assert all(line.items() >= {"command": "dlq redrive order/intake", **said}.items() for line in acts)


@pytest.mark.parametrize(
    "wrong", [{"order_ids": ["joe@example.com"]}, {"order_ids": [UNKNOWN] * 201}, {"act": "x" * 101}, {"act": "a\nb"}]
)
def test_act_that_must_not_be_logged_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidCommandError):
        handle(operator, {"command": "record_act", "act": "orders resume", "order_ids": [], **wrong}, CONTEXT)


def test_saga_and_operator_functions_share_no_command() -> None:
    assert not COMMANDS & OPERATOR_COMMANDS
    with pytest.raises(UnknownCommandError, match="'set_prices' is not one of"):
        handle(commands, {"command": "set_prices", "prices": []}, CONTEXT)
    with pytest.raises(UnknownCommandError, match="'confirm' is not one of set_prices"):
        handle(operator, {"command": "confirm"}, CONTEXT)


def test_contact_of_an_order_is_returned(order_id: str) -> None:
    found = handle(contact, {"order_id": order_id}, CONTEXT)
    assert (found["outcome"], found["email"], found["address"]["city"]) == ("FOUND", "alice@example.com", "Springfield")
    assert found["order"] == handle(facts, {"order_id": order_id}, CONTEXT)
    contacts().forget("alice")
    assert handle(contact, {"order_id": order_id}, CONTEXT)["outcome"] == "NOT_YET", "the order is young"
    with clock.use_source(lambda: datetime.now(UTC) + contact.NOT_YET_FOR):
        assert handle(contact, {"order_id": order_id}, CONTEXT)["outcome"] == "NOT_FOUND"
    assert handle(contact, {"order_id": "ord-" + "z" * 26}, CONTEXT) == {"outcome": "NOT_FOUND", "order": None}


def test_the_contact_is_read_consistently(order_id: str) -> None:
    """A replica that does not have the contact yet would cancel a paid order for good."""
    read: list[dict[str, Any]] = []
    get_item = order_store().client.get_item
    FAKES["dynamodb"] = SimpleNamespace(get_item=lambda **request: read.append(request) or get_item(**request))
    handle(contact, {"order_id": order_id}, CONTEXT)
    assert [request["ConsistentRead"] for request in read] == [True, True]
