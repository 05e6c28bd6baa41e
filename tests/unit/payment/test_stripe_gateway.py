"""Stripe behind the port: one payment for an order, whatever is lost, repeated or late; and like the sandbox otherwise."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from audit.row_faults import faults_of_record
from kernel.aggregate_store import Causation, unmarshal
from kernel.money import Money
from services.payment.domain.gateway import (
    Authorized,
    Captured,
    CaptureRefused,
    Declined,
    GatewayFaultError,
    GatewayMisconfiguredError,
    GatewayTimeoutError,
    GatewayUnavailableError,
    IdempotencyConflictError,
    Intent,
    NothingAuthorizedError,
    NothingToRefundError,
    PaymentGateway,
    Refunded,
    RefundRefused,
    Settled,
    Voided,
)
from services.payment.gateways import timeouts
from services.payment.gateways.ledger import Ledger
from services.payment.gateways.stripe import StripeGateway
from services.payment.gateways.stripe_api import StripeApi
from services.payment.storage.table import Payments
from services.payment.use_cases.processor import PaymentProcessor
from simulation.stage.providers.http_server import Answer, serving
from simulation.stage.providers.stripe_server import API_KEY, OF_THE_OTHER_MODE, Fault, Stripe, error
from tests.support.fake_clients import FakeClients
from tests.unit.payment.conftest import ORDER, PaymentService, make_secret

PRICE = Money(4998, "USD")
VISA = Intent(ORDER, PRICE, "pm_card_visa")


@pytest.fixture
def account(loopback: None) -> Iterator[Stripe]:
    stripe = Stripe()
    with serving(stripe):
        yield stripe


def gateway_of(account: Stripe, dynamodb: Any, api_key: str = API_KEY) -> StripeGateway:
    http = urllib3.PoolManager(timeout=2.0, retries=False)
    return StripeGateway(StripeApi(http, account.url, lambda: api_key), Ledger(dynamodb, "ledger"))


@pytest.fixture
def stripe(account: Stripe, dynamodb: Any) -> StripeGateway:
    return gateway_of(account, dynamodb)


@pytest.fixture(params=["sandbox", "stripe"])
def gateway(request: pytest.FixtureRequest) -> PaymentGateway:
    found: PaymentGateway = request.getfixturevalue(request.param)
    return found


class TestEveryGateway:
    """The promises of the port, checked for both adapters."""

    def test_payment_is_authorised_captured_and_refunded_once(self, gateway: PaymentGateway) -> None:
        for _ in range(2):
            assert gateway.authorize(VISA) == Authorized()
        for _ in range(2):
            assert gateway.capture(VISA) == Captured()
        for _ in range(2):
            assert gateway.refund(VISA, 1) == Refunded()

    def test_a_void_refuses_the_authorise_that_comes_after_it(self, gateway: PaymentGateway) -> None:
        assert gateway.void(ORDER) == Voided()
        assert gateway.authorize(VISA) == Voided()
        assert gateway.void(ORDER) == Voided()

    def test_a_void_refuses_the_capture(self, gateway: PaymentGateway) -> None:
        gateway.authorize(VISA)
        assert gateway.void(ORDER) == Voided()
        assert gateway.capture(VISA) == CaptureRefused("voided")

    def test_a_capture_refuses_the_void(self, gateway: PaymentGateway) -> None:
        gateway.authorize(VISA)
        gateway.capture(VISA)
        assert gateway.void(ORDER) == Captured()
        assert gateway.capture(VISA) == Captured()

    def test_repeated_authorise_returns_the_first_result_even_after_the_void(self, gateway: PaymentGateway) -> None:
        gateway.authorize(VISA)
        gateway.void(ORDER)
        assert gateway.authorize(VISA) == Authorized()

    def test_capture_or_refund_without_money_is_refused(self, gateway: PaymentGateway) -> None:
        with pytest.raises(NothingAuthorizedError):
            gateway.capture(VISA)
        gateway.authorize(VISA)
        with pytest.raises(NothingToRefundError):
            gateway.refund(VISA, 1)
        gateway.capture(VISA)
        gateway.refund(VISA, 1)
        with pytest.raises(NothingToRefundError):
            gateway.refund(VISA, 2)

    @pytest.mark.parametrize("other", [Money(4999, "USD"), Money(4998, "EUR")])
    def test_same_operation_with_another_total_raises_an_error(self, gateway: PaymentGateway, other: Money) -> None:
        another = Intent(ORDER, other, "pm_card_visa")
        gateway.authorize(VISA)
        for operation in (gateway.authorize, gateway.capture):
            with pytest.raises(IdempotencyConflictError, match=r"is recorded with 49\.98 USD"):
                operation(another)
        gateway.capture(VISA)
        with pytest.raises(IdempotencyConflictError):
            gateway.refund(another, 1)
        gateway.refund(VISA, 1)
        with pytest.raises(IdempotencyConflictError):
            gateway.refund(another, 1)

    def test_an_unknown_token_is_declined_for_good(self, gateway: PaymentGateway) -> None:
        unknown = Intent(ORDER, PRICE, "pm_card_nobody_knows")
        for _ in range(2):
            assert gateway.authorize(unknown) == Declined("unknown_payment_token")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ],
)
def test_decline_has_the_code_of_stripe_and_stays(account: Stripe, stripe: StripeGateway, token: str, reason: str) -> None:
    declined = Intent(ORDER, PRICE, token)
    account.faults = [Fault("/confirm")]
    with pytest.raises(GatewayTimeoutError):
        stripe.authorize(declined)
    for _ in range(2):
        assert stripe.authorize(declined) == Declined(reason)
    assert stripe.capture(declined) == CaptureRefused("not_authorized")
    assert stripe.void(ORDER) == Voided()


@pytest.mark.parametrize("code", ["", "Do not honor", "x" * 65, "joe@example.com"])
def test_refusal_without_a_known_code_is_a_refusal(account: Stripe, stripe: StripeGateway, code: str) -> None:
    """An event takes a word as its reason only: with another text the payment would never move on."""
    account.faults = [Fault("/confirm", 402, before=True, kind="card_error", code=code)]
    assert stripe.authorize(VISA) == Declined("card_declined")
    other = Intent("ord-" + "b" * 26, PRICE, "pm_card_visa")
    stripe.authorize(other)
    account.faults = [Fault("/capture", 402, before=True, kind="card_error", code=code)]
    assert stripe.capture(other) == CaptureRefused("card_error")


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        ("card_error", "do_not_honor", "do_not_honor"),
        ("card_error", "", "card_declined"),
        ("invalid_request_error", "payment_intent_authentication_failure", "payment_intent_authentication_failure"),
    ],
)
@pytest.mark.parametrize("end", ["/payment_intents", "/confirm"])
def test_failed_request_is_a_decline_at_any_call(
    account: Stripe, stripe: StripeGateway, end: str, kind: str, code: str, reason: str
) -> None:
    """HTTP 402 is about the customer's payment method, and an operator cannot correct it."""
    account.faults = [Fault(end, 402, before=True, kind=kind, code=code)]
    for _ in range(2):
        assert stripe.authorize(VISA) == Declined(reason)


