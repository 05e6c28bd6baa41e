"""The fields that consumers declare to read and to filter by are fields that the publishers' schemas describe."""

import pytest

from operations.contracts.event_catalogue import newest
from operations.contracts.subscriptions import Consumer, consumers
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


@pytest.mark.parametrize("consumer", [pytest.param(each, id=f"{each.name} {each.detail_type}") for each in consumers()])
def test_filter_of_a_consumer_lets_an_example_of_each_event_pass(consumer: Consumer) -> None:
    (event,) = (each for each in newest() if (each.source, each.detail_type) == (consumer.source, consumer.detail_type))
    assert any(map(consumer.takes, event.delivered))
    assert consumer.name in event.consumers
