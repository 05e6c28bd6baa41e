"""The events in a row's outbox, as the tests read them."""

import json
from collections.abc import Iterable
from typing import Any

from kernel.outbox_text import unpack


def events_in(pending: Iterable[str]) -> list[dict[str, Any]]:
    """Return the events of a row's `pending`."""
    return [json.loads(unpack(text)) for text in pending]


def event_ids(pending: Iterable[str]) -> list[str]:
    """Return the ids of the events of a row's `pending`."""
    return [event["detail"]["metadata"]["event_id"] for event in events_in(pending)]