def test_authentication_that_cannot_be_cancelled_yet_is_tried_again(account: Stripe, stripe: StripeGateway) -> None:
    asked = Intent(ORDER, PRICE, "pm_card_authenticationRequired")
    refusal = {"kind": "invalid_request_error", "code": "payment_intent_unexpected_state"}
    account.faults = [Fault("/cancel", 400, before=True, **refusal)]
    with pytest.raises(GatewayTimeoutError):
        stripe.authorize(asked)
    assert stripe.authorize(asked) == Declined("authentication_required")


@pytest.mark.parametrize(
    "body", [{}, {"id": "pi_1"}, {"status": "succeeded"}, {"error": {"type": "card_error"}}, [], "x", None]
)
@pytest.mark.parametrize("operation", ["create", "confirm", "capture", "cancel", "refund"])
def test_success_without_an_object_decides_nothing(
    account: Stripe, stripe: StripeGateway, operation: str, body: object
) -> None:
    """HTTP 200 of a proxy is an outage: the order waits. A fault of the command would hold it for ever."""
    done = account.done
    end, call, outcome = OPERATIONS[operation]
    reached(account, stripe, operation)

    def damaged(method: str, path: str, form: dict[str, str]) -> Answer:
        said = done(method, path, form)
        if method == "GET" or not path.endswith(end):
            return said
        account.done = done  # type: ignore[method-assign]
        return 200, body

    account.done = damaged  # type: ignore[method-assign]
    with pytest.raises(GatewayTimeoutError):
        call(stripe)
    assert call(stripe) == outcome, "its key is spent, so that it blocks nothing for a day"
    assert account.captured == (4998 if operation in ("capture", "refund") else 0)
    assert account.refunded == (4998 if operation == "refund" else 0)


def test_list_that_is_none_decides_nothing(account: Stripe, stripe: StripeGateway) -> None:
    reached(account, stripe, "refund")
    done = account.done
    account.done = lambda method, path, form: (200, {"object": "list"})  # type: ignore[method-assign]
    with pytest.raises(GatewayTimeoutError):
        stripe.refund(VISA, 1)
    account.done = done  # type: ignore[method-assign]
    assert stripe.refund(VISA, 1) == Refunded()


