"""The trace of an order: derived from its ids, taken from a caller, and the same on both sides of the bus."""

import json
from dataclasses import replace

import pytest

from kernel.events import DomainEvent, published
from kernel.relay import Outbox, publish
from kernel.traces import SAMPLED_OF_256, Span, correlation_id_of, span_of, thread_of, trace_id_in, trace_id_of
from tests.support.outboxes import events_in
from tests.support.sample_events import authorized

TRACE = "ab" * 16
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("correlation_id", "traceparent", "thread"),
    [
        ("corr-1", TRACEPARENT, f"corr-1~{TRACE}"),
        (TRACE, TRACEPARENT, TRACE),
        ("corr-1", f"00-{trace_id_of('corr-1')}-00f067aa0ba902b7-00", "corr-1"),
        ("corr-1", None, "corr-1"),
        ("corr-1", "00-4bf9", "corr-1"),
        ("corr-1", f"00-{'0' * 32}-00f067aa0ba902b7-01", "corr-1"),
        ("corr-1", f"01-{TRACE}-00f067aa0ba902b7-01", f"corr-1~{TRACE}"),
        ("corr-1", f"cc-{TRACE}-00f067aa0ba902b7-01-what the future brings", f"corr-1~{TRACE}"),
        ("corr-1", f"cc-{TRACE}-00f067aa0ba902b7-01.what", "corr-1"),
        ("corr-1", f"ff-{TRACE}-00f067aa0ba902b7-01", "corr-1"),
        ("corr-1", f"{TRACEPARENT}-more", "corr-1"),
        ("corr-1", TRACEPARENT.upper(), "corr-1"),
    ],
)
def test_only_a_trace_id_that_cannot_be_derived_is_stored(correlation_id: str, traceparent: str | None, thread: str) -> None:
    assert thread_of(correlation_id, traceparent) == thread
    assert correlation_id_of(thread) == correlation_id


@pytest.mark.parametrize(("thread", "trace_id"), [(f"corr-1~{TRACE}", TRACE), (TRACE, TRACE)])
def test_a_callers_trace_id_is_the_orders(thread: str, trace_id: str) -> None:
    assert trace_id_of(thread) == trace_id


def test_derived_ids_have_the_form_of_w3c_and_differ() -> None:
    spans = [span_of(thread, cause) for thread in ("corr-1", "corr-2") for cause in ("ORDER#1#1", "ORDER#1#2")]
    assert all(trace_id_in(span.traceparent) == span.trace_id for span in spans)
    assert len({span.traceparent for span in spans}) == 4
    assert len({span.trace_id for span in spans}) == 2


def test_one_trace_in_twenty_is_sampled_and_always_whole() -> None:
    sampled = [span_of(f"corr-{number}", "e").is_sampled for number in range(10_000)]
    assert sum(sampled) / 10_000 == pytest.approx(SAMPLED_OF_256 / 256, abs=0.01)
    assert Span("0" * 30 + "0c", "1" * 16).traceparent.endswith("-01")
    assert Span("0" * 30 + "0d", "1" * 16).traceparent.endswith("-00")


def test_xray_header_has_the_same_ids() -> None:
    header = Span(TRACE, "00f067aa0ba902b7").xray_header
    assert header == f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent=00f067aa0ba902b7;Sampled=0"


def test_thread_comes_through_the_bus() -> None:
    event = replace(authorized(), correlation_id=f"corr-1~{TRACE}")
    metadata = event.detail()["metadata"]
    assert metadata["correlation_id"] == "corr-1"
    assert trace_id_in(metadata["traceparent"]) == TRACE
    assert DomainEvent.from_parts(event.source, event.detail_type, event.detail()).correlation_id == event.correlation_id
    [pending] = events_in([event.to_outbox()])
    assert published(pending["detail"]) == event.detail()
    assert "traceparent" not in json.dumps(pending)


def test_each_entry_of_a_call_has_the_trace_of_its_own_order() -> None:
    events = [replace(authorized(), correlation_id=text) for text in ("corr-1", "corr-2")]
    entries: list[dict[str, str]] = []

    class Bus:
        def put_events(self, Entries: list[dict[str, str]]) -> dict[str, object]:  # noqa: N803 - boto3's name
            entries.extend(Entries)
            return {"Entries": [{"EventId": "e"} for _ in Entries]}

    publish(Outbox(None, Bus(), "orders", "bus"), [event.to_outbox() for event in events])
    assert [entry["TraceHeader"].split(";")[0][7:].replace("-", "") for entry in entries] == [
        trace_id_of(event.correlation_id) for event in events
    ]
