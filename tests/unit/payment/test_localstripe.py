"""The wire form, against localstripe: another's reading of Stripe's API, as a server of its own.

It knows no idempotency keys, which test_stripe_gateway.py has, and it accepts a declined card when it is authorised for a later
capture. Its answers are still asserted, so that a version that does better is noticed.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import urllib3

from kernel.money import Money
from laptop.emulator.process import free_port
from services.payment.domain.gateway import (
    Authorized,
    Captured,
    CaptureRefused,
    GatewayMisconfiguredError,
    Intent,
    Refunded,
    Voided,
)
from services.payment.gateways.ledger import Ledger
from services.payment.gateways.stripe import StripeGateway
from services.payment.gateways.stripe_api import StripeApi
from tests.support.polling import eventually
from tests.unit.payment.conftest import ORDER

PRICE = Money(4998, "USD")
API_KEY = "sk_test_of_localstripe"
VISA, DECLINED = "4242424242424242", "4000000000000002"


@pytest.fixture(scope="module")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    folder = tmp_path_factory.mktemp("localstripe")
    port = free_port()
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
        server = subprocess.Popen(command, cwd=folder, env={**os.environ, "TMPDIR": str(folder)}, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def stripe(loopback: None, localstripe: str, dynamodb: Any) -> StripeGateway:
    http = urllib3.PoolManager(timeout=5.0, retries=False)
    api = StripeApi(http, localstripe, lambda: API_KEY)
    eventually(lambda: _answers(localstripe), 30, "localstripe answers")
    return StripeGateway(api, Ledger(dynamodb, "ledger"))


def _answers(url: str) -> bool:
    try:
        _post(url, "customers", "")
    except OSError:
        return False
    return True


def _post(url: str, path: str, form: str) -> Any:
    request = urllib.request.Request(f"{url}/v1/{path}", data=form.encode(), headers={"Authorization": f"Bearer {API_KEY}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return json.loads(answer.read())


def intent_of(stripe: StripeGateway, card: str) -> Intent:
    """Return an order that is paid for by this card."""
    form = f"type=card&card[number]={card}&card[exp_month]=12&card[exp_year]=2030&card[cvc]=123"
    return Intent(ORDER, PRICE, _post(stripe.api.url, "payment_methods", form)["id"])


def paid(stripe: StripeGateway) -> Any:
    """Return the order's PaymentIntent at the server."""
    record = stripe.ledger.find(ORDER, "intent")
    assert record
    return stripe.api.get(f"/v1/payment_intents/{record['reference']}")


def test_payment_is_authorised_captured_and_refunded(stripe: StripeGateway) -> None:
    visa = intent_of(stripe, VISA)
    assert stripe.authorize(visa) == Authorized()
    there = paid(stripe)
    assert (there["status"], there["amount"], there["currency"]) == ("requires_capture", 4998, "usd")
    assert there["metadata"] == {"order_id": ORDER}
    assert stripe.capture(visa) == Captured()
    assert paid(stripe)["status"] == "succeeded"
    assert stripe.refund(visa, 1) == Refunded()
    (refund,) = stripe.api.get("/v1/refunds", payment_intent=there["id"])["data"]
    assert (refund["amount"], refund["metadata"]) == (4998, {"attempt": "1"})


def test_part_of_an_authorisation_is_captured(stripe: StripeGateway) -> None:
    visa = intent_of(stripe, VISA)
    stripe.authorize(visa)
    part = replace(visa, total=Money(1999, "USD"))
    assert stripe.capture(part) == Captured()
    assert paid(stripe)["status"] == "succeeded"


def test_authorisation_is_voided(stripe: StripeGateway) -> None:
    visa = intent_of(stripe, VISA)
    stripe.authorize(visa)
    assert stripe.void(ORDER) == Voided()
    assert paid(stripe)["status"] == "canceled"
    assert stripe.capture(visa) == CaptureRefused("voided")


def test_void_before_authorise_refuses_it(stripe: StripeGateway) -> None:
    assert stripe.void(ORDER) == Voided()
    assert stripe.authorize(intent_of(stripe, VISA)) == Voided()


def test_declined_card_is_declined_at_the_capture(stripe: StripeGateway) -> None:
    declined = intent_of(stripe, DECLINED)
    assert stripe.authorize(declined) == Authorized(), "Stripe would decline here"


def test_unknown_payment_method_is_declined(stripe: StripeGateway) -> None:
    unknown = Intent(ORDER, PRICE, "pm_nobody_knows")
    with pytest.raises(GatewayMisconfiguredError, match="HTTP 404 invalid_request_error"):  # where Stripe says resource_missing
        stripe.authorize(unknown)
