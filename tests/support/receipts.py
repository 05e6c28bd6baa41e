"""The statements between services, signed as the services sign them: for commands, and in their answers."""

import os
from collections.abc import Mapping
from typing import Any, Literal

import boto3
import pytest

from kernel.clients import Clients
from kernel.receipts import CANCELLING, CONFIRMING, RECEIPT, Kind, Receipts, Statement, receipts_of
from kernel.secrets import Secrets
from kernel.statements import PaymentStatement, Quantity, StockStatement

TOTAL = {"amount": 4998, "currency": "USD"}
DECISIONS = {"capture": CONFIRMING, "commit": CONFIRMING, "void": CANCELLING, "release": CANCELLING}


def make_key(monkeypatch: pytest.MonkeyPatch, key: str = "the-stage's-key") -> str:
    """Make the stage's key in moto's Secrets Manager, if it is missing, and name it in the environment; its ARN."""
    client = boto3.client("secretsmanager")
    made = client.list_secrets()["SecretList"]
    arn: str = made[0]["ARN"] if made else client.create_secret(Name="receipt-key", SecretString=key)["ARN"]
    monkeypatch.setenv("RECEIPT_KEY_ARN", arn)
    return arn


def receipts() -> Receipts:
    """Return the receipts of the stage's key, as a function that has not read it yet has them."""
    return receipts_of(Secrets(Clients()), os.environ["RECEIPT_KEY_ARN"])


def payable(order_id: str, total: Mapping[str, object] = TOTAL, payment_token: str = "pm_card_visa") -> Statement:
    """Return the order's statement of its total."""
    return receipts().issue(Kind.PAYABLE, order_id, {"total": total, "payment_token": payment_token})


def wanted(order_id: str, lines: list[Quantity], if_short: str = "REJECT") -> Statement:
    """Return the order's statement of its lines."""
    return receipts().issue(Kind.WANTED, order_id, {"lines": lines, "if_short": if_short})


def decision(order_id: str, outcome: str, total: Mapping[str, object] = TOTAL, reason: str | None = None) -> Statement:
    """Return the order's statement of its decision."""
    return receipts().issue(Kind.DECISION, order_id, {"outcome": outcome, "reason": reason, "total": total})


def payment(order_id: str, outcome: str, **more: object) -> Statement:
    """Return the payment's statement of its outcome."""
    return receipts().issue(Kind.PAYMENT, order_id, {"outcome": outcome, **more})


def stock(order_id: str, outcome: str, **more: object) -> Statement:
    """Return the reservation's statement of its outcome."""
    return receipts().issue(Kind.STOCK, order_id, {"outcome": outcome, **more})


def as_the_saga(command: str, order_id: str, fields: dict[str, Any]) -> Statement:
    """Return the fields of a command as the saga passes them on, with receipts.

    `fields` are bare: a total or lines for payment and inventory, outcomes or answers of these for the order.
    """
    if command == "authorize":
        return {"payable": payable(order_id, **fields)}
    if command == "reserve":
        return {"wanted": wanted(order_id, **fields)}
    if command in DECISIONS:
        return {"decision": decision(order_id, DECISIONS[command], **fields)}
    if command == "unavailable":
        return {"payable": payable(order_id), **fields}
    needs_payment = command == "wait" or fields.get("decision") == "CONFIRM"
    given = {"payment": "AUTHORIZED", **fields} if needs_payment else fields
    return {name: _evidence(name, order_id, value) for name, value in given.items()}


def _evidence(name: str, order_id: str, value: object) -> object:
    if name not in ("payment", "stock", "evidence"):
        return value
    answer = value if isinstance(value, dict) else {"outcome": value}
    of_payment = name == "payment" or (name == "evidence" and answer["outcome"] in ("DECLINED", "VOIDED"))
    return receipts().issue(Kind.PAYMENT if of_payment else Kind.STOCK, order_id, answer)


def checked(
    kind: Literal[Kind.PAYMENT, Kind.STOCK], order_id: str, answer: Statement
) -> Statement | PaymentStatement | StockStatement:
    """Return a command's response without its receipt and its row; assert that the receipt is valid if there is one."""
    stated = receipts().check(kind, order_id, answer) if RECEIPT in answer else answer
    return {name: value for name, value in stated.items() if name != "seen"}
