"""The trace of an order as OTLP/JSON, held against the schema of its protocol."""

import base64
import json
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from kernel.traces import span_of
from operations.events.journal import BusEvent, Published
from operations.order_trace import Node, Replay
from operations.otlp import document

ORDER = "ord-" + "a" * 26
TRACE = "ab" * 16
TIME = "2026-11-29T12:00:0{}.000Z"


def node(event_id: str, cause: str, second: int, *caused: Node, replays: tuple[Replay, ...] = (), **more: Any) -> Node:
    metadata = {
        "event_id": event_id,
        "causation_id": cause,
        "correlation_id": "corr-1",
        "order_id": ORDER,
        "occurred_at": TIME.format(second),
        "traceparent": f"00-{TRACE}-{'1' * 16}-01",
        **more,
    }
    event: BusEvent = {
        "id": "envelope",
        "source": "orderflow.order",
        "detail-type": "OrderPlaced",
        "detail": {"metadata": metadata},
    }
    return Node(Published(event, TIME.format(second), 1, 1), ("payment/cancellations",), replays, 0, caused)


def parsed(roots: list[Node]) -> list[Span]:
    """Return the spans of the document as the protocol reads it. In OTLP/JSON, ids are hexadecimal and not base64."""
    text = json.dumps(document(roots))
    read = json.loads(text, object_hook=_with_base64)
    data = json_format.ParseDict(read, TracesData())
    return [span for resource in data.resource_spans for scope in resource.scope_spans for span in scope.spans]


def _with_base64(found: dict[str, Any]) -> dict[str, Any]:
    ids = {"traceId", "spanId", "parentSpanId"}
    return {name: base64.b64encode(bytes.fromhex(value)).decode() if name in ids else value for name, value in found.items()}


def test_each_event_is_a_span_below_its_cause_and_all_are_one_trace() -> None:
    placed = f"ORDER#{ORDER}#1"
    spans = parsed([node(placed, "request-1", 0, node("PAY#1", placed, 2), node("RES#1", placed, 3))])
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    request, root, *below = spans
    assert root.parent_span_id == request.span_id == bytes.fromhex(span_of("corr-1", "request-1").span_id)
    assert [span.parent_span_id for span in below] == [root.span_id] * 2
    assert [span.end_time_unix_nano - span.start_time_unix_nano for span in below] == [2_000_000_000, 3_000_000_000]


def test_replay_is_a_span_that_links_to_its_event() -> None:
    replay = Replay("orderflow-monday", "", "", {}, TIME.format(9))
    _, event, again = parsed([node("ORDER#1", "request-1", 0, replays=(replay,))])
    assert [link.span_id for link in again.links] == [event.span_id]
    assert again.start_time_unix_nano - event.start_time_unix_nano == 9_000_000_000
    assert again.span_id != event.span_id


@pytest.mark.parametrize("odd", [{"occurred_at": "noon"}, {"traceparent": None}, {"causation_id": ["x"]}])
def test_odd_event_of_a_channel_is_a_span_too(odd: dict[str, Any]) -> None:
    assert [span.name for span in parsed([node("ORDER#1", "request-1", 1, **odd)])][-1] == "OrderPlaced"
