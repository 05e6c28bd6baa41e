"""Whatever is posted to Stripe's webhook, it answers; and without Stripe's signature it changes nothing."""

import json
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.payment.functions.webhook import EFFECTS, SIGNATURE
from tests.support.any_json import HEADERS, objects, texts_of
from tests.unit.payment.conftest import ORDER, StripeService, signed
from tests.unit.payment.test_webhook import dispute

OBJECT = objects(
    {
        "id": ("dp_1", "re_1", "", "x" * 3000),
        "amount": (4998, 0, -1, 10**40, "4998"),
        "currency": ("usd", "USD", "xxx"),
        "reason": ("fraudulent", ""),
        "status": ("needs_response", "won", "lost", "succeeded", "failed"),
        "payment_intent": ("pi_1", "pi_2", "../refunds"),
        "cancellation_reason": ("automatic", "requested_by_customer"),
        "metadata": ({"order_id": ORDER}, {"order_id": 7}, {}, None),
    }
)
EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(EFFECTS)) | st.text(), "data": st.fixed_dictionaries({"object": OBJECT})}
)
ONCE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)


def answer_to(at_stripe: StripeService, body: str, headers: dict[str, str], encoded: bool = False) -> int:
    request = {
        "version": "2.0",
        "rawPath": "/webhooks/stripe",
        "requestContext": {"http": {"method": "POST", "path": "/webhooks/stripe"}, "stage": "$default"},
        "headers": headers,
        "body": body,
        "isBase64Encoded": encoded,
    }
    return int(at_stripe.webhook(request, None)["statusCode"])


def a_dispute(**fields: str) -> str:
    return json.dumps({"type": "charge.dispute.closed", "data": {"object": dispute("lost", **fields)}})


def rows(at_stripe: StripeService) -> list[Any]:
    return [at_stripe.client.scan(TableName=name, ConsistentRead=True)["Items"] for name in ("payments", "ledger")]


@ONCE
@given(
    body=texts_of(EVENT),
    headers=HEADERS,
    signature=st.none() | st.text() | st.text("t=v1,0123456789abcdef "),
    encoded=st.booleans(),
)
def test_unsigned_request_moves_no_payment(
    at_stripe: StripeService, body: str, headers: dict[str, str], signature: str | None, encoded: bool
) -> None:
    before = rows(at_stripe)
    given_headers = headers if signature is None else {**headers, SIGNATURE: signature}
    assert answer_to(at_stripe, body, given_headers, encoded) == 400
    assert rows(at_stripe) == before


@ONCE
@given(body=texts_of(EVENT))
@example(body=a_dispute(reason="x" * 500_000))
@example(body=a_dispute(id="x" * 3_000))
def test_any_signed_text_gets_a_response_and_moves_no_payment(at_stripe: StripeService, body: str) -> None:
    before = at_stripe.row, at_stripe.ledger
    encodable = body.encode(errors="replace").decode()
    assert answer_to(at_stripe, encodable, {SIGNATURE: signed(encodable)}) in (200, 400)
    assert (at_stripe.row, at_stripe.ledger) == before
