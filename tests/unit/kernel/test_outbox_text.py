"""The packed text of an event in an outbox."""

import base64
import json
from collections.abc import Callable

import pytest

from kernel.outbox_text import pack, unpack
from tests.support.sample_events import authorized


@pytest.mark.parametrize("text", [unpack(authorized().to_outbox()), '{"a":"é \\u20ac"}', "{}", "not JSON at all"])
def test_packed_text_is_unpacked_unchanged(text: str) -> None:
    assert unpack(pack(text)) == text


def test_packed_event_has_two_fifths_of_its_bytes() -> None:
    packed = authorized().to_outbox()
    assert len(packed) < 0.4 * len(unpack(packed))


def test_text_of_an_earlier_release_is_read_as_it_is() -> None:
    text = json.dumps({"source": "orderflow.order", "detail": {}})
    assert unpack(text) == text


def test_text_in_a_row_stays_readable() -> None:
    """The words that texts are packed against never change."""
    in_a_row = "wxafGGFnYmlpQWrwFaUWlqYWl+hiDTskAV1D1CADBSbIh4k4gbIRsUFpaKhrZBxiaIQ3KHFbhCWQMXIq9sCFZhalWgA="
    assert unpack(in_a_row) == unpack(authorized().to_outbox())


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-8],
        lambda text: text[1:],
        lambda text: f"!{text}",
        lambda text: base64.b64encode(b"\xff" * 40).decode(),
        lambda _: "",
    ],
    ids=["cut short", "first character lost", "no base64", "no deflate", "empty"],
)
def test_damaged_text_is_refused(damage: Callable[[str], str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(damage(pack("x" * 100)))
