"""Races during a call to the gateway, and crashes at any step of any command.

The rival acts inside the gateway's call, before or after the gateway has done its work: the two moments that differ.
"""

from collections.abc import Callable
from typing import Any

import pytest

from kernel.aggregate_store import Causation
from kernel.money import Money
from services.payment.domain.gateway import Intent, PaymentGateway
from services.payment.domain.model import PaymentRow
from services.payment.gateways.ledger import Ledger
from services.payment.gateways.sandbox import SandboxGateway
from services.payment.storage.table import Payments
from services.payment.use_cases.processor import PaymentProcessor
from tests.support.crashes import Crash, Moment, Mortal
from tests.unit.payment.conftest import ORDER, PaymentService

CAUSE = Causation("correlation-1", "request-1")
INTENT = Intent(ORDER, Money(4998, "USD"), "pm_card_visa")
REFUSED = Intent(ORDER, Money(4998, "USD"), "pm_card_capture_refused")

Rival = Callable[[], Any]


class Meanwhile:
    """A gateway. During its first call of `operation` a rival acts, before or after the gateway does."""

    def __init__(self, gateway: PaymentGateway, operation: str, moment: str, rival: Rival) -> None:
        self.gateway = gateway
        self.operation = operation
        self.moment = moment
        self.rival = rival

    def _call(self, operation: str, argument: Any) -> Any:
        met = operation == self.operation
        if met:
            self.operation = "none any more"
        if met and self.moment == "before":
            self.rival()
        outcome = getattr(self.gateway, operation)(argument)
        if met and self.moment == "after":
            self.rival()
        return outcome

    def authorize(self, intent: Intent) -> Any:
        return self._call("authorize", intent)

    def capture(self, intent: Intent) -> Any:
        return self._call("capture", intent)

    def void(self, order_id: str) -> Any:
        return self._call("void", order_id)


moments = pytest.mark.parametrize("moment", ["before", "after"])


@moments
def test_a_void_during_the_authorise_wins(
    payment: PaymentService, payments: Payments, sandbox: SandboxGateway, moment: str
) -> None:
    answers = []
    gateway = Meanwhile(sandbox, "authorize", moment, lambda: answers.append(payment.void()))

    assert PaymentProcessor(payments, gateway).authorize(INTENT, CAUSE) == {"outcome": "VOIDED"}

    assert answers == [{"outcome": "VOIDED"}]
    assert payment.row["status"] == "VOIDED"
    assert payment.ledger["void"] == "VOIDED"
    assert [detail_type for detail_type, _ in payment.events] == ["PaymentVoided"]


@moments
@pytest.mark.parametrize("moment_of_rival", ["before", "after"])
def test_void_cut_during_the_authorise_is_finished(
    payment: PaymentService, payments: Payments, sandbox: SandboxGateway, moment: str, moment_of_rival: str
) -> None:
    def void_and_die() -> None:
        dying = Meanwhile(sandbox, "void", moment_of_rival, crash)
        with pytest.raises(Crash):
            PaymentProcessor(payments, dying).void(ORDER, CAUSE)

    gateway = Meanwhile(sandbox, "authorize", moment, void_and_die)

    assert PaymentProcessor(payments, gateway).authorize(INTENT, CAUSE) == {"outcome": "VOIDED"}
    assert payment.void() == {"outcome": "VOIDED"}
    assert payment.ledger["void"] == "VOIDED"


@moments
def test_concurrent_authorises_have_one_effect(
    payment: PaymentService, payments: Payments, sandbox: SandboxGateway, moment: str
) -> None:
    answers = []
    gateway = Meanwhile(sandbox, "authorize", moment, lambda: answers.append(payment.authorize()))

    assert PaymentProcessor(payments, gateway).authorize(INTENT, CAUSE)["outcome"] == "AUTHORIZED"

    assert answers == [{"outcome": "AUTHORIZED"}]
    assert payment.row["version"] == 2
    assert [detail_type for detail_type, _ in payment.events] == ["PaymentAuthorized"]


@moments
def test_authorise_overtaken_by_the_capture_returns_authorised(
    payment: PaymentService, payments: Payments, sandbox: SandboxGateway, moment: str
) -> None:
    gateway = Meanwhile(sandbox, "authorize", moment, lambda: (payment.authorize(), payment.capture()))

    assert PaymentProcessor(payments, gateway).authorize(INTENT, CAUSE)["outcome"] == "AUTHORIZED"
    assert payment.row["status"] == "CAPTURED"


@moments
def test_concurrent_captures_have_one_effect(
    payment: PaymentService, payments: Payments, sandbox: SandboxGateway, moment: str
) -> None:
    payment.authorize()
    answers = []
    gateway = Meanwhile(sandbox, "capture", moment, lambda: answers.append(payment.capture()))

    assert PaymentProcessor(payments, gateway).capture(ORDER, CAUSE) == {"outcome": "CAPTURED"}

    assert answers == [{"outcome": "CAPTURED"}]
    assert payment.row["version"] == 4
    assert payment.ledger == {"authorize": "AUTHORIZED", "capture": "CAPTURED"}


@moments
def test_void_during_the_capture_finishes_the_capture(
    payment: PaymentService, payments: Payments, sandbox: SandboxGateway, moment: str
) -> None:
    payment.authorize()
    answers = []
    gateway = Meanwhile(sandbox, "capture", moment, lambda: answers.append(payment.void()))

    assert PaymentProcessor(payments, gateway).capture(ORDER, CAUSE) == {"outcome": "CAPTURED"}

    assert answers == [{"outcome": "CAPTURED"}]
    assert payment.row["status"] == "CAPTURED"
    assert payment.ledger == {"authorize": "AUTHORIZED", "capture": "CAPTURED"}


