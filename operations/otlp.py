"""The trace of an order as OTLP/JSON, for Jaeger, an OpenTelemetry collector or X-Ray.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NotRequired, TypedDict

from kernel import clock
from kernel.naming import SOURCE_PREFIX
from kernel.traces import span_of, thread_of
from operations.events.journal import Published
from operations.order_trace import Node

SERVER, PRODUCER, CONSUMER = 2, 4, 5
"""Kinds of spans (https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto)."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Text(TypedDict):
    """A value that is text."""

    stringValue: str


class Attribute(TypedDict):
    """An attribute of a span or of its service."""

    key: str
    value: Text


class Link(TypedDict):
    """A span that another one refers to."""

    traceId: str
    spanId: str


class Span(TypedDict):
    """A span. Ids are hexadecimal, times nanoseconds since 1970 as text."""

    traceId: str
    spanId: str
    parentSpanId: NotRequired[str]
    name: str
    kind: int
    startTimeUnixNano: str
    endTimeUnixNano: str
    attributes: list[Attribute]
    links: NotRequired[list[Link]]


@dataclass(frozen=True)
class Step:
    """A span of a service."""

    service: str
    span: Span


def document(roots: Iterable[Node]) -> dict[str, object]:
    """Return the trees as an OTLP trace: a span for each event, for each request that led to one, and for each replay of one.

    The span of an event lasts from its cause to the event. That of a replay is linked to the event's.
    """
    spans: defaultdict[str, dict[str, Span]] = defaultdict(dict)
    for root in roots:
        for step in [*_request(root), *_steps(root, None)]:
            spans[step.service].setdefault(step.span["spanId"], step.span)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes({"service.name": service})},
                "scopeSpans": [{"scope": {"name": "orderflow"}, "spans": list(of_service.values())}],
            }
            for service, of_service in spans.items()
        ]
    }


def _request(root: Node) -> Iterator[Step]:
    """Yield the span of the request that led to a root, if its event names one."""
    cause = root.published.metadata.get("causation_id")
    if isinstance(cause, str) and cause != root.published.event_id:
        moment = _nanoseconds(_occurred(root.published))
        span = span_of(_thread(root.published), cause)
        yield Step(
            _service(root.published),
            {
                "traceId": span.trace_id,
                "spanId": span.span_id,
                "name": "request",
                "kind": SERVER,
                "startTimeUnixNano": moment,
                "endTimeUnixNano": moment,
                "attributes": _attributes({"orderflow.causation_id": cause}),
            },
        )


def _steps(node: Node, before: datetime | None) -> Iterator[Step]:
    """Yield the spans of an event, of its replays, and of what it caused. `before` is the time of its cause."""
    event = node.published
    occurred = _occurred(event)
    span, cause = span_of(_thread(event), event.event_id), event.metadata.get("causation_id")
    found: Span = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": event.detail_type,
        "kind": PRODUCER,
        "startTimeUnixNano": _nanoseconds(min(before or occurred, occurred)),
        "endTimeUnixNano": _nanoseconds(occurred),
        "attributes": _attributes(
            {
                "messaging.system": "aws.eventbridge",
                "messaging.message.id": event.event_id,
                "orderflow.order_id": str(event.metadata.get("order_id", "")),
                "orderflow.consumers": ",".join(node.reached),
            }
        ),
    }
    if isinstance(cause, str) and cause != event.event_id:
        found["parentSpanId"] = span_of(_thread(event), cause).span_id
    yield Step(_service(event), found)
    for replay in node.replays:
        moment = _nanoseconds(clock.from_rfc3339(replay.started))
        yield Step(
            _service(event),
            {
                "traceId": span.trace_id,
                "spanId": span_of(_thread(event), f"{event.event_id}#{replay.name}").span_id,
                "name": f"{event.detail_type} replayed",
                "kind": CONSUMER,
                "startTimeUnixNano": moment,
                "endTimeUnixNano": moment,
                "attributes": _attributes({"orderflow.replay_name": replay.name}),
                "links": [{"traceId": span.trace_id, "spanId": span.span_id}],
            },
        )
    for each in node.caused:
        yield from _steps(each, occurred)


def _thread(event: Published) -> str:
    """Return the thread of an event, as its consumers read it."""
    correlation_id, traceparent = event.metadata.get("correlation_id", event.event_id), event.metadata.get("traceparent")
    return thread_of(str(correlation_id), traceparent if isinstance(traceparent, str) else None)


def _service(event: Published) -> str:
    return event.source.removeprefix(SOURCE_PREFIX)


def _occurred(event: Published) -> datetime:
    """Return when the event occurred, no earlier than OTLP can state: a channel may state any time."""
    return max(EPOCH, clock.from_rfc3339(event.occurred_at))


def _nanoseconds(moment: datetime) -> str:
    return str((moment - EPOCH) // timedelta(microseconds=1) * 1000)


def _attributes(values: Mapping[str, str]) -> list[Attribute]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items() if value]