def test_refund_by_hand_without_metadata_stops_no_refund_of_ours(account: Stripe, stripe: StripeGateway) -> None:
    """Stripe's `metadata` is nullable."""
    reached(account, stripe, "refund")
    account.refund_by_hand("pi_1", 998)["metadata"] = None
    assert stripe.refund(VISA, 1) == Refunded()
    assert account.refunded == 4998


@pytest.mark.parametrize("reason", [None, "", "Expired or canceled card"])
def test_failed_refund_without_a_reason_is_refused(account: Stripe, stripe: StripeGateway, reason: str | None) -> None:
    stripe.authorize(VISA)
    stripe.capture(VISA)
    account.refund_status = ("failed", reason)
    assert stripe.refund(VISA, 1) == RefundRefused("failed")


def test_card_that_needs_authentication_is_declined(account: Stripe, stripe: StripeGateway) -> None:
    asked = Intent(ORDER, PRICE, "pm_card_authenticationRequired")
    for _ in range(2):
        assert stripe.authorize(asked) == Declined("authentication_required")
    assert account.intents["pi_1"]["status"] == "canceled", "it can never be authorised behind our back"


@pytest.mark.parametrize(
    ("amount", "currency", "reason"),
    [
        (49, "USD", "amount_too_small"),
        (29, "GBP", "amount_too_small"),
        (1_00000000, "USD", "amount_too_large"),
        (1234, "KWD", "amount_not_in_units_of_the_gateway"),
        (1050, "MGA", "amount_not_in_units_of_the_gateway"),
    ],
)
def test_impossible_amount_is_declined_without_a_call(
    account: Stripe, stripe: StripeGateway, amount: int, currency: str, reason: str
) -> None:
    assert stripe.authorize(Intent(ORDER, Money(amount, currency), "pm_card_visa")) == Declined(reason)
    assert account.requests == []


@pytest.mark.parametrize(
    ("code", "parameter", "reason"),
    [
        ("amount_too_small", "amount", "amount_too_small"),
        ("amount_too_large", "amount", "amount_too_large"),
        ("invalid_charge_amount_no_decimal_compatible", "", "amount_refused"),
        ("parameter_invalid_integer", "amount", "amount_refused"),
        ("", "currency", "currency_refused"),
        ("payment_method_unactivated", "payment_method", "payment_token_refused"),
        ("", "", "request_refused"),
    ],
)
def test_permanent_refusal_is_a_decline_with_its_reason(
    account: Stripe, stripe: StripeGateway, code: str, parameter: str, reason: str
) -> None:
    account.create = lambda form: error(400, "invalid_request_error", code, parameter)  # type: ignore[method-assign]
    for _ in range(2):
        assert stripe.authorize(VISA) == Declined(reason)


def test_a_currency_that_the_account_does_not_have_is_declined(account: Stripe, stripe: StripeGateway) -> None:
    assert stripe.authorize(Intent(ORDER, Money(5000, "KPW"), "pm_card_visa")) == Declined("currency_refused")


def test_part_below_the_minimum_charge_is_refused(account: Stripe, stripe: StripeGateway) -> None:
    authorized = stripe.authorize(VISA)
    assert isinstance(authorized, Authorized)
    assert authorized.at_least == 50
    assert stripe.capture(Intent(ORDER, Money(49, "USD"), "pm_card_visa")) == CaptureRefused("amount_too_small")
    assert account.captured == 0


@pytest.mark.parametrize(("currency", "total", "part", "unit"), [("KWD", 6170, 3702, 10), ("MGA", 10100, 6060, 100)])
def test_unit_of_a_capture_is_stated_with_the_authorisation(
    account: Stripe, stripe: StripeGateway, currency: str, total: int, part: int, unit: int
) -> None:
    authorized = stripe.authorize(Intent(ORDER, Money(total, currency), "pm_card_visa"))
    assert isinstance(authorized, Authorized)
    assert authorized.multiple_of == unit
    assert stripe.capture(Intent(ORDER, Money(part, currency), "pm_card_visa")) == CaptureRefused(
        "amount_not_in_units_of_the_gateway"
    )
    assert account.captured == 0


def test_end_of_the_authorisation_is_known_after_a_lost_response_too(account: Stripe, stripe: StripeGateway) -> None:
    account.faults = [Fault("/confirm")]
    with pytest.raises(GatewayTimeoutError):
        stripe.authorize(VISA)
    for _ in range(2):
        authorized = stripe.authorize(VISA)
        assert isinstance(authorized, Authorized)
        assert authorized.capture_before == "2026-11-18T11:06:40.000Z"


