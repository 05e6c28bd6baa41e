"""Any JSON that a webhook may bring, as strategies of hypothesis."""

import json
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.text() | st.sampled_from(["", "[" * 9_000, '"\\ud800"', "\ud800", "1e999", "9" * 5000, "NaN", "{}", "[]"])
"""Texts that are rarely JSON, and texts that a reader must refuse."""
HEADERS = st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=80), max_size=4)


def objects(fields: Mapping[str, Sequence[object]]) -> st.SearchStrategy[dict[str, object]]:
    """Return objects. Each field is missing, has one of its likely values, or has any value."""
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(likely) | VALUES for name, likely in fields.items()})


def texts_of(documents: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[str]:
    """Return the JSON texts of the documents, and of any other value."""
    return (documents | VALUES).map(json.dumps) | TEXTS
