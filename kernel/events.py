"""The domain event: its envelope, and the forms it has in a row's outbox and on the bus."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NotRequired, TypedDict

from typing_extensions import TypeVar

from kernel import outbox_text
from kernel.errors import BugError
from kernel.traces import Span, correlation_id_of, span_of, thread_of

MAX_EVENT_BYTES = 64 * 1024
"""Our own bar for an event's detail, in bytes of UTF-8; PutEvents takes 1 MB since January 2026."""


class EventTooLargeError(BugError):
    """The event's detail is over `MAX_EVENT_BYTES`."""


D_co = TypeVar("D_co", bound=Mapping[str, object], covariant=True, default=Mapping[str, Any])
"""The form of an event's data."""


class Metadata(TypedDict):
    """The metadata of an event on the bus. A channel may omit the correlation and causation ids, and the order's id."""

    event_id: str
    event_version: int
    occurred_at: str
    correlation_id: NotRequired[str]
    causation_id: NotRequired[str]
    order_id: NotRequired[str]
    traceparent: NotRequired[str]
    """The event's span, as W3C Trace Context has it. A row's outbox has none: the relay adds it."""


class Detail(TypedDict):
    """The `detail` of an event on the bus."""

    metadata: Metadata
    data: Mapping[str, Any]


PendingEvent = TypedDict("PendingEvent", {"source": str, "detail-type": str, "detail": Detail})
"""An event as a row's outbox has it, read from the JSON text that `outbox_text.unpack` returns."""


def span_in(pending: Detail) -> Span:
    """Return the span of an event that waits in a row."""
    metadata = pending["metadata"]
    return span_of(metadata.get("correlation_id", metadata["event_id"]), metadata["event_id"])


def published(pending: Detail) -> Detail:
    """Return the detail of an event on the bus, made of the one that waits in a row."""
    metadata: Metadata = {**pending["metadata"], "traceparent": span_in(pending).traceparent}
    if "correlation_id" in metadata:
        metadata["correlation_id"] = correlation_id_of(metadata["correlation_id"])
    return {"metadata": metadata, "data": pending["data"]}


@dataclass(frozen=True)
class DomainEvent(Generic[D_co]):
    """Something that happened.

    `event_id` is `<aggregate id>#<version>`: deterministic, and what consumers dedupe on. `event_version` is the
    schema's version. `order_id` is None only for events about no order, such as StockReplenished.
    `causation_id` is the event id or request id that led here. `correlation_id` is a thread; see `kernel/traces.py`.
    """

    source: str
    detail_type: str
    event_id: str
    occurred_at: str
    correlation_id: str
    causation_id: str
    order_id: str | None = None
    data: D_co = field(default_factory=dict)  # type: ignore[assignment]
    event_version: int = 1

    def detail(self) -> Detail:
        """Return the event's `detail` on the bus: `{"metadata": {...}, "data": {...}}`."""
        return published(self._pending())

    def _pending(self) -> Detail:
        """Return the event's `detail` as it waits in a row: with the thread as correlation id, and without a span."""
        metadata: Metadata = {
            "event_id": self.event_id,
            "event_version": self.event_version,
            "occurred_at": self.occurred_at,
            "correlation_id": self.correlation_id,
            "causation_id": self.causation_id,
        }
        if self.order_id is not None:
            metadata["order_id"] = self.order_id
        return {"metadata": metadata, "data": dict(self.data)}

    def to_outbox(self) -> str:
        """Return the packed text that waits in the row's `pending` list. Raises EventTooLargeError."""
        size = len(json.dumps(self.detail(), separators=(",", ":")).encode())
        if size > MAX_EVENT_BYTES:
            raise EventTooLargeError(
                f"{self.detail_type} {self.event_id} is {size} bytes; an event has at most {MAX_EVENT_BYTES}"
            )
        event = {"source": self.source, "detail-type": self.detail_type, "detail": self._pending()}
        return outbox_text.pack(json.dumps(event, separators=(",", ":"), sort_keys=True))

    @staticmethod
    def from_parts(source: str, detail_type: str, detail: Detail) -> "DomainEvent[Any]":
        """Return the event in an envelope that has passed its schema."""
        metadata = detail["metadata"]
        return DomainEvent(
            source=source,
            detail_type=detail_type,
            event_id=metadata["event_id"],
            event_version=metadata["event_version"],
            occurred_at=metadata["occurred_at"],
            correlation_id=thread_of(metadata.get("correlation_id", metadata["event_id"]), metadata.get("traceparent")),
            causation_id=metadata.get("causation_id", metadata["event_id"]),
            order_id=metadata.get("order_id"),
            data=detail["data"],
        )
