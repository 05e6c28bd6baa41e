from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kernel import clock
from kernel.aggregate_store import UnknownAggregateError
from kernel.commands import InvalidCommandError, UnknownCommandError
from kernel.contact import PURCHASE
from kernel.receipts import Kind, ReceiptRefusedError
from services.order.domain.decisions import EvidenceMissingError
from services.order.functions import commands, contact, facts, operator
from tests.support.logged import lines_of_log
from tests.support.outboxes import events_in
from tests.support.receipts import as_the_saga, checked, receipts
from tests.support.spy import Spy
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
    assert [keys for keys, _ in reads_of({"order_id": order_id})] == [{f"ORDER#{order_id}"}, {"CONTACT#alice"}]
    assert all(consistent for _, consistent in reads_of({"order_id": order_id}))


@pytest.mark.parametrize("customer_id", ["alice", "mallory"])
def test_what_an_event_says_of_the_customer_saves_a_read_and_decides_nothing(order_id: str, customer_id: str) -> None:
    contacts().put("mallory", {"name": "Mallory", "email": "mallory@example.com", "address": {}})
    query = {"order_id": order_id, "detail": PURCHASE, "customer_id": customer_id, "skus": ["MUG", "LP"]}
    found = handle(contact, query, CONTEXT)
    assert found["email"] == "alice@example.com"
    assert len(reads_of(query)) == (1 if customer_id == "alice" else 2)
    assert found == handle(contact, {"order_id": order_id, "detail": PURCHASE}, CONTEXT)


def test_an_event_of_more_skus_than_a_batch_reads_is_answered(order_id: str) -> None:
    query = {"order_id": order_id, "customer_id": "alice", "skus": [f"SKU-{number}" for number in range(150)]}
    assert handle(contact, query, CONTEXT)["email"] == "alice@example.com"
    assert [len(keys) for keys, _ in reads_of(query)] == [100]


def reads_of(query: dict[str, Any]) -> list[tuple[set[str], bool]]:
    """Return the keys of each read that the contact function makes for a query, and whether it is consistent."""
    read: list[tuple[set[str], bool]] = []
    batch_get_item = order_store().client.batch_get_item

    def batch(**request: Any) -> Any:
        wanted = request["RequestItems"]["orders"]
        read.append(({key["pk"]["S"] for key in wanted["Keys"]}, wanted["ConsistentRead"]))
        return batch_get_item(**request)

    FAKES["dynamodb"] = SimpleNamespace(batch_get_item=batch)
    handle(contact, query, CONTEXT)
    del FAKES["dynamodb"]
    return read


def test_step_after_another_of_its_run_reads_no_row(order_id: str) -> None:
    def step(name: str, before: object, **fields: Any) -> Any:
        FAKES["dynamodb"] = spy = Spy(order_store().client)
        about = {"command": name, "order_id": order_id, "correlation_id": "c", "causation_id": "e", "before": before}
        answer = handle(commands, {**about, **as_the_saga(name, order_id, fields)}, CONTEXT)
        del FAKES["dynamodb"]
        assert spy.calls == ["update_item"]
        return answer

    loaded = handle(commands, {"command": "load", "order_id": order_id}, CONTEXT)
    decided = step("decide", loaded["decision"], decision="CONFIRM", stock=HELD)
    confirmed = step("confirm", decided, payment="CAPTURED", stock="COMMITTED")
    assert confirmed["outcome"] == "CONFIRMED"
    assert command("decide", order_id, decision="CONFIRM", stock=HELD)["outcome"] == "CONFIRMED"


@pytest.mark.parametrize("command", ["decide", "confirm"])
def test_statement_of_another_order_is_no_row_of_this_one(order_id: str, command: str) -> None:
    other = "ord-" + "z" * 26
    before = receipts().issue(Kind.DECISION, other, {"outcome": "PENDING", "seen": "{}"})
    fields = {"decision": "CONFIRM", "stock": HELD} if command == "decide" else {"payment": "CAPTURED", "stock": "COMMITTED"}
    sent = {"command": command, "order_id": order_id, "correlation_id": "c", "causation_id": "e", "before": before}
    with pytest.raises(ReceiptRefusedError):
        handle(commands, {**sent, **as_the_saga(command, order_id, fields)}, CONTEXT)
    assert handle(commands, {"command": "load", "order_id": order_id}, CONTEXT)["status"] == "PENDING"
