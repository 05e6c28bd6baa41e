"""Webhooks: believed only if they are signed, and recently."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe

from kernel import webhooks
from kernel.webhooks import InvalidSignatureError

SECRET = "shared-with-the-sender"
BODY = '{"id": "evt_1", "name": "José"}'
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def test_fresh_signature_is_accepted() -> None:
    webhooks.verify(SECRET, webhooks.sign(SECRET, BODY, NOW), BODY, NOW)


def test_stripe_signs_as_we_verify_and_verifies_as_we_sign() -> None:
    now = datetime.now(UTC)
    header = webhooks.sign(SECRET, BODY, now)
    assert stripe.WebhookSignature.verify_header(BODY, header, SECRET, 300)

    stripes = stripe.WebhookSignature._compute_signature(f"{int(now.timestamp())}.{BODY}", SECRET)
    webhooks.verify(SECRET, f"t={int(now.timestamp())},v1={stripes},v0=of-another-scheme", BODY, now)


@pytest.mark.parametrize("apart", [timedelta(minutes=-5), timedelta(minutes=5)])
def test_clock_difference_of_five_minutes_is_accepted(apart: timedelta) -> None:
    webhooks.verify(SECRET, webhooks.sign(SECRET, BODY, NOW + apart), BODY, NOW)


@pytest.mark.parametrize("apart", [timedelta(minutes=-5, seconds=-1), timedelta(minutes=5, seconds=1)])
def test_recorded_signature_is_refused_later(apart: timedelta) -> None:
    with pytest.raises(InvalidSignatureError, match="not of the last 300 seconds"):
        webhooks.verify(SECRET, webhooks.sign(SECRET, BODY, NOW + apart), BODY, NOW)


def test_signature_of_another_body_time_or_secret_is_refused() -> None:
    header = webhooks.sign(SECRET, BODY, NOW)
    later = header.replace(str(int(NOW.timestamp())), str(int(NOW.timestamp()) + 1))
    for secret, signature, body in ((SECRET, header, BODY + " "), (SECRET, later, BODY), ("another", header, BODY)):
        with pytest.raises(InvalidSignatureError, match="not of this body"):
            webhooks.verify(secret, signature, body, NOW)


def test_either_signature_is_accepted_during_a_rotation() -> None:
    old, new = (webhooks.sign(secret, BODY, NOW) for secret in ("the-old-one", SECRET))
    webhooks.verify(SECRET, f"{old},{new.partition(',')[2]}", BODY, NOW)


@pytest.mark.parametrize("header", ["", "v1=abc", "t=1", "t=x,v1=abc", "t=²,v1=abc", "t=1,t=2,v1=abc", "nonsense"])
def test_a_header_of_another_form_is_refused(header: str) -> None:
    with pytest.raises(InvalidSignatureError, match="must be t="):
        webhooks.verify(SECRET, header, BODY, NOW)


def test_signature_outside_ascii_is_refused() -> None:
    with pytest.raises(InvalidSignatureError, match="not of this body"):
        webhooks.verify(SECRET, "t=1,v1=é", BODY, NOW)
