"""The fields that consumers declare to read are fields that the publishers' schemas describe."""

import pytest

from tests.support.consumers import CONSUMED, SUBSCRIPTIONS, optional, versions

DONE_WITHOUT = {
    ("orderflow.channel.*", "OrderPlaced"): {"metadata.correlation_id", "metadata.causation_id", "data.if_short"},
    ("orderflow.order", "OrderConfirmed"): {"data.left_out[].sku", "data.left_out[].quantity"},
}
"""Fields that a publisher may leave out, and that consumers do without: tests/unit/test_subscriptions.py leaves them out."""


@pytest.mark.parametrize(("service", "name", "source", "detail_type"), CONSUMED)
def test_every_field_read_is_required_by_the_newest_version_of_the_schema(
    service: str, name: str, source: str, detail_type: str
) -> None:
    """Of an older one, a consumer sees what its upcaster makes of it: tests/contract/test_versions.py."""
    newest = versions((source, detail_type))[-1]
    may_lack = {field for field in SUBSCRIPTIONS[service, name][source, detail_type] if optional(newest, field)}
    assert may_lack <= DONE_WITHOUT.get((source, detail_type), set()), newest["$id"]


@pytest.mark.parametrize(("service", "name", "source", "detail_type"), CONSUMED)
def test_no_field_is_declared_twice_or_with_one_inside_it(service: str, name: str, source: str, detail_type: str) -> None:
    fields = SUBSCRIPTIONS[service, name][source, detail_type]
    assert len(set(fields)) == len(fields)
    assert [one for one in fields for other in fields if other.startswith((f"{one}.", f"{one}["))] == []