OPERATIONS: dict[str, tuple[str, Callable[[StripeGateway], Any], Any]] = {
    "create": ("/payment_intents", lambda stripe: stripe.authorize(VISA), Authorized()),
    "confirm": ("/confirm", lambda stripe: stripe.authorize(VISA), Authorized()),
    "capture": ("/capture", lambda stripe: stripe.capture(VISA), Captured()),
    "cancel": ("/cancel", lambda stripe: stripe.void(ORDER), Voided()),
    "refund": ("/refunds", lambda stripe: stripe.refund(VISA, 1), Refunded()),
}
"""The posts: where each goes, by which operation, and how that ends."""
KEYS = {"create": "intent", "confirm": "authorize", "capture": "capture", "cancel": "void", "refund": "refund"}
"""The first idempotency key of each, after the order's id."""


def reached(account: Stripe, stripe: StripeGateway, operation: str) -> None:
    """All that comes before the operation is done."""
    if operation in ("capture", "cancel", "refund"):
        stripe.authorize(VISA)
    if operation == "refund":
        stripe.capture(VISA)


FAULTS = {
    "request lost": (True, None, GatewayTimeoutError),
    "answer lost": (False, None, GatewayTimeoutError),
    "key in use": (True, 409, GatewayUnavailableError),
    "too many": (True, 429, GatewayUnavailableError),
    "failed, though done": (False, 500, GatewayTimeoutError),
    "failed, and not done": (True, 500, GatewayTimeoutError),
    "parameters changed by a deployment": (True, None, GatewayTimeoutError),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", FAULTS)
def test_repeated_call_after_any_fault_returns_the_one_outcome(
    account: Stripe, stripe: StripeGateway, operation: str, fault: str
) -> None:
    end, call, outcome = OPERATIONS[operation]
    before, status, raised = FAULTS[fault]
    reached(account, stripe, operation)
    account.faults = [Fault(end, status, before)]
    if fault.startswith("parameters"):  # an older version of this code has used the key
        account.faults, key = [], KEYS[operation]
        account.keys[f"{ORDER}/{key}"] = ("/v1/as_it_was_before", {}, (500, {}))
    with pytest.raises(raised):
        call(stripe)
    for _ in range(2):
        assert call(stripe) == outcome
    assert account.captured == (4998 if operation in ("capture", "refund") else 0)
    assert account.refunded == (4998 if operation == "refund" else 0)
    assert [intent["status"] for intent in account.intents.values()].count("requires_capture") <= 1


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("failures", [1, 3])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_http_500_blocks_nothing_and_moves_no_money_twice(
    account: Stripe, stripe: StripeGateway, operation: str, failures: int, before: bool
) -> None:
    """Stripe repeats the failure under its key for a day, so the next attempt takes another."""
    end, call, outcome = OPERATIONS[operation]
    reached(account, stripe, operation)
    account.faults = [Fault(end, 500, before) for _ in range(failures)]
    answers = []
    while not answers or (answers[-1] == "unknown" and len(answers) <= failures):
        try:
            answers.append(call(stripe))
        except GatewayTimeoutError:
            answers.append("unknown")
    assert answers[-1] == call(stripe) == outcome
    assert account.captured == (4998 if operation in ("capture", "refund") else 0)
    assert account.refunded == (4998 if operation == "refund" else 0)
    assert [intent["status"] for intent in account.intents.values()].count("requires_capture") <= 1


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("status", [302, 424])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_http_status_that_is_no_refusal_decides_nothing(
    account: Stripe, stripe: StripeGateway, operation: str, status: int, before: bool
) -> None:
    """424: a dependency of Stripe failed. Others come from a proxy, and have no outcome either."""
    end, call, outcome = OPERATIONS[operation]
    reached(account, stripe, operation)
    account.faults = [Fault(end, status, before, kind="invalid_request_error")]
    with pytest.raises(GatewayTimeoutError):
        call(stripe)
    assert call(stripe) == outcome
    assert account.captured == (4998 if operation in ("capture", "refund") else 0)
    assert account.refunded == (4998 if operation == "refund" else 0)


@pytest.mark.parametrize("code", ["", "account_invalid", "testmode_charges_only"])
def test_a_capture_that_stripe_refuses_for_our_account_cancels_no_order(
    account: Stripe, stripe: StripeGateway, code: str
) -> None:
    stripe.authorize(VISA)
    account.faults = [Fault("/capture", 400, before=True, kind="invalid_request_error", code=code)]
    with pytest.raises(GatewayMisconfiguredError):
        stripe.capture(VISA)
    assert stripe.capture(VISA) == Captured()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("invalid_request_error", "charge_expired_for_capture"),
        ("invalid_request_error", "capture_unauthorized_payment"),
        ("card_error", "card_declined"),
    ],
)
def test_a_capture_that_stripe_refuses_for_its_payment_is_refused(
    account: Stripe, stripe: StripeGateway, kind: str, code: str
) -> None:
    stripe.authorize(VISA)
    account.faults = [Fault("/capture", 402 if kind == "card_error" else 400, before=True, kind=kind, code=code)]
    for _ in range(2):
        assert stripe.capture(VISA) == CaptureRefused(code)


