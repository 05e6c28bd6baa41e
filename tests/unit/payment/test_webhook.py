"""Stripe's webhook: signed as Stripe signs, delivered any number of times in any order, and recorded once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stripe as official

from audit.row_faults import faults_of
from kernel import clock
from kernel.money import Money
from services.payment.domain.gateway import GatewayTimeoutError, Intent, Refunded
from services.payment.functions import webhook
from services.payment.gateways import factory
from services.payment.storage import table
from simulation.stage.providers.http_server import serving
from simulation.stage.providers.stripe_server import API_KEY, Stripe
from tests.support import documented_api
from tests.unit.payment.conftest import ORDER, PaymentService

SECRET = "whsec_of_the_test"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def account(
    loopback: None, payment_tables: None, dynamodb: Any, payment: PaymentService, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stripe]:
    """Return an account with one captured payment."""
    stripe = Stripe()
    with serving(stripe), clock.held_by(lambda: NOW):
        for name, value in {
            "GATEWAY": "stripe",
            "STRIPE_URL": stripe.url,
            "STRIPE_API_KEY_ARN": "arn:key",
            "STRIPE_WEBHOOK_SECRET_ARN": "arn:webhook",
        }.items():
            monkeypatch.setenv(name, value)
        for module in (factory, webhook):
            monkeypatch.setattr(module, "secret", {"arn:key": API_KEY, "arn:webhook": SECRET}.__getitem__)
        webhook.api.cache_clear()
        table.disputes.cache_clear()
        table.outside_refunds.cache_clear()
        payment.authorize()
        payment.capture()
        yield stripe
        webhook.api.cache_clear()
        table.disputes.cache_clear()
        table.outside_refunds.cache_clear()


def signed(body: str, secret: str = SECRET, at: datetime = NOW) -> str:
    """Return the signature header, by the code of Stripe's own package."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={official.WebhookSignature._compute_signature(f'{seconds}.{body}', secret)}"


def told(kind: str, about: dict[str, Any], signature: str | None = None) -> dict[str, Any]:
    return post(json.dumps({"id": "evt_1", "object": "event", "type": kind, "data": {"object": about}}), signature)


def post(body: str, signature: str | None = None) -> dict[str, Any]:
    request = {
        "version": "2.0",
        "rawPath": "/webhooks/stripe",
        "requestContext": {"http": {"method": "POST", "path": "/webhooks/stripe"}, "stage": "$default"},
        "headers": {"stripe-signature": signed(body) if signature is None else signature},
        "body": body,
        "isBase64Encoded": False,
    }
    answer = webhook.handler(request, None)
    said = json.loads(answer["body"])
    documented_api.check("payment", "POST", "/webhooks/stripe", answer["statusCode"], answer.get("headers", {}), said)
    return {**said, "status": answer["statusCode"]}


def dispute(status: str = "needs_response", **fields: Any) -> dict[str, Any]:
    about = {"id": "dp_1", "object": "dispute", "amount": 4998, "currency": "usd", "reason": "product_not_received"}
    return {**about, "payment_intent": "pi_1", "status": status, **fields}


def events() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return the dispute's events: (detail-type, metadata, data)."""
    row = table.disputes().get("dp_1")
    found = [json.loads(text) for text in row.get("pending", [])] if row else []
    return [(event["detail-type"], event["detail"]["metadata"], event["detail"]["data"]) for event in found]


def test_a_dispute_is_recorded_once_with_its_event_and_its_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("charge.dispute.created", dispute())["outcome"] == "RECORDED"
    assert '"PaymentDisputed":[1' in capsys.readouterr().out
    assert told("charge.dispute.created", dispute())["outcome"] == "UNCHANGED"
    ((kind, metadata, data),) = events()
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


@pytest.mark.parametrize(("status", "outcome"), [("won", "WON"), ("lost", "LOST"), ("warning_closed", "WON")])
def test_a_dispute_is_closed_once(status: str, outcome: str) -> None:
    told("charge.dispute.created", dispute())
    for answer in ("RECORDED", "UNCHANGED"):
        assert told("charge.dispute.closed", dispute(status))["outcome"] == answer
    assert [(kind, data.get("outcome")) for kind, _, data in events()] == [
        ("PaymentDisputed", None),
        ("PaymentDisputeClosed", outcome),
    ]


def test_a_dispute_that_is_told_after_its_end_is_over() -> None:
    assert told("charge.dispute.closed", dispute("lost"))["outcome"] == "RECORDED"
    assert told("charge.dispute.created", dispute())["outcome"] == "UNCHANGED"
    assert [kind for kind, _, _ in events()] == ["PaymentDisputeClosed"]


