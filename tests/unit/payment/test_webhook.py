"""Stripe's webhook: signed as Stripe signs, delivered any number of times in any order, and recorded once."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from audit.row_faults import faults_of
from kernel.money import Money
from services.payment.domain.gateway import GatewayTimeoutError, Intent, Refunded
from services.payment.functions import webhook
from services.payment.functions.webhook import EFFECTS, StripeWebhook
from simulation.stage.providers.stripe_server import Stripe
from tests.support.fake_clients import FakeClients
from tests.support.outboxes import events_in
from tests.unit.payment.conftest import ORDER, StripeService, make_secret, signed


def dispute(status: str = "needs_response", **fields: Any) -> dict[str, Any]:
    about = {"id": "dp_1", "object": "dispute", "amount": 4998, "currency": "usd", "reason": "product_not_received"}
    return {**about, "payment_intent": "pi_1", "status": status, **fields}


def test_a_dispute_is_recorded_once_with_its_event_and_its_alarm(
    at_stripe: StripeService, capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_stripe.told("charge.dispute.created", dispute())["outcome"] == "RECORDED"
    assert '"PaymentDisputed":[1' in capsys.readouterr().out
    assert at_stripe.told("charge.dispute.created", dispute())["outcome"] == "UNCHANGED"
    ((kind, metadata, data),) = at_stripe.dispute_events
    contested = {"dispute_id": "dp_1", "amount": {"amount": 4998, "currency": "USD"}, "reason": "product_not_received"}
    assert (kind, data) == ("PaymentDisputed", contested)
    assert metadata | {"occurred_at": ""} == {
        "event_id": "DISPUTE#dp_1#1",
        "event_version": 1,
        "occurred_at": "",
        "order_id": ORDER,
        "correlation_id": "correlation-1",
        "causation_id": "stripe:dp_1",
    }


@pytest.mark.parametrize(
    ("status", "outcome"), [("won", "WON"), ("lost", "LOST"), ("warning_closed", "WON"), ("prevented", "LOST")]
)
def test_a_dispute_is_closed_once(at_stripe: StripeService, status: str, outcome: str) -> None:
    at_stripe.told("charge.dispute.created", dispute())
    for answer in ("RECORDED", "UNCHANGED"):
        assert at_stripe.told("charge.dispute.closed", dispute(status))["outcome"] == answer
    assert [(kind, data.get("outcome")) for kind, _, data in at_stripe.dispute_events] == [
        ("PaymentDisputed", None),
        ("PaymentDisputeClosed", outcome),
    ]


@pytest.mark.parametrize("kind", ["created", "updated", "funds_withdrawn"])
@pytest.mark.parametrize("status", ["prevented", "lost"])
def test_a_dispute_that_is_over_at_its_first_event_is_not_left_open(
    at_stripe: StripeService, kind: str, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_stripe.told(f"charge.dispute.{kind}", dispute(status))["outcome"] == "RECORDED"
    assert '"PaymentDisputed":[1' in capsys.readouterr().out
    assert [(kind, data["outcome"]) for kind, _, data in at_stripe.dispute_events] == [("PaymentDisputeClosed", "LOST")]


def test_dispute_opened_after_its_end_is_closed(at_stripe: StripeService, capsys: pytest.CaptureFixture[str]) -> None:
    assert at_stripe.told("charge.dispute.closed", dispute("lost"))["outcome"] == "RECORDED"
    assert '"PaymentDisputed":[1' in capsys.readouterr().out, "the late event of its opening has no alarm any more"
    assert at_stripe.told("charge.dispute.created", dispute())["outcome"] == "UNCHANGED"
    assert [kind for kind, _, _ in at_stripe.dispute_events] == ["PaymentDisputeClosed"]


def test_event_leaves_the_payment_unchanged(at_stripe: StripeService) -> None:
    before = at_stripe.row
    at_stripe.told("charge.dispute.created", dispute())
    assert at_stripe.row == before


@pytest.mark.parametrize(
    ("kind", "about", "metric"),
    [
        (
            "payment_intent.canceled",
            {"id": "pi_1", "cancellation_reason": "automatic", "metadata": {"order_id": ORDER}},
            "AuthorizationExpired",
        ),
        ("refund.failed", {"id": "re_1", "payment_intent": "pi_1", "status": "failed"}, "RefundFailedLate"),
    ],
)
def test_event_for_review_is_counted(
    at_stripe: StripeService, capsys: pytest.CaptureFixture[str], kind: str, about: dict[str, Any], metric: str
) -> None:
    assert at_stripe.told(kind, about)["outcome"] == "COUNTED"
    assert f'"{metric}":[1' in capsys.readouterr().out


@pytest.mark.parametrize("reason", ["automatic", "expired", "failed_invoice", "void_invoice"])
def test_expired_authorisation_is_counted_for_any_reason(
    at_stripe: StripeService, capsys: pytest.CaptureFixture[str], reason: str
) -> None:
    about = {"id": "pi_1", "cancellation_reason": reason, "metadata": {"order_id": ORDER}}
    assert at_stripe.told("payment_intent.canceled", about)["outcome"] == "COUNTED"
    assert '"AuthorizationExpired":[1' in capsys.readouterr().out


def another(at_stripe: StripeService, dynamodb: Any) -> str:
    """Authorise a second order's payment and return the order's id."""
    other = "ord-" + "c" * 26
    at_stripe("authorize", order_id=other, total={"amount": 4998, "currency": "USD"}, payment_token="pm_card_visa")
    return other


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("payment_intent.canceled", "AuthorizationExpired"),
        ("payment_intent.payment_failed", "PaymentFailedLate"),
        ("payment_intent.succeeded", "CapturedOutside"),
    ],
)
def test_manual_change_at_stripe_is_counted_and_our_own_is_not(
    at_stripe: StripeService, dynamodb: Any, capsys: pytest.CaptureFixture[str], kind: str, metric: str
) -> None:
    other = another(at_stripe, dynamodb)
    about = {"id": "pi_2", "cancellation_reason": "duplicate", "metadata": {"order_id": other}}
    assert at_stripe.told(kind, about)["outcome"] == "COUNTED"
    assert f'"{metric}":[1' in capsys.readouterr().out
    at_stripe("void", order_id=other)
    by_us = {"payment_intent.succeeded": {"id": "pi_1", "metadata": {"order_id": ORDER}}}.get(kind, about)
    assert at_stripe.told(kind, by_us)["outcome"] == "IGNORED"


@pytest.mark.parametrize(
    ("received", "currency", "outcome"), [(4998, "usd", "IGNORED"), (2000, "usd", "COUNTED"), (4998, "eur", "COUNTED")]
)
def test_capture_of_another_amount_than_ours_is_counted(
    at_stripe: StripeService, capsys: pytest.CaptureFixture[str], received: int, currency: str, outcome: str
) -> None:
    about = {"id": "pi_1", "amount_received": received, "currency": currency, "metadata": {"order_id": ORDER}}
    assert at_stripe.told("payment_intent.succeeded", about)["outcome"] == outcome
    assert ('"CapturedOutside":[1' in capsys.readouterr().out) == (outcome == "COUNTED")


@pytest.mark.parametrize("kind", ["charge.refunded", "refund.created", "refund.updated", "charge.refund.updated"])
def test_manual_refund_is_recorded_once_with_its_event_and_its_alarm(
    account: Stripe, at_stripe: StripeService, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    before = at_stripe.row
    made = account.refund_by_hand("pi_1", 4998)
    about = {"id": "ch_1", "payment_intent": "pi_1", "refunded": True} if kind == "charge.refunded" else made
    for outcome in ("RECORDED", "UNCHANGED"):
        assert at_stripe.told(kind, about)["outcome"] == outcome
    assert capsys.readouterr().out.count('"RefundedOutside":[1') == 1
    row = at_stripe.refunds.get("re_1")
    assert row is not None
    (event,) = events_in(row["pending"])
    usd = {"currency": "USD"}
    assert event["detail"]["data"] == {"refund_id": "re_1", "amount": {"amount": 4998, **usd}, "left": {"amount": 0, **usd}}
    assert [*faults_of("payment", row)] == [], "the audit knows it"
    assert at_stripe.row == before, "it says what we did"


def test_manual_partial_refunds_state_the_rest_and_are_measured(
    at_stripe: StripeService, account: Stripe, capsys: pytest.CaptureFixture[str]
) -> None:
    left = []
    capsys.readouterr()
    for amount in (1000, 3998):
        at_stripe.told("refund.created", account.refund_by_hand("pi_1", amount))
        row = at_stripe.refunds.get(f"re_{len(account.refunds)}")
        assert row is not None
        left.append(row["left"]["amount"])
    assert left == [3998, 0]
    assert re.findall(r'"MoneyRefundedByHand":\[([\d.]+)\]', capsys.readouterr().out) == ["1000.0", "3998.0"]


def test_our_own_refund_is_ignored_and_its_failure_is_counted(
    account: Stripe, at_stripe: StripeService, dynamodb: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = at_stripe.gateway
    gateway.refund(Intent(ORDER, Money(4998, "USD"), "pm_card_visa"), 1)
    assert at_stripe.told("refund.created", account.refunds["re_1"])["outcome"] == "UNCHANGED"
    assert (
        at_stripe.told("charge.refunded", {"id": "ch_1", "payment_intent": "pi_1", "refunded": True})["outcome"] == "UNCHANGED"
    )
    account.refunds["re_1"] |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
    assert at_stripe.told("refund.updated", account.refunds["re_1"])["outcome"] == "COUNTED"
    assert '"RefundFailedLate":[1' in capsys.readouterr().out


def test_manual_refund_that_is_not_listed_yet_is_counted(at_stripe: StripeService, capsys: pytest.CaptureFixture[str]) -> None:
    assert at_stripe.told("charge.refunded", {"id": "ch_1", "payment_intent": "pi_1", "refunded": True})["outcome"] == "COUNTED"
    assert '"RefundedOutside":[1' in capsys.readouterr().out


def test_money_refunded_manually_is_not_refunded_again(account: Stripe, at_stripe: StripeService) -> None:
    visa = Intent(ORDER, Money(4998, "USD"), "pm_card_visa")
    account.refund_by_hand("pi_1", 1000)
    assert at_stripe.gateway.refund(visa, 1) == Refunded()
    assert (account.captured, account.refunded) == (4998, 4998)


def test_pending_manual_refund_delays_ours(at_stripe: StripeService, account: Stripe) -> None:
    visa = Intent(ORDER, Money(4998, "USD"), "pm_card_visa")
    made = account.refund_by_hand("pi_1", 4998, status="pending")
    with pytest.raises(GatewayTimeoutError):
        at_stripe.gateway.refund(visa, 1)
    made["status"] = "failed"  # it came back: now it is for us to give back
    assert at_stripe.gateway.refund(visa, 1) == Refunded()
    assert account.refunded == 4998


@pytest.mark.parametrize("status", ["needs_response", "won", "lost"])
@pytest.mark.parametrize(
    "kind", ["charge.dispute.updated", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"]
)
def test_any_event_of_a_dispute_records_it(at_stripe: StripeService, kind: str, status: str) -> None:
    assert at_stripe.told(kind, dispute(status))["outcome"] == "RECORDED"
    assert at_stripe.told("charge.dispute.created", dispute())["outcome"] == "UNCHANGED"
    assert [detail_type for detail_type, _, _ in at_stripe.dispute_events] == [
        "PaymentDisputed" if status == "needs_response" else "PaymentDisputeClosed"
    ]


def test_unknown_event_type_is_counted(at_stripe: StripeService, capsys: pytest.CaptureFixture[str]) -> None:
    assert at_stripe.told("customer.created", {})["outcome"] == "IGNORED"
    assert '"WebhookEventsUnknown":[1' in capsys.readouterr().out
    assert at_stripe.told("charge.succeeded", {})["outcome"] == "IGNORED"
    assert "WebhookEventsUnknown" not in capsys.readouterr().out


def test_readme_lists_every_handled_event_type() -> None:
    written = (Path(webhook.__file__).parents[1] / "README.md").read_text()
    assert [kind for kind, heard in EFFECTS.items() if heard is not StripeWebhook.ignore and f"`{kind}`" not in written] == []


def test_event_of_another_payment_or_without_effect_is_ignored(at_stripe: StripeService, account: Stripe) -> None:
    ours = {"order_id": ORDER}
    assert at_stripe.told("customer.created", {})["outcome"] == "IGNORED"
    canceled = {"id": "pi_1", "cancellation_reason": "requested_by_customer", "metadata": ours}
    assert at_stripe.told("payment_intent.canceled", canceled)["outcome"] == "IGNORED"
    assert at_stripe.told("charge.dispute.created", dispute(payment_intent=None))["outcome"] == "IGNORED"
    assert at_stripe.told("charge.dispute.created", dispute(payment_intent="pi_of_another"))["outcome"] == "IGNORED"
    assert at_stripe.told("charge.dispute.created", dispute(payment_intent="../customers"))["outcome"] == "IGNORED"
    account.intents["pi_1"]["metadata"] = {"order_id": "ord-" + "b" * 26}
    assert at_stripe.told("charge.dispute.created", dispute())["outcome"] == "IGNORED"
    account.intents["pi_1"]["metadata"] = {}
    assert at_stripe.told("refund.failed", {"payment_intent": "pi_1"})["outcome"] == "IGNORED"


@pytest.fixture
def copied(account: Stripe, at_stripe: StripeService) -> dict[str, Any]:
    """Return a PaymentIntent that was made by hand at Stripe with the metadata of an order of ours."""
    account.intents["pi_copied"] = {**account.intents["pi_1"], "id": "pi_copied"}
    return account.intents["pi_copied"]


@pytest.mark.parametrize("status", ["won", "lost", "needs_response"])
@pytest.mark.parametrize("kind", ["created", "updated", "closed", "funds_withdrawn"])
def test_dispute_of_a_copied_intent_is_not_the_orders(
    at_stripe: StripeService, copied: dict[str, Any], kind: str, status: str
) -> None:
    disputed = dispute(status, payment_intent=copied["id"])
    assert at_stripe.told(f"charge.dispute.{kind}", disputed)["outcome"] == "IGNORED"
    assert at_stripe.dispute_events == []


def test_refund_of_a_copied_intent_is_not_the_orders(
    account: Stripe, at_stripe: StripeService, copied: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    refund = account.refund_by_hand(copied["id"], 4998)
    for kind in ("refund.created", "refund.updated", "charge.refund.updated", "refund.failed"):
        assert at_stripe.told(kind, refund)["outcome"] == "IGNORED"
    charge = {"id": "ch_2", "payment_intent": copied["id"], "refunded": True}
    assert at_stripe.told("charge.refunded", charge)["outcome"] == "IGNORED"
    assert at_stripe.told("charge.expired", charge)["outcome"] == "IGNORED"
    assert at_stripe.refunds.get("re_1") is None
    assert "Outside" not in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["payment_intent.canceled", "payment_intent.payment_failed"])
def test_end_of_a_copied_intent_is_not_the_orders(at_stripe: StripeService, copied: dict[str, Any], kind: str) -> None:
    assert at_stripe.told(kind, copied | {"cancellation_reason": "automatic"})["outcome"] == "IGNORED"


def test_capture_of_a_copied_intent_is_money_taken_by_hand(
    at_stripe: StripeService, copied: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert at_stripe.told("payment_intent.succeeded", copied)["outcome"] == "COUNTED"
    assert '"CapturedOutside":[1' in capsys.readouterr().out


def test_body_without_a_fresh_signature_is_not_read(at_stripe: StripeService, account: Stripe) -> None:
    asked = len(account.requests)
    body = json.dumps({"type": "charge.dispute.created", "data": {"object": dispute()}})
    old = datetime(2026, 11, 23, 11, 54, 59, tzinfo=UTC)
    for signature in ("", "t=1,v1=0", signed(body, "another secret"), signed(body, at=old), signed(body + " ")):
        refused = at_stripe.post(body, signature)
        assert (refused["status"], refused["title"]) == (400, "Signature invalid")
    assert (len(account.requests), at_stripe.dispute_events) == (asked, [])


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"type": "charge.dispute.created", "data": {"object": {"payment_intent": "pi_1", "id": "dp_1"}}}'],
)
def test_malformed_signed_body_gets_400(at_stripe: StripeService, body: str) -> None:
    refused = at_stripe.post(body)
    assert (refused["status"], refused["title"]) == (400, "Request invalid")


def test_event_gets_503_while_stripe_does_not_respond(
    at_stripe: StripeService, payment_clients: FakeClients, stripe_environ: dict[str, str]
) -> None:
    revoked = make_secret("revoked-key", "sk_revoked")
    at_stripe = StripeService(payment_clients, stripe_environ | {"STRIPE_API_KEY_ARN": revoked})
    assert at_stripe.told("charge.dispute.created", dispute())["status"] == 503
    assert at_stripe.dispute_events == []


def test_unknown_route_is_not_found(at_stripe: StripeService) -> None:
    request = {
        "version": "2.0",
        "rawPath": "/elsewhere",
        "requestContext": {"http": {"method": "POST", "path": "/elsewhere"}, "stage": "$default"},
        "headers": {},
        "body": "",
        "isBase64Encoded": False,
    }
    assert at_stripe.webhook(request, None)["statusCode"] == 404