def test_late_request_under_a_spent_key_has_no_effect(account: Stripe, stripe: StripeGateway, dynamodb: Any) -> None:
    stripe.authorize(VISA)
    account.faults = [Fault("/capture", 500, before=True)]
    with pytest.raises(GatewayTimeoutError):
        stripe.capture(VISA)
    assert stripe.capture(VISA) == Captured()
    stripe.refund(VISA, 1)
    for key, (path, form, _) in list(account.keys.items()):  # each request comes once more, delayed on its way
        account.answer("POST", path, {"Authorization": f"Bearer {API_KEY}", "Idempotency-Key": key}, urlencode(form))
    assert (account.captured, account.refunded, len(account.refunds)) == (4998, 4998, 1)
    records = [unmarshal(item) for item in dynamodb.scan(TableName="ledger")["Items"]]
    assert {record["sk"]: record.get("spent") for record in records}["capture-keys"] == 1
    assert [finding for record in records for finding in faults_of_record(record)] == [], "the audit knows them"


@pytest.mark.parametrize("operation", ["capture", "cancel", "refund"])
def test_concurrent_attempts_under_two_keys_have_one_effect(
    account: Stripe, stripe: StripeGateway, dynamodb: Any, operation: str
) -> None:
    """The first attempt has read the PaymentIntent, and stalls. Others spend its key, and succeed under the next."""
    end, call, outcome = OPERATIONS[operation]
    reached(account, stripe, operation)
    other, post = gateway_of(account, dynamodb), stripe.api.post

    def stalled(path: str, key: str, form: Any = None) -> Any:
        stripe.api.post = post  # type: ignore[method-assign]
        account.faults = [Fault(end, 500, before=True)]
        with pytest.raises(GatewayTimeoutError):
            call(other)
        assert call(other) == outcome
        account.forget_keys()  # the worst: a day has passed too
        return post(path, key, form)

    stripe.api.post = stalled  # type: ignore[method-assign]
    assert call(stripe) == outcome
    assert account.captured == (4998 if operation in ("capture", "refund") else 0)
    assert (account.refunded, len(account.refunds)) == ((4998, 1) if operation == "refund" else (0, 0))


def test_cancellation_that_came_too_early_is_requested_again(account: Stripe, stripe: StripeGateway) -> None:
    """Stripe refuses to cancel a payment in process, and repeats that refusal under its key too."""
    stripe.authorize(VISA)
    account.intents["pi_1"]["status"] = "processing"
    with pytest.raises(GatewayTimeoutError):
        stripe.void(ORDER)
    account.intents["pi_1"]["status"] = "requires_capture"
    assert stripe.void(ORDER) == Voided()
    assert account.intents["pi_1"]["status"] == "canceled"


@pytest.mark.parametrize(
    ("headers", "status", "tries"),
    [
        ({}, 429, 1),
        ({"Retry-After": "0.1"}, 429, 2),
        ({"Stripe-Should-Retry": "true"}, 503, 2),
        ({"Stripe-Should-Retry": "false", "Retry-After": "0.1"}, 429, 1),
        ({"Stripe-Should-Retry": "true", "Retry-After": "60"}, 429, 1),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 429, 1),
        ({"Retry-After": "-1"}, 429, 2),
    ],
)
def test_call_is_repeated_once_if_stripe_requests_it_and_time_is_left(
    account: Stripe, stripe: StripeGateway, headers: dict[str, str], status: int, tries: int
) -> None:
    pauses: list[float] = []
    stripe.api.pause = pauses.append
    account.faults = [Fault("/payment_intents", status, before=status == 429, headers=headers)]
    with contextlib.suppress(GatewayFaultError):
        stripe.authorize(VISA)
    assert account.requests.count("POST /v1/payment_intents") == tries
    assert len(pauses) == tries - 1
    assert all(pause >= 0 for pause in pauses)


