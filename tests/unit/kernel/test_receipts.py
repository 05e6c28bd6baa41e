"""Receipts: a statement is believed as it was issued, about its order, under the stage's key of now or of just before."""

import json
from contextlib import suppress
from typing import Any

import boto3
import pytest

from kernel.receipts import Kind, ReceiptRefusedError, is_signed, sign
from tests.support.forged_receipts import forgeries
from tests.support.receipts import make_key, receipts

ORDER = "ord-" + "a" * 26
HELD = {
    "outcome": "HELD",
    "lines": [{"sku": "MUG", "quantity": 2}],
    "reason": None,
    "total": {"amount": 4998, "currency": "USD"},
}
KEY = "key"


@pytest.fixture
def arn(aws: None, monkeypatch: pytest.MonkeyPatch) -> str:
    return make_key(monkeypatch)


def rotate(arn: str, key: str) -> None:
    boto3.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=key)


def test_issued_statement_is_accepted(arn: str) -> None:
    stated = receipts().issue(Kind.STOCK, ORDER, HELD)
    assert receipts().check(Kind.STOCK, ORDER, json.loads(json.dumps(stated))) == HELD


def test_the_order_of_fields_and_a_whole_float_make_no_difference(arn: str) -> None:
    """Step Functions parses and writes the JSON anew."""
    stated = receipts().issue(Kind.STOCK, ORDER, HELD)
    rewritten = {name: stated[name] for name in reversed(stated)} | {"total": {"currency": "USD", "amount": 4998.0}}
    assert receipts().check(Kind.STOCK, ORDER, rewritten) == HELD


def test_every_forgery_is_refused(arn: str) -> None:
    believed = []
    for name, forged in forgeries(Kind.STOCK, ORDER, receipts().issue(Kind.STOCK, ORDER, HELD)).items():
        with suppress(ReceiptRefusedError):
            believed.append((name, receipts().check(Kind.STOCK, ORDER, forged)))
    assert believed == []


def test_a_true_statement_of_another_outcome_is_refused(arn: str) -> None:
    decided = receipts().issue(Kind.DECISION, ORDER, {"outcome": "PENDING"})
    with pytest.raises(ReceiptRefusedError, match="no valid receipt of order/decision CONFIRMING"):
        receipts().check(Kind.DECISION, ORDER, decided, "CONFIRMING")


def test_a_refusal_is_counted_and_logged_without_the_values(arn: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ReceiptRefusedError) as refusal:
        receipts().check(Kind.PAYABLE, ORDER, {"payment_token": "pm_secret", "receipt": "made-up"})
    out = capsys.readouterr().out
    [counted] = [json.loads(line) for line in out.splitlines() if '"ReceiptRefused":' in line]
    assert counted["ReceiptRefused"] == [1.0]
    told = out + str(refusal.value)
    assert "pm_secret" not in told
    assert "made-up" not in told


def test_receipt_of_the_previous_key_is_accepted_after_a_rotation(arn: str) -> None:
    stated = receipts().issue(Kind.STOCK, ORDER, HELD)
    rotate(arn, "the-next-key")
    assert receipts().check(Kind.STOCK, ORDER, stated) == HELD


def test_function_with_a_cached_key_accepts_the_new_one(arn: str) -> None:
    by_new = {**HELD, "receipt": sign("the-next-key", Kind.STOCK, ORDER, HELD)}
    kept = receipts()
    kept.issue(Kind.STOCK, ORDER, HELD)
    rotate(arn, "the-next-key")
    assert kept.check(Kind.STOCK, ORDER, by_new) == HELD
    assert kept.issue(Kind.STOCK, ORDER, HELD) == by_new


def test_receipt_is_refused_after_two_rotations(arn: str) -> None:
    stated = receipts().issue(Kind.STOCK, ORDER, HELD)
    rotate(arn, "the-next-key")
    rotate(arn, "the-key-after-that")
    with pytest.raises(ReceiptRefusedError):
        receipts().check(Kind.STOCK, ORDER, stated)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_value_outside_json_gets_no_receipt(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        is_signed([KEY], Kind.STOCK, ORDER, {"outcome": value}, "0" * 64)
