"""An event is a CloudEvent and back again, nothing lost, by the CloudEvents SDK's own reading."""

import json
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from operations.contracts.cloudevents import from_cloudevent, to_cloudevent
from operations.contracts.event_catalogue import Event, events
from operations.errors import UserError

EVERY = [pytest.param(event, id=f"{event.stem}.v{event.version}") for event in events()]


def delivered(event: Event) -> dict[str, Any]:
    return {"source": event.sent_as, "detail-type": event.detail_type, "detail": event.example}


@pytest.mark.parametrize("event", EVERY)
def test_event_becomes_a_cloudevent_and_back(event: Event) -> None:
    made = to_cloudevent(delivered(event))
    read = JSONFormat().read(CloudEvent, json.dumps(made).encode())
    assert (read.get_id(), read.get_source(), read.get_type()) == (made["id"], made["source"], made["type"])
    assert read.get_subject() == event.example["metadata"].get("order_id")
    written = json.loads(JSONFormat().write(read))
    assert from_cloudevent(written | {"time": made["time"]}) == delivered(event)
    assert from_cloudevent(made) == delivered(event)


@pytest.mark.parametrize("change", [{"specversion": "0.3"}, {"type": "order.placed"}, {"type": "orderflow.order.OrderPlaced"}])
def test_foreign_cloudevent_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(UserError):
        from_cloudevent(to_cloudevent(delivered(events()[0])) | change)


def test_missing_attribute_is_named() -> None:
    with pytest.raises(UserError, match="id, data"):
        from_cloudevent({"specversion": "1.0", "source": "s", "type": "t", "time": "now"})