def test_nothing_is_repeated_after_the_keys_expire(account: Stripe, stripe: StripeGateway, dynamodb: Any) -> None:
    stripe.authorize(VISA)
    stripe.capture(VISA)
    stripe.refund(VISA, 1)
    account.forget_keys()
    for item in dynamodb.scan(TableName="ledger")["Items"]:
        if item["sk"]["S"] not in ("intent", "capture"):  # as if each had died before it wrote the outcome down
            dynamodb.delete_item(TableName="ledger", Key={name: item[name] for name in ("pk", "sk")})
    assert stripe.authorize(VISA) == Authorized()
    assert stripe.refund(VISA, 1) == Refunded()
    assert (account.captured, account.refunded, len(account.refunds), len(account.intents)) == (4998, 4998, 1, 1)


def test_payment_created_twice_is_confirmed_once(account: Stripe, stripe: StripeGateway, dynamodb: Any) -> None:
    """Two begin at once, a day apart by the keys: both make a PaymentIntent, and the ledger knows one."""
    other = gateway_of(account, dynamodb)
    post = stripe.api.post

    def overtaken(path: str, key: str, form: Any = None) -> Any:
        made = post(path, key, form)
        if path == "/v1/payment_intents" and len(account.intents) == 1:
            account.forget_keys()
            assert other.authorize(VISA) == Authorized()
        return made

    stripe.api.post = overtaken  # type: ignore[method-assign]
    assert stripe.authorize(VISA) == Authorized()
    assert {name: intent["status"] for name, intent in account.intents.items()} == {
        "pi_1": "requires_confirmation",
        "pi_2": "requires_capture",
    }


@pytest.mark.parametrize("moment", ["/v1/payment_intents", "/v1/payment_intents/pi_1/confirm"])
@pytest.mark.parametrize("before", [True, False])
def test_void_during_an_authorise_leaves_no_authorisation(
    account: Stripe, stripe: StripeGateway, dynamodb: Any, moment: str, before: bool
) -> None:
    other = gateway_of(account, dynamodb)
    post = stripe.api.post

    def overtaken(path: str, key: str, form: Any = None) -> Any:
        if path == moment and before:
            assert other.void(ORDER) == Voided()
        made = post(path, key, form)
        if path == moment and not before:
            assert other.void(ORDER) == Voided()
        return made

    stripe.api.post = overtaken  # type: ignore[method-assign]
    late = stripe.authorize(VISA)
    confirmed_first = moment.endswith("/confirm") and not before
    assert late == (Authorized() if confirmed_first else Voided())
    assert "requires_capture" not in {intent["status"] for intent in account.intents.values()}
    assert stripe.capture(VISA) == CaptureRefused("voided") if confirmed_first else True
    assert account.captured == 0


PART = Intent(ORDER, Money(1999, "USD"), "pm_card_visa")


def test_part_is_captured_and_refunded(gateway: PaymentGateway) -> None:
    gateway.authorize(VISA)
    assert gateway.capture(PART) == gateway.capture(PART) == Captured()
    with pytest.raises(IdempotencyConflictError):
        gateway.capture(VISA)
    with pytest.raises(IdempotencyConflictError):
        gateway.refund(VISA, 1)
    assert gateway.refund(PART, 1) == Refunded()
    assert gateway.authorize(VISA) == Authorized()


def test_no_more_is_captured_than_was_authorised(gateway: PaymentGateway) -> None:
    gateway.authorize(PART)
    with pytest.raises((IdempotencyConflictError, NothingAuthorizedError)):
        gateway.capture(VISA)


def test_part_is_captured_once_after_any_lost_response(account: Stripe, stripe: StripeGateway) -> None:
    stripe.authorize(VISA)
    account.faults.append(Fault("/capture"))
    with pytest.raises(GatewayFaultError):
        stripe.capture(PART)
    assert stripe.capture(PART) == Captured()
    assert stripe.refund(PART, 1) == Refunded()
    assert (account.captured, account.refunded) == (1999, 1999)


def test_expired_authorisation_is_not_captured(account: Stripe, stripe: StripeGateway) -> None:
    stripe.authorize(VISA)
    account.expire("pi_1")
    for _ in range(2):
        assert stripe.capture(VISA) == CaptureRefused("authorization_expired")
    assert stripe.void(ORDER) == Voided()


def test_capture_that_overtakes_the_void_is_returned(account: Stripe, stripe: StripeGateway) -> None:
    stripe.authorize(VISA)
    account.intents["pi_1"] |= {"status": "succeeded", "amount_received": 4998}
    assert stripe.void(ORDER) == Captured()


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_refund_is_attempted_again_only_after_a_refusal(account: Stripe, stripe: StripeGateway, status: str) -> None:
    stripe.authorize(VISA)
    stripe.capture(VISA)
    account.refund_status = (status, "lost_or_stolen_card" if status == "failed" else None)
    for _ in range(2):
        assert stripe.refund(VISA, 1) == RefundRefused("lost_or_stolen_card" if status == "failed" else "canceled")
    account.refund_status = ("succeeded", None)
    for _ in range(2):
        assert stripe.refund(VISA, 2) == Refunded()
    assert len(account.refunds) == 2


