"""The whole story of an order, rebuilt from the log lines of the functions alone."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kernel.traces import span_of

REPOSITORY = Path(__file__).parents[2]
PLACED_TO_CONFIRMED = [
    "authorize AUTHORIZED",
    "reserve HELD",
    "decide CONFIRMING",
    "capture CAPTURED",
    "commit COMMITTED",
    "confirm CONFIRMED",
]
CANCELLED = "cancelled after the confirmation"
KEYS = {"order_id", "correlation_id", "causation_id", "event_id", "attempt", "function_version", "trace_id"}
LEFT_OUT = {
    "command answered": {"event_id"},  # its cause is the event
    "request answered": {"event_id", "attempt"},  # HTTP has neither
    "events published": {"event_id", "attempt"},  # `events` has the ids; a stream does not count its deliveries
}
"""The keys that a line cannot have, by its message. Those of the lines about faults are in test_log_keys.py."""


@cache
def lines_of(path: str) -> list[dict[str, Any]]:
    """Return the log lines of the one order on a path, and of its replay."""
    command = [sys.executable, "-m", "simulation", "story", path]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def said(path: str, message: str, *keys: str, replayed: bool = False) -> list[str]:
    """Return the values of these keys in the lines of one message."""
    found = [line for line in lines_of(path) if line["message"] == message and ("replay_name" in line) is replayed]
    return [" ".join(str(line[key]) for key in keys) for line in found]


def published_on(path: str) -> list[str]:
    """Return the types of the published events."""
    return [event for line in lines_of(path) for event in line.get("events", {}).values()]


@pytest.mark.parametrize("path", ["delivered", CANCELLED])
def test_lines_tell_how_the_order_was_paid_reserved_and_confirmed(path: str) -> None:
    assert sorted(said(path, "command answered", "command", "outcome")) == sorted(PLACED_TO_CONFIRMED)
    assert said(path, "request answered", "status", "order_status")[0] == "201 CONFIRMED"


def test_lines_tell_how_the_order_was_shipped_and_mailed() -> None:
    published = published_on("delivered")
    steps = ["OrderPlaced", "ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered", "OrderFulfilled"]
    assert [event for event in published if event in steps] == steps
    assert published.count("NotificationSent") == 2


def test_lines_tell_how_the_order_was_cancelled_and_refunded() -> None:
    assert said(CANCELLED, "request answered", "status", "order_status")[1] == "202 CANCEL_REQUESTED"
    published = published_on(CANCELLED)
    steps = ["OrderCancelRequested", "ShipmentCancelled", "OrderCancelled", "PaymentRefunded"]
    assert [event for event in published if event in steps] == steps
    assert {"PaymentRefunded", "StockReleased"} <= set(said(CANCELLED, "event handled", "event"))


def test_replay_is_marked_and_linked_to_the_spans_of_its_events() -> None:
    again = [line for line in lines_of(CANCELLED) if "replay_name" in line]
    assert sorted(said(CANCELLED, "event handled", "event", replayed=True)) == sorted(said(CANCELLED, "event handled", "event"))
    first = [span_of("", line["event_id"]).span_id for line in again]
    assert [line["linked_span_id"] for line in again] == first
    assert not {line["span_id"] for line in again} & set(first)


@pytest.mark.parametrize("path", ["delivered", CANCELLED])
def test_each_line_names_its_trace_cause_and_attempt(path: str) -> None:
    lines = lines_of(path)
    assert len({line["trace_id"] for line in lines}) == 1
    assert [line for line in lines if not KEYS - LEFT_OUT.get(line["message"], set()) <= line.keys()] == []
    assert [line for line in lines if line.get("attempt", 1) != 1] == []