@moments
def test_slow_duplicate_of_a_refused_and_voided_capture_returns_voided(
    payment: PaymentService, payments: Payments, sandbox: SandboxGateway, moment: str
) -> None:
    payment.authorize("pm_card_capture_refused")
    gateway = Meanwhile(sandbox, "capture", moment, lambda: (payment.capture(), payment.void()))

    assert PaymentProcessor(payments, gateway).capture(ORDER, CAUSE) == {"outcome": "VOIDED"}

    assert payment.ledger == {"authorize": "AUTHORIZED", "capture": "CAPTURE_REFUSED", "void": "VOIDED"}


@moments
def test_concurrent_voids_have_one_effect(
    payment: PaymentService, payments: Payments, sandbox: SandboxGateway, moment: str
) -> None:
    payment.authorize()
    answers = []
    gateway = Meanwhile(sandbox, "void", moment, lambda: answers.append(payment.void()))

    assert PaymentProcessor(payments, gateway).void(ORDER, CAUSE) == {"outcome": "VOIDED"}

    assert answers == [{"outcome": "VOIDED"}]
    assert [detail_type for detail_type, _ in payment.events] == ["PaymentAuthorized", "PaymentVoided"]


@moments
def test_an_authorise_during_the_void_of_nothing_is_refused(
    payment: PaymentService, payments: Payments, sandbox: SandboxGateway, moment: str
) -> None:
    answers = []
    gateway = Meanwhile(sandbox, "void", moment, lambda: answers.append(payment.authorize()))

    assert PaymentProcessor(payments, gateway).void(ORDER, CAUSE) == {"outcome": "VOIDED"}

    assert answers == [{"outcome": "VOIDED"}]
    assert payment.ledger == {"void": "VOIDED"}


def test_payment_captured_at_the_gateway_is_not_recorded_as_voided(
    payment: PaymentService, payments: Payments, sandbox: SandboxGateway
) -> None:
    payment.authorize()
    gateway = Meanwhile(sandbox, "void", "before", lambda: sandbox.capture(INTENT))

    assert PaymentProcessor(payments, gateway).void(ORDER, CAUSE) == {"outcome": "CAPTURED"}
    assert payment.void() == {"outcome": "CAPTURED"}
    assert payment.row["status"] == "VOIDING"


def test_authorisation_cancelled_at_the_gateway_ends_voided(payment: PaymentService, sandbox: SandboxGateway) -> None:
    sandbox.void(ORDER)

    assert payment.authorize() == {"outcome": "VOIDED"}
    assert payment.row["status"] == "VOIDED"


def crash() -> None:
    raise Crash


def run(command: str, client: Any, intent: Intent) -> Any:
    payments, gateway = Payments(client, "payments"), SandboxGateway(Ledger(client, "ledger"))
    processor = PaymentProcessor(payments, gateway)
    if command == "authorize":
        answer = processor.authorize(intent, CAUSE)
    else:
        answer = {"capture": processor.capture, "void": processor.void}[command](ORDER, CAUSE)
    return {name: value for name, value in answer.items() if name != "seen"}


WAYS = {
    "authorize": ((), INTENT, {"outcome": "AUTHORIZED"}),
    "capture": (("authorize",), INTENT, {"outcome": "CAPTURED"}),
    "capture refused": (("authorize",), REFUSED, {"outcome": "CAPTURE_REFUSED", "reason": "capture_refused"}),
    "void": (("authorize",), INTENT, {"outcome": "VOIDED"}),
    "void of nothing": ((), INTENT, {"outcome": "VOIDED"}),
    "void after refusal": (("authorize", "capture"), REFUSED, {"outcome": "VOIDED"}),
}


@pytest.mark.parametrize("way", WAYS)
@moments
def test_command_cut_at_any_call_is_finished_by_its_repeat(
    payment: PaymentService, dynamodb: Any, way: str, moment: Moment
) -> None:
    before, intent, expected = WAYS[way]
    command = way.split()[0]
    at, cut = 0, True
    while cut:
        forget(dynamodb)
        for earlier in before:
            run(earlier, dynamodb, intent)
        mortal = Mortal(dynamodb, at, moment)
        try:
            assert run(command, mortal, intent) == expected
            cut = False
        except Crash:
            assert run(command, dynamodb, intent) == expected, f"cut {moment} call {at}"
        assert_sound(payment, payment.row)
        at += 1
    assert at > 3  # the command was cut at each of its calls


@pytest.mark.parametrize("command", ["authorize", "capture"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_void_ends_a_command_cut_at_any_call(payment: PaymentService, dynamodb: Any, command: str, moment: Moment) -> None:
    for at in range(4):
        forget(dynamodb)
        if command == "capture":
            run("authorize", dynamodb, INTENT)
        try:
            run(command, Mortal(dynamodb, at, moment), INTENT)
        except Crash:
            answer = payment.void()
            assert answer == {"outcome": payment.row["status"]}
            assert answer["outcome"] in ("VOIDED", "CAPTURED")
            assert_sound(payment, payment.row)


def assert_sound(payment: PaymentService, row: PaymentRow) -> None:
    """Assert that the row and the ledger agree, and that money is either captured or released, never both."""
    books = payment.ledger
    assert not (books.get("capture") == "CAPTURED" and "void" in books)
    assert (row["status"] == "CAPTURED") == (books.get("capture") == "CAPTURED")
    assert (row["status"] == "VOIDED") == ("void" in books)


def forget(dynamodb: Any) -> None:
    """Empty both tables."""
    for name, keys in (("payments", ("pk",)), ("ledger", ("pk", "sk"))):
        for item in dynamodb.scan(TableName=name)["Items"]:
            dynamodb.delete_item(TableName=name, Key={key: item[key] for key in keys})