def test_the_payment_itself_is_left_as_it_is(payment: PaymentService) -> None:
    before = payment.row
    told("charge.dispute.created", dispute())
    assert payment.row == before


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
def test_what_somebody_must_look_at_is_counted(
    capsys: pytest.CaptureFixture[str], kind: str, about: dict[str, Any], metric: str
) -> None:
    assert told(kind, about)["outcome"] == "COUNTED"
    assert f'"{metric}":[1' in capsys.readouterr().out


@pytest.mark.parametrize("reason", ["automatic", "expired", "failed_invoice", "void_invoice"])
def test_money_that_stripe_let_go_is_counted_whatever_the_reason(capsys: pytest.CaptureFixture[str], reason: str) -> None:
    about = {"id": "pi_1", "cancellation_reason": reason, "metadata": {"order_id": ORDER}}
    assert told("payment_intent.canceled", about)["outcome"] == "COUNTED"
    assert '"AuthorizationExpired":[1' in capsys.readouterr().out


def another(payment: PaymentService, dynamodb: Any) -> str:
    """Authorize a second order's payment. Return its order id."""
    other = "ord-" + "c" * 26
    payment("authorize", order_id=other, total={"amount": 4998, "currency": "USD"}, payment_token="pm_card_visa")
    return other


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("payment_intent.canceled", "AuthorizationExpired"),
        ("payment_intent.payment_failed", "PaymentFailedLate"),
        ("payment_intent.succeeded", "CapturedOutside"),
    ],
)
def test_what_was_done_at_stripe_by_hand_is_counted_and_what_we_did_is_not(
    payment: PaymentService, dynamodb: Any, capsys: pytest.CaptureFixture[str], kind: str, metric: str
) -> None:
    other = another(payment, dynamodb)
    about = {"id": "pi_2", "cancellation_reason": "duplicate", "metadata": {"order_id": other}}
    assert told(kind, about)["outcome"] == "COUNTED"
    assert f'"{metric}":[1' in capsys.readouterr().out
    payment("void", order_id=other)
    by_us = {"payment_intent.succeeded": {"metadata": {"order_id": ORDER}}}.get(kind, about)
    assert told(kind, by_us)["outcome"] == "IGNORED"


