"""The trace of an order in the forms of W3C Trace Context and of X-Ray, derived from the ids that events and rows have anyway.

A trace id follows from the correlation id, and a span id from the id of the event or request that the span stands for. So no
row stores them. If a caller sends both a correlation id and a trace, the trace id does not follow. Then it stands behind the
correlation id, after a `~`, wherever the order's correlation id is stored or passed on. This text is a thread.
https://www.w3.org/TR/trace-context/
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

TRACEPARENT: Final = re.compile(
    r"(?:(?P<first>00)|(?!00|ff)[0-9a-f]{2})-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?(first)|(?:-.*)?)"
)
"""A `traceparent`. One of a higher version than 00 may go on behind its flags, with a hyphen (section 3.2.4)."""
TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
THREAD: Final = re.compile(r"(.+)~((?!0{32})[0-9a-f]{32})")
"""A thread with a trace id of its own; its groups are the correlation id and the trace id."""
SAMPLED_OF_256: Final = 13
"""How many of 256 traces are sampled: 5 %, as by X-Ray's default rule. All spans of a trace are sampled, or none."""


@dataclass(frozen=True)
class Span:
    """A span: a step of an order, of the trace of the order."""

    trace_id: str
    span_id: str

    @property
    def is_sampled(self) -> bool:
        """Whether the spans of the trace are to be recorded, which its id decides."""
        return int(self.trace_id[-2:], 16) < SAMPLED_OF_256

    @property
    def traceparent(self) -> str:
        """The span as the header `traceparent` of W3C Trace Context has it."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.is_sampled else '00'}"

    @property
    def xray_header(self) -> str:
        """The span as X-Ray's header has it (https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html)."""
        root = f"1-{self.trace_id[:8]}-{self.trace_id[8:]}"
        return f"Root={root};Parent={self.span_id};Sampled={int(self.is_sampled)}"


def thread_of(correlation_id: str, traceparent: str | None) -> str:
    """Return the thread of a correlation id and a caller's traceparent. A traceparent that is malformed counts as missing."""
    given = TRACEPARENT.fullmatch(traceparent or "")
    if given is None or given["trace_id"] == trace_id_of(correlation_id):
        return correlation_id
    return f"{correlation_id}~{given['trace_id']}"


def trace_id_in(traceparent: str | None) -> str | None:
    """Return the trace id of a traceparent, or None if it is malformed or missing."""
    given = TRACEPARENT.fullmatch(traceparent or "")
    return given["trace_id"] if given else None


def correlation_id_of(thread: str) -> str:
    """Return the correlation id of a thread."""
    found = THREAD.fullmatch(thread)
    return found[1] if found else thread


def trace_id_of(thread: str) -> str:
    """Return the trace id of a thread: its own, else its correlation id if that is one, else 32 hex digits of its hash."""
    found = THREAD.fullmatch(thread)
    if found:
        return found[2]
    return thread if TRACE_ID.fullmatch(thread) else sha256(thread.encode()).hexdigest()[:32]


def span_of(thread: str, cause: str) -> Span:
    """Return the span of the event or request with the id `cause`, in the trace of the thread."""
    return Span(trace_id_of(thread), sha256(cause.encode()).hexdigest()[:16])
