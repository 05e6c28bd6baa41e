"""Whatever text comes in, in the kernel and in the operator's tools, it ends in the one error that is documented."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal.lines import NotJournaledError, line_of
from kernel import webhooks
from kernel.inbox import parse
from kernel.schemas import InvalidEventError
from kernel.webhooks import InvalidSignatureError
from operations.dead_letters import messages
from operations.event_pattern import InvalidPatternError
from operations.event_pattern import parse as parse_pattern
from services.shipping.carriers.sandbox import SIGNATURE, SandboxCarrier
from services.shipping.domain.carrier import TrackingUpdate
from tests.support.sample_events import authorized, message

SECRET, NOW = "secret", datetime(2026, 11, 23, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ODD = st.sampled_from(["[" * 16_000, '{"a":' * 16_000, '"\\ud800"', "\ud800", "1e999", "9" * 5000, "NaN", "", "{}", "[]"])
TEXTS = st.text() | ODD | JSON.map(json.dumps)
EVENT: dict[str, Any] = json.loads(message(authorized()))
ENVELOPES = st.fixed_dictionaries({}, optional=dict.fromkeys((*EVENT, "replay-name"), JSON)).map(
    lambda changes: json.dumps({**EVENT, **changes})
)


def outcome(act: Callable[[], Any], refusal: type[Exception]) -> Any:
    """Return what `act` returns, or the refusal that it raises."""
    try:
        return act()
    except refusal as raised:
        return raised


@given(TEXTS | ENVELOPES)
def test_any_message_is_an_event_or_invalid(body: str) -> None:
    assert str(outcome(lambda: parse(body), InvalidEventError))


@given(st.text() | st.text("t=v1,0123456789abcdef "), st.text())
def test_any_forged_signature_is_refused(header: str, body: str) -> None:
    with pytest.raises(InvalidSignatureError):
        webhooks.verify(SECRET, header, body, NOW)


@pytest.mark.parametrize("seconds", ["1" + "0" * 400, "9" * 5000, "-1", "1e3", "1_000", " 1"])
def test_signature_with_a_malformed_time_is_refused(seconds: str) -> None:
    with pytest.raises(InvalidSignatureError, match="must be t="):
        webhooks.verify(SECRET, f"t={seconds},v1={'0' * 64}", "{}", NOW)


@given(TEXTS | st.fixed_dictionaries({"order_id": JSON, "parcel": JSON | st.just("DELIVERED")}).map(json.dumps))
def test_any_signed_body_is_an_update_or_raises_value_error(body: str) -> None:
    carrier = SandboxCarrier(lambda: SECRET)
    headers = {SIGNATURE: f"t={int(NOW.timestamp())},v1={webhooks._digest(SECRET, int(NOW.timestamp()), body)}"}
    found = outcome(lambda: carrier.parse_webhook(headers, body, NOW), ValueError)
    assert isinstance(found, TrackingUpdate | ValueError)
    assert not isinstance(found, InvalidSignatureError)


@given(st.dictionaries(st.sampled_from(["id", "time", "source", "detail-type", "detail"]), JSON) | ENVELOPES.map(json.loads))
def test_any_event_becomes_a_line_or_is_refused(event: dict[str, Any]) -> None:
    assert str(outcome(lambda: line_of(event, NOW), NotJournaledError))


@given(TEXTS | ENVELOPES)
def test_any_dead_letter_can_be_shown(body: str) -> None:
    attributes = {"SentTimestamp": "1764000000000", "ApproximateReceiveCount": "1"}
    told = messages.describe({"MessageId": "1", "Body": body, "Attributes": attributes})
    assert told["reason"]


@given(TEXTS)
def test_any_pattern_is_an_object_or_refused(text: str) -> None:
    found = outcome(lambda: parse_pattern(text), InvalidPatternError)
    assert isinstance(found, dict) or str(found)