def test_a_refund_that_was_paid_outside_is_not_made_at_stripe(account: Stripe, stripe: StripeGateway) -> None:
    stripe.authorize(VISA)
    stripe.capture(VISA)
    account.refund_status = ("failed", "lost_or_stolen_card")
    stripe.refund(VISA, 1)
    account.refund_status = ("succeeded", None)
    for _ in range(2):
        assert stripe.settle(VISA, 2, "TRANSFER/118") == Settled("TRANSFER/118")
    assert stripe.refund(VISA, 2) == Settled("TRANSFER/118"), "a zombie that asks for the money finds it paid"
    assert (account.refunded, len(account.refunds)) == (0, 1)


def test_a_refund_that_stripe_has_made_is_not_settled_beside_it(account: Stripe, stripe: StripeGateway) -> None:
    stripe.authorize(VISA)
    stripe.capture(VISA)
    account.faults = [Fault("/refunds", 500)]  # it was made, and its answer is lost
    account.refund_status = ("pending", None)
    with pytest.raises(GatewayTimeoutError):
        stripe.refund(VISA, 1)
    with pytest.raises(GatewayTimeoutError, match="is pending"):
        stripe.settle(VISA, 1, "TRANSFER/118")
    account.refunds["re_1"]["status"] = "succeeded"
    assert stripe.settle(VISA, 1, "TRANSFER/118") == Refunded()


def test_pending_refund_is_queried_until_it_ends(account: Stripe, stripe: StripeGateway) -> None:
    stripe.authorize(VISA)
    stripe.capture(VISA)
    account.refund_status = ("pending", None)
    for _ in range(2):
        with pytest.raises(GatewayTimeoutError, match=f"refund 1 of {ORDER} is pending"):
            stripe.refund(VISA, 1)
    account.forget_keys()
    account.refunds["re_1"]["status"] = "succeeded"
    assert stripe.refund(VISA, 1) == Refunded()
    assert len(account.refunds) == 1


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("charge_already_refunded", Refunded()),
        ("charge_disputed", RefundRefused("charge_disputed")),
        ("balance_insufficient", RefundRefused("balance_insufficient")),
    ],
)
def test_refund_status_of_stripe_is_translated(account: Stripe, stripe: StripeGateway, code: str, outcome: Any) -> None:
    stripe.authorize(VISA)
    stripe.capture(VISA)
    account.refund_error = code
    assert stripe.refund(VISA, 1) == outcome


def test_refused_api_key_raises_an_error_that_names_it(account: Stripe, dynamodb: Any) -> None:
    with pytest.raises(GatewayMisconfiguredError, match="POST /v1/payment_intents: HTTP 401") as refused:
        gateway_of(account, dynamodb, "sk_of_another").authorize(VISA)
    assert isinstance(refused.value, GatewayFaultError)
    assert "sk_of_another" not in str(refused.value)


@pytest.mark.parametrize("key", ["", "sk_test_x\n", "sk_test x", "sk_test_\u00e9", '{"key": "sk_test_x"}'])
def test_malformed_api_key_is_reported_as_a_misconfiguration(account: Stripe, dynamodb: Any, key: str) -> None:
    with pytest.raises(GatewayMisconfiguredError, match="the API key has characters") as refused:
        gateway_of(account, dynamodb, key).authorize(VISA)
    assert "sk_test" not in str(refused.value)
    assert account.requests == []


def test_line_break_after_an_api_key_is_ignored(
    account: Stripe, payment_clients: FakeClients, payment_environ: dict[str, str]
) -> None:
    key = make_secret("stripe-api-key", f"{API_KEY}\n")
    at_stripe = {"GATEWAY": "stripe", "STRIPE_URL": account.url, "STRIPE_API_KEY_ARN": key}
    assert PaymentService(payment_clients, payment_environ | at_stripe).authorize()["outcome"] == "AUTHORIZED"


def test_error_unrelated_to_the_customer_declines_nothing(account: Stripe, stripe: StripeGateway) -> None:
    account.create = lambda form: error(400, "invalid_request_error", "parameter_unknown", "colour")  # type: ignore[method-assign]
    with pytest.raises(GatewayMisconfiguredError, match="HTTP 400 invalid_request_error parameter_unknown colour"):
        stripe.authorize(VISA)


