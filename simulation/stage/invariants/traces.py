"""The traces of one world: all events and log lines of an order have one trace id, the caller's if the caller has one."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from simulation.stage.forger import FORGER
from simulation.stage.invariants.record import Record

TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
OTHERS: Final = frozenset({FORGER, "operator"})
"""The correlation ids of commands that are no step of an order's own."""
LOGGED: Final = frozenset({"events published", "event handled", "request answered"})
"""The lines that must name the trace of their order."""


class Traces:
    """The trace ids of one world's orders."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.of_order: dict[str, str] = {}
        self.sends = True
        """Whether customers send a trace or a correlation id. Only a count of units is without: a long id makes rows longer."""
        self.compared = 0
        """The number of events and lines that name a trace."""

    def headers(self, order_id: str) -> dict[str, str]:
        """Return the headers of the request that places the order: in turn with a trace, with a correlation id too, or none."""
        digits = sha256(order_id.encode()).hexdigest()
        turn = int(digits[-1], 16) % 3
        if turn == 0 or not self.sends:
            return {}
        self.of_order.setdefault(order_id, digits[:32])
        header = {"traceparent": f"00-{digits[:32]}-{digits[32:48]}-01"}
        return header if turn == 1 else {**header, "x_correlation_id": f"corr-{order_id}"}

    def published(self, detail: Mapping[str, Any]) -> None:
        """Check an event of a service that the bus accepted."""
        metadata = detail["metadata"]
        found = TRACEPARENT.fullmatch(metadata.get("traceparent", ""))
        if found is None:
            self.record.fail("one_trace_per_order", f"the event {metadata['event_id']} has no traceparent")
        if "order_id" in metadata:
            self._compare("the event " + metadata["event_id"], metadata["order_id"], found[1])

    def logged(self, text: str) -> None:
        """Check the lines of a log."""
        for line in text.splitlines():
            content = json.loads(line) if line.startswith("{") else {}
            if "order_id" not in content or "message" not in content or _is_of_another_request(content):
                continue
            if "trace_id" in content:
                self._compare(f"the line {content['message']!r}", content["order_id"], content["trace_id"])
            elif content["message"] in LOGGED:
                self.record.fail("one_trace_per_order", f"a line has no trace: {line[:300]}")

    def _compare(self, where: str, order_id: str, trace_id: str) -> None:
        self.compared += 1
        known = self.of_order.setdefault(order_id, trace_id)
        if known != trace_id:
            self.record.fail("one_trace_per_order", f"{where} of {order_id} has the trace {trace_id}, not {known}")


def _is_of_another_request(line: Mapping[str, Any]) -> bool:
    """Return whether the line is of a command from outside, or of a request that found or made no order."""
    is_refused = line["message"] in ("request answered", "invocation failed") and "order_status" not in line
    return is_refused or line.get("correlation_id") in OTHERS
