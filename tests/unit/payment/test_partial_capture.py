"""An order that is confirmed for what there is: a part of the authorisation is captured, and that part may be refunded."""

from typing import Any

import pytest

from services.payment.domain.gateway import IdempotencyConflictError
from tests.unit.payment.conftest import TOTAL, PaymentService

PART = {"amount": 1999, "currency": "USD"}


def amounts(payment: PaymentService) -> dict[str, int]:
    """Return the amount of each operation in the gateway's ledger, in minor units."""
    items = payment.client.scan(TableName="ledger", ConsistentRead=True)["Items"]
    return {item["sk"]["S"]: int(item["amount"]["N"]) for item in items}


def test_partial_capture_is_recorded_and_published(payment: PaymentService) -> None:
    payment.authorize()
    assert payment("capture", total=PART) == {"outcome": "CAPTURED"}
    assert payment.events[-1] == ("PaymentCaptured", {"total": PART})
    assert (payment.row["total"], payment.row["authorized"]) == (PART, TOTAL)
    assert amounts(payment) == {"authorize": 4998, "capture": 1999}


def test_the_same_part_again_is_the_same_capture(payment: PaymentService) -> None:
    payment.authorize()
    payment("capture", total=PART)
    before = payment.row
    assert payment("capture", total=PART) == {"outcome": "CAPTURED"}
    assert payment.authorize() == {"outcome": "AUTHORIZED"}
    assert payment.row == before


@pytest.mark.parametrize(
    "total",
    [{"amount": 4999, "currency": "USD"}, {"amount": 1999, "currency": "EUR"}, {"amount": 0, "currency": "USD"}],
    ids=["more", "another currency", "nothing"],
)
def test_capture_above_the_authorisation_is_refused(payment: PaymentService, total: dict[str, Any]) -> None:
    payment.authorize()
    with pytest.raises(IdempotencyConflictError, match="cannot be captured"):
        payment("capture", total=total)
    assert payment.row["status"] == "AUTHORIZED"


def test_capture_of_another_part_raises_an_error(payment: PaymentService) -> None:
    payment.authorize()
    payment("capture", total=PART)
    with pytest.raises(IdempotencyConflictError):
        payment("capture", total=TOTAL)


def test_full_capture_leaves_no_mark_of_a_part(payment: PaymentService) -> None:
    payment.authorize()
    assert payment("capture", total=TOTAL) == {"outcome": "CAPTURED"}
    assert "authorized" not in payment.row


def test_refused_partial_capture_is_voided(payment: PaymentService) -> None:
    payment.authorize("pm_card_capture_refused")
    assert payment("capture", total=PART)["outcome"] == "CAPTURE_REFUSED"
    assert payment.void() == {"outcome": "VOIDED"}
    assert payment("capture", total=PART) == {"outcome": "VOIDED"}