def test_a_key_of_the_other_mode_declines_no_sale(account: Stripe, stripe: StripeGateway) -> None:
    with pytest.raises(GatewayMisconfiguredError, match="the key is of the other mode"):
        stripe.authorize(Intent(ORDER, PRICE, OF_THE_OTHER_MODE))
    assert stripe.authorize(VISA) == Authorized()


@pytest.mark.parametrize("operation", ["confirm", "capture", "cancel", "refund"])
def test_account_without_our_payment_is_refused(account: Stripe, stripe: StripeGateway, operation: str) -> None:
    """Another account's key was put in: its word about our payments is no outcome."""
    account.faults = [Fault("/confirm", before=True)] if operation == "confirm" else []
    with contextlib.suppress(GatewayTimeoutError):
        reached(account, stripe, operation)
        if operation == "confirm":
            stripe.authorize(VISA)
    _, call, outcome = OPERATIONS[operation]
    ours, account.intents = account.intents, {}
    account.refunds_known = False
    with pytest.raises(GatewayMisconfiguredError):
        call(stripe)
    account.intents, account.refunds_known = ours, True
    assert call(stripe) == outcome


def test_fault_for_the_operator_is_counted_for_the_alarm(
    account: Stripe, stripe: StripeGateway, payments: Payments, capsys: pytest.CaptureFixture[str]
) -> None:
    cause = Causation("correlation-1", "causation-1")
    with pytest.raises(GatewayMisconfiguredError):
        PaymentProcessor(payments, stripe).authorize(Intent(ORDER, PRICE, OF_THE_OTHER_MODE), cause)
    assert '"GatewayMisconfigured":[1' in capsys.readouterr().out
    unknown = Intent("ord-" + "b" * 26, PRICE, "pm_of_another_account")
    assert PaymentProcessor(payments, stripe).authorize(unknown, cause)["outcome"] == "DECLINED"
    assert '"PaymentUntried":[1' in capsys.readouterr().out


def test_unreachable_stripe_has_carried_out_nothing(loopback: None, dynamodb: Any) -> None:
    nobody = Stripe()
    with serving(nobody):
        pass
    with pytest.raises(GatewayUnavailableError, match="NewConnectionError"):
        gateway_of(nobody, dynamodb).authorize(VISA)


@pytest.mark.parametrize("status", [401, 409, 429, 500])
def test_message_of_stripe_is_not_passed_on(account: Stripe, stripe: StripeGateway, status: int) -> None:
    account.faults = [Fault("/payment_intents", status, before=status in (409, 429))]
    with pytest.raises(GatewayFaultError) as refused:
        stripe.authorize(VISA)
    assert "Elizabeth" not in repr(refused.value)


def test_saga_commands_on_stripe_pass_the_audit(
    account: Stripe, payment_clients: FakeClients, payment_environ: dict[str, str]
) -> None:
    key = make_secret("stripe-api-key", API_KEY)
    at_stripe = {"GATEWAY": "stripe", "STRIPE_URL": account.url, "STRIPE_API_KEY_ARN": key}
    payment = PaymentService(payment_clients, payment_environ | at_stripe)
    until = {"at_least": 50, "capture_before": "2026-11-18T11:06:40.000Z"}
    for _ in range(2):
        assert payment.authorize() == {"outcome": "AUTHORIZED", **until}
    assert payment.capture() == {"outcome": "CAPTURED"}
    assert payment.void() == {"outcome": "CAPTURED"}
    assert payment.ledger == {"intent": "PREPARED", "authorize": "AUTHORIZED", "capture": "CAPTURED"}
    assert payment.row["status"] == "CAPTURED"
    assert account.captured == 4998


def test_calls_of_an_operation_fit_the_time_out_of_its_function() -> None:
    from services.payment.infrastructure import COMMANDS_SECONDS

    assert max(timeouts.OPERATION_SECONDS.values()) < COMMANDS_SECONDS


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_operation_makes_no_more_calls_than_budgeted(
    account: Stripe, stripe: StripeGateway, operation: str, fault: str | None
) -> None:
    end, call, _ = OPERATIONS[operation]
    name = {"create": "authorize", "confirm": "authorize", "cancel": "void"}.get(operation, operation)
    reached(account, stripe, operation)
    if fault in FAULTS:
        before, status, _ = FAULTS[fault]
        account.faults = [Fault(end, status, before)]
    for _ in range(3):
        asked = len(account.requests)
        with contextlib.suppress(GatewayFaultError):
            call(stripe)
        assert len(account.requests) - asked <= timeouts.MOST_CALLS[name]
