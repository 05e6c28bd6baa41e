"""The envelope of a domain event."""

import dataclasses
import json

import pytest

from kernel.events import MAX_EVENT_BYTES, DomainEvent, EventTooLargeError
from kernel.traces import span_of
from tests.support.outboxes import events_in
from tests.support.sample_events import ORDER, TOTAL, authorized


def test_a_detail_is_metadata_and_data() -> None:
    assert authorized().detail() == {
        "metadata": {
            "event_id": f"PAY#{ORDER}#2",
            "event_version": 1,
            "occurred_at": "2026-11-23T12:00:00.000Z",
            "order_id": ORDER,
            "correlation_id": "correlation-1",
            "causation_id": "request-1",
            "traceparent": span_of("correlation-1", f"PAY#{ORDER}#2").traceparent,
        },
        "data": {"total": TOTAL},
    }


def test_an_event_about_no_order_has_no_order_id() -> None:
    assert "order_id" not in dataclasses.replace(authorized(), order_id=None).detail()["metadata"]


def test_event_is_read_from_its_outbox_unchanged() -> None:
    [waiting] = events_in([authorized().to_outbox()])

    assert DomainEvent.from_parts(waiting["source"], waiting["detail-type"], waiting["detail"]) == authorized()


def test_same_event_has_the_same_text() -> None:
    assert authorized().to_outbox() == authorized().to_outbox()


def test_event_of_a_channel_may_omit_its_cause() -> None:
    metadata = {"event_id": "shop-1", "event_version": 1, "occurred_at": "2026-11-23T12:00:00Z"}

    event = DomainEvent.from_parts("orderflow.channel.shop", "OrderPlaced", {"metadata": metadata, "data": {}})

    assert (event.correlation_id, event.causation_id, event.order_id) == ("shop-1", "shop-1", None)


def test_an_event_is_at_most_64_kib() -> None:
    def of_size(size: int) -> DomainEvent:
        empty = len(json.dumps(dataclasses.replace(authorized(), data={"x": ""}).detail(), separators=(",", ":")))
        return dataclasses.replace(authorized(), data={"x": "x" * (size - empty)})

    assert of_size(MAX_EVENT_BYTES).to_outbox()
    with pytest.raises(EventTooLargeError, match=r"PaymentAuthorized PAY#.* is 65537 bytes"):
        of_size(MAX_EVENT_BYTES + 1).to_outbox()