@pytest.mark.parametrize("kind", ["charge.refunded", "refund.created", "refund.updated", "charge.refund.updated"])
def test_a_refund_by_hand_is_recorded_once_with_its_event_and_its_alarm(
    account: Stripe, payment: PaymentService, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    before = payment.row
    made = account.refund_by_hand("pi_1", 4998)
    about = {"id": "ch_1", "payment_intent": "pi_1", "refunded": True} if kind == "charge.refunded" else made
    for outcome in ("RECORDED", "UNCHANGED"):
        assert told(kind, about)["outcome"] == outcome
    assert capsys.readouterr().out.count('"RefundedOutside":[1') == 1
    row = table.outside_refunds().get("re_1")
    assert row is not None
    (event,) = map(json.loads, row["pending"])
    usd = {"currency": "USD"}
    assert event["detail"]["data"] == {"refund_id": "re_1", "amount": {"amount": 4998, **usd}, "left": {"amount": 0, **usd}}
    assert [*faults_of("payment", row)] == [], "the audit knows it"
    assert payment.row == before, "it says what we did"


def test_refunds_by_hand_in_parts_say_what_is_left(account: Stripe) -> None:
    left = []
    for amount in (1000, 3998):
        told("refund.created", account.refund_by_hand("pi_1", amount))
        row = table.outside_refunds().get(f"re_{len(account.refunds)}")
        assert row is not None
        left.append(row["left"]["amount"])
    assert left == [3998, 0]


def test_our_own_refund_is_no_news_and_one_that_failed_is_another(
    account: Stripe, payment: PaymentService, dynamodb: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = factory.stripe()
    gateway.refund(Intent(ORDER, Money(4998, "USD"), "pm_card_visa"), 1)
    assert told("refund.created", account.refunds["re_1"])["outcome"] == "UNCHANGED"
    assert told("charge.refunded", {"id": "ch_1", "payment_intent": "pi_1", "refunded": True})["outcome"] == "UNCHANGED"
    account.refunds["re_1"] |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
    assert told("refund.updated", account.refunds["re_1"])["outcome"] == "COUNTED"
    assert '"RefundFailedLate":[1' in capsys.readouterr().out


def test_a_refund_by_hand_that_is_not_listed_yet_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("charge.refunded", {"id": "ch_1", "payment_intent": "pi_1", "refunded": True})["outcome"] == "COUNTED"
    assert '"RefundedOutside":[1' in capsys.readouterr().out


def test_what_went_back_by_hand_does_not_go_back_again(account: Stripe, payment: PaymentService) -> None:
    visa = Intent(ORDER, Money(4998, "USD"), "pm_card_visa")
    account.refund_by_hand("pi_1", 1000)
    assert factory.stripe().refund(visa, 1) == Refunded()
    assert (account.captured, account.refunded) == (4998, 4998)


def test_a_refund_by_hand_that_is_on_its_way_is_waited_for(account: Stripe) -> None:
    visa = Intent(ORDER, Money(4998, "USD"), "pm_card_visa")
    made = account.refund_by_hand("pi_1", 4998, status="pending")
    with pytest.raises(GatewayTimeoutError):
        factory.stripe().refund(visa, 1)
    made["status"] = "failed"  # it came back: now it is for us to give back
    assert factory.stripe().refund(visa, 1) == Refunded()
    assert account.refunded == 4998


@pytest.mark.parametrize("status", ["needs_response", "won", "lost"])
@pytest.mark.parametrize(
    "kind", ["charge.dispute.updated", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"]
)
def test_a_dispute_is_known_by_any_word_of_it(kind: str, status: str) -> None:
    assert told(kind, dispute(status))["outcome"] == "RECORDED"
    assert told("charge.dispute.created", dispute())["outcome"] == "UNCHANGED"
    assert [detail_type for detail_type, _, _ in events()] == [
        "PaymentDisputed" if status == "needs_response" else "PaymentDisputeClosed"
    ]


def test_a_type_that_means_nothing_here_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert told("customer.created", {})["outcome"] == "IGNORED"
    assert '"WebhookEventsUnknown":[1' in capsys.readouterr().out
    assert told("charge.succeeded", {})["outcome"] == "IGNORED"
    assert "WebhookEventsUnknown" not in capsys.readouterr().out


def test_the_readme_has_every_type_that_is_heard() -> None:
    written = (Path(webhook.__file__).parents[1] / "README.md").read_text()
    assert [kind for kind, heard in webhook.HEARD.items() if heard is not webhook.no_news and f"`{kind}`" not in written] == []


def test_what_is_not_ours_or_means_nothing_is_let_pass(account: Stripe) -> None:
    ours = {"order_id": ORDER}
    assert told("customer.created", {})["outcome"] == "IGNORED"
    canceled = {"id": "pi_1", "cancellation_reason": "requested_by_customer", "metadata": ours}
    assert told("payment_intent.canceled", canceled)["outcome"] == "IGNORED"
    assert told("charge.dispute.created", dispute(payment_intent=None))["outcome"] == "IGNORED"
    assert told("charge.dispute.created", dispute(payment_intent="pi_of_another"))["outcome"] == "IGNORED"
    assert told("charge.dispute.created", dispute(payment_intent="../customers"))["outcome"] == "IGNORED"
    account.intents["pi_1"]["metadata"] = {"order_id": "ord-" + "b" * 26}
    assert told("charge.dispute.created", dispute())["outcome"] == "IGNORED"
    account.intents["pi_1"]["metadata"] = {}
    assert told("refund.failed", {"payment_intent": "pi_1"})["outcome"] == "IGNORED"


def test_what_stripe_did_not_sign_or_not_now_is_not_even_read(account: Stripe) -> None:
    asked = len(account.requests)
    body = json.dumps({"type": "charge.dispute.created", "data": {"object": dispute()}})
    old = datetime(2026, 11, 23, 11, 54, 59, tzinfo=UTC)
    for signature in ("", "t=1,v1=0", signed(body, "another secret"), signed(body, at=old), signed(body + " ")):
        refused = post(body, signature)
        assert (refused["status"], refused["title"]) == (400, "Signature invalid")
    assert (len(account.requests), events()) == (asked, [])


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"type": "charge.dispute.created", "data": {"object": {"payment_intent": "pi_1", "id": "dp_1"}}}'],
)
def test_a_signed_body_of_another_form_is_told_so(body: str) -> None:
    refused = post(body)
    assert (refused["status"], refused["title"]) == (400, "Request invalid")


def test_while_stripe_cannot_be_asked_it_is_to_tell_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "secret", {"arn:key": "sk_revoked"}.__getitem__)
    webhook.api.cache_clear()
    assert told("charge.dispute.created", dispute())["status"] == 503
    assert events() == []


def test_another_route_is_none() -> None:
    request = {
        "version": "2.0",
        "rawPath": "/elsewhere",
        "requestContext": {"http": {"method": "POST", "path": "/elsewhere"}, "stage": "$default"},
        "headers": {},
        "body": "",
        "isBase64Encoded": False,
    }
    assert webhook.handler(request, None)["statusCode"] == 404
