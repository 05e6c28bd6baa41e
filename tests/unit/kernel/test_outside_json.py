"""JSON from outside: one reader, which takes what all of the code can take, and refuses the rest by one error."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.outside_json import MAX_BYTES, MAX_DEPTH, MAX_INTEGER, OutsideJsonError, read, read_object

NESTED = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(-1e15, 1e15) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize("text", ["1.0", "10e-1", "0.1e1", "1.000000000000000000000000000000"])
def test_whole_number_in_any_form_is_an_integer(text: str) -> None:
    assert (type(read(text)), read(text)) == (int, 1)


def test_written_value_is_read_back_unchanged() -> None:
    text = '{"a": [1, 2e0, 1e1, -0, 1.5, "\\ud83d\\ude00", null, true], "b": {}}'
    assert read(text) == {"a": [1, 2, 10, 0, 1.5, "😀", None, True], "b": {}}


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ("", "", "is not JSON"),
        ("{", "", "is not JSON"),
        ("\ufeff{}", "", "is not JSON"),
        (b"\xff", "", "is not UTF-8"),
        ('"\ud800"', "", "is not UTF-8"),
        ('{"name": "a\\ud800b"}', "name", "surrogate"),
        ('{"address": {"line1": "\\udc00"}}', "address.line1", "surrogate"),
        ('{"\\ud800": 1}', "", "surrogate"),
        ('{"customer_id": "a", "customer_id": "b"}', "customer_id", "is there twice"),
        ('{"lines": [{}, {"sku": 1, "sku": 1}]}', "lines[1].sku", "is there twice"),
        ('{"4111111111111111": 1, "4111111111111111": 1}', "(a member)", "is there twice"),
        ('{"amount": NaN}', "amount", "is not JSON"),
        ("[-Infinity]", "[0]", "is not JSON"),
        ("9" * 5000, "", "must be an integer"),
        (str(MAX_INTEGER + 1), "", "must be an integer"),
        ("1e400", "", "must be a number"),
        (f"{MAX_INTEGER + 1}.0", "", "must be a number"),
        ("1e" + "9" * 30, "", "must be a number"),
        ("0.99999999999999999999", "", "must be a number"),
        ("1e-400", "", "must be a number"),
        ("1e-" + "9" * 30, "", "must be a number"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "", "is nested deeper"),
        ("[" * 500_000, "", "is nested deeper"),
        ('{"a":' * 200_000, "", "is nested deeper"),
        (" " * (MAX_BYTES + 1), "", "bytes; at most"),
    ],
)
def test_refusal_names_the_place_and_the_reason(text: str | bytes, where: str, reason: str) -> None:
    with pytest.raises(OutsideJsonError) as refusal:
        read(text)
    assert refusal.value.where == where
    assert reason in refusal.value.reason


def test_brackets_in_a_string_are_text() -> None:
    assert read(json.dumps(["[" * 1000 + '"\\'])) == ["[" * 1000 + '"\\']


def test_depth_limit_is_far_below_the_interpreters() -> None:
    assert sys.getrecursionlimit() > MAX_DEPTH * 10
    read("[" * MAX_DEPTH + "]" * MAX_DEPTH)


@pytest.mark.parametrize("text", ["[]", "1", "null", '"text"'])
def test_other_value_than_an_object_is_refused(text: str) -> None:
    with pytest.raises(OutsideJsonError, match="must be a JSON object"):
        read_object(text)


@given(NESTED)
def test_valid_json_is_read_as_by_the_standard_library(value: Any) -> None:
    try:
        assert read(json.dumps(value)) == value
    except OutsideJsonError:
        assert _tells_of(value)


@given(st.binary() | st.text() | st.text('[]{}",:0123456789eE+-.\\u dDnNaIit \n').map(str))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    try:
        value = read(text)
    except OutsideJsonError as raised:
        shown = str(raised)
    else:
        shown = json.dumps(value, allow_nan=False).encode().decode()
    assert shown.isprintable()


def _tells_of(value: Any) -> bool:
    """Whether a value has what is refused: a lone surrogate, or a fraction that a double cannot tell from a whole number."""
    text = json.dumps(value)
    return "\\ud" in text or "e-" in text or text.count("[") + text.count("{") > MAX_DEPTH
