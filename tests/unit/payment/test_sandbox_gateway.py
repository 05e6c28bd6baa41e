"""The sandbox gateway: one outcome for each (order, operation), and of opposing operations only one."""

from typing import Any

import pytest

from kernel.aggregate_store import unmarshal
from kernel.money import Money
from services.payment.domain.gateway import (
    Authorized,
    Captured,
    CaptureRefused,
    Declined,
    GatewayTimeoutError,
    GatewayUnavailableError,
    IdempotencyConflictError,
    Intent,
    NothingAuthorizedError,
    Voided,
)
from services.payment.gateways.sandbox import SandboxGateway
from tests.unit.payment.conftest import ORDER

PRICE = Money(4998, "USD")


def intent(token: str = "pm_card_visa", total: Money = PRICE) -> Intent:
    return Intent(ORDER, total, token)


def books(dynamodb: Any) -> list[dict[str, Any]]:
    return sorted(map(unmarshal, dynamodb.scan(TableName="ledger")["Items"]), key=lambda record: str(record["sk"]))


def test_money_is_authorised_and_captured_once(sandbox: SandboxGateway, dynamodb: Any) -> None:
    for _ in range(2):
        assert sandbox.authorize(intent()) == Authorized()
    for _ in range(2):
        assert sandbox.capture(intent()) == Captured()

    recorded = [{name: value for name, value in record.items() if name != "recorded_at"} for record in books(dynamodb)]
    assert recorded == [
        {"pk": ORDER, "sk": "authorize", "amount": 4998, "currency": "USD", "outcome": "AUTHORIZED"},
        {"pk": ORDER, "sk": "capture", "amount": 4998, "currency": "USD", "outcome": "CAPTURED"},
    ]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("pm_card_declined", "card_declined"),
        ("pm_card_insufficient_funds", "insufficient_funds"),
        ("pm_card_nobody_knows", "unknown_payment_token"),
    ],
)
def test_a_token_can_be_declined_for_good(sandbox: SandboxGateway, token: str, reason: str) -> None:
    assert sandbox.authorize(intent(token)) == Declined(reason)
    assert sandbox.authorize(intent(token)) == Declined(reason)
    assert sandbox.capture(intent(token)) == CaptureRefused("not_authorized")


def test_the_first_outcome_stands_whatever_the_token_says_later(sandbox: SandboxGateway) -> None:
    sandbox.authorize(intent("pm_card_declined"))

    assert sandbox.authorize(intent("pm_card_visa")) == Declined("card_declined")


def test_slow_authorisation_is_recorded_and_returned_at_the_second_call(sandbox: SandboxGateway, dynamodb: Any) -> None:
    with pytest.raises(GatewayTimeoutError):
        sandbox.authorize(intent("pm_card_slow"))
    assert [record["outcome"] for record in books(dynamodb)] == ["AUTHORIZED"]

    assert sandbox.authorize(intent("pm_card_slow")) == Authorized()
    assert sandbox.capture(intent("pm_card_slow")) == Captured()


def test_an_unavailable_gateway_records_nothing(sandbox: SandboxGateway, dynamodb: Any) -> None:
    for _ in range(2):
        with pytest.raises(GatewayUnavailableError):
            sandbox.authorize(intent("pm_card_unavailable"))
    assert books(dynamodb) == []


def test_a_capture_can_be_refused_for_good_and_then_voided(sandbox: SandboxGateway) -> None:
    sandbox.authorize(intent("pm_card_capture_refused"))

    for _ in range(2):
        assert sandbox.capture(intent("pm_card_capture_refused")) == CaptureRefused("capture_refused")
    assert sandbox.void(ORDER) == Voided()


def test_capture_without_authorisation_is_refused(sandbox: SandboxGateway, dynamodb: Any) -> None:
    with pytest.raises(NothingAuthorizedError):
        sandbox.capture(intent())
    assert books(dynamodb) == []


def test_a_void_refuses_the_capture(sandbox: SandboxGateway) -> None:
    sandbox.authorize(intent())

    assert sandbox.void(ORDER) == Voided()
    assert sandbox.capture(intent()) == CaptureRefused("voided")
    assert sandbox.void(ORDER) == Voided()


def test_a_void_refuses_the_authorise_that_comes_after_it(sandbox: SandboxGateway, dynamodb: Any) -> None:
    assert sandbox.void(ORDER) == Voided()

    assert sandbox.authorize(intent()) == Voided()
    assert sandbox.authorize(intent("pm_card_slow")) == Voided()
    assert [record["sk"] for record in books(dynamodb)] == ["void"]


def test_repeated_authorise_returns_the_first_result_even_after_the_void(sandbox: SandboxGateway) -> None:
    sandbox.authorize(intent())
    sandbox.void(ORDER)

    assert sandbox.authorize(intent()) == Authorized()


def test_a_capture_refuses_the_void(sandbox: SandboxGateway, dynamodb: Any) -> None:
    sandbox.authorize(intent())
    sandbox.capture(intent())

    assert sandbox.void(ORDER) == Captured()
    assert [record["sk"] for record in books(dynamodb)] == ["authorize", "capture"]


@pytest.mark.parametrize("other", [Money(4999, "USD"), Money(4998, "EUR")])
def test_same_operation_with_another_total_raises_an_error(sandbox: SandboxGateway, other: Money) -> None:
    sandbox.authorize(intent())

    with pytest.raises(IdempotencyConflictError, match=r"is recorded with 49\.98 USD"):
        sandbox.authorize(intent(total=other))
    with pytest.raises(IdempotencyConflictError):
        sandbox.capture(intent(total=other))
    sandbox.capture(intent())
    with pytest.raises(IdempotencyConflictError):
        sandbox.capture(intent(total=other))


def test_orders_are_independent(sandbox: SandboxGateway) -> None:
    sandbox.void(ORDER)

    assert sandbox.authorize(Intent("ord-" + "b" * 26, PRICE, "pm_card_visa")) == Authorized()
