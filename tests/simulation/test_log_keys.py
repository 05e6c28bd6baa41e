"""The keys of the log lines of two worlds with faults: each key that a line lacks has its reason here."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[2]
REQUEST: Final = "HTTP has neither: a repeated request is known by its idempotency key, or by the state of its row"
COMMAND: Final = "a command is no event: its `causation_id` names the event or request that led to it"
NOT_COUNTED: Final = "only the saga counts how often it sends a command: an operator or another function calls once"
NO_ORDER: Final = "the request or command is about stock, a contact, a list of orders or an address, and not about one order"
PUBLISHED: Final = "`events` has the ids of all events of the line; a stream does not say how often it delivered a record"
SWEEP: Final = "a sweep handles no event and no message: the time has come for a row, which comes up until it is done"
SWEEP_AS_WHOLE: Final = "the line is about all rows of a sweep"
NOT_READ: Final = "the row, message or event could not be read, so its ids are unknown"
OF_A_ROW: Final = "the line is about a row and its outbox, whose events each have a line of their own"
THREAD: Final = frozenset({"correlation_id", "trace_id", "causation_id"})
DELIVERED: Final = frozenset({"event_id", "attempt"})
ALL: Final = THREAD | DELIVERED | {"order_id"}
Reasons = tuple[tuple[frozenset[str], str], ...]
LEFT_OUT: Final[dict[str, Reasons]] = {
    "Stripe event needs review": ((DELIVERED | {"causation_id"}, REQUEST),),
    "back-off of a message not set": ((frozenset({"order_id"}), "a few events are about the stock of a SKU"),),
    "back-order not served": ((THREAD | DELIVERED, SWEEP),),
    "calls to the carrier paused": ((DELIVERED | {"causation_id"}, SWEEP),),
    "calls to the carrier resumed": ((DELIVERED | {"causation_id"}, SWEEP),),
    "cancellation stuck": ((DELIVERED | {"causation_id"}, SWEEP),),
    "carrier's breaker not written": ((DELIVERED | {"causation_id"}, SWEEP),),
    "command answered": (
        (frozenset({"event_id"}), COMMAND),
        (frozenset({"attempt"}), NOT_COUNTED),
        (THREAD | {"order_id"}, NO_ORDER),
    ),
    "event handled": ((frozenset({"order_id"}), "a few events are about the stock of a SKU"),),
    "event not built": ((ALL, NOT_READ),),
    "event refused by the bus": ((frozenset({"attempt"}), PUBLISHED),),
    "events published": ((DELIVERED, PUBLISHED), (frozenset({"order_id"}), "a few events are about the stock of a SKU")),
    "events republished": ((ALL, SWEEP_AS_WHOLE),),
    "feedback recorded": ((ALL, NO_ORDER),),
    "invocation failed": ((ALL, "the line is about any invocation, and has the keys that were known by then"),),
    "message failed": ((frozenset({"order_id"}), "a few events are about the stock of a SKU"),),
    "message quarantined": ((ALL - {"attempt"}, NOT_READ),),
    "no response of Stripe to a query": ((ALL, REQUEST),),
    "no response of the carrier to a query": ((ALL, REQUEST),),
    "no response of the saga": ((DELIVERED, REQUEST),),
    "open row not made due": ((ALL, NOT_READ),),
    "order still not recovered": ((DELIVERED | {"causation_id"}, SWEEP),),
    "orders recovered": ((ALL, SWEEP_AS_WHOLE),),
    "outbox not cleared": ((THREAD | DELIVERED, OF_A_ROW), (frozenset({"order_id"}), "a few rows are about a SKU")),
    "part of a sweep failed": ((ALL, SWEEP_AS_WHOLE),),
    "receipt refused": ((frozenset({"event_id"}), COMMAND), (frozenset({"attempt"}), NOT_COUNTED)),
    "refund refused": ((DELIVERED | {"causation_id"}, SWEEP),),
    "refund unknown": ((DELIVERED | {"causation_id"}, SWEEP),),
    "replayed event refused": ((ALL - {"attempt"}, NOT_READ),),
    "request answered": ((DELIVERED, REQUEST), (THREAD | {"order_id"}, NO_ORDER)),
    "result of a mail stays unknown": ((DELIVERED | {"causation_id"}, SWEEP),),
    "row not moved": ((DELIVERED | {"causation_id"}, SWEEP), (THREAD | {"order_id"}, NOT_READ)),
    "row not parked": ((THREAD | DELIVERED, OF_A_ROW),),
    "row not postponed": ((DELIVERED | {"causation_id"}, SWEEP), (THREAD, NOT_READ)),
    "row not read": ((THREAD | DELIVERED, NOT_READ),),
    "row not republished": ((THREAD | DELIVERED, OF_A_ROW),),
    "saga not finished": ((DELIVERED, REQUEST),),
    "saga not started": ((DELIVERED | {"causation_id"}, SWEEP),),
    "webhook answered": ((DELIVERED | {"causation_id"}, REQUEST),),
}
"""The keys that lines lack, each with its reason, by their messages. All other lines have all keys."""


@cache
def lacking() -> dict[str, dict[str, int]]:
    """Return how many lines lack each key, by their message."""
    command = [sys.executable, "-m", "simulation", "log-keys", "--seed", "m1"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


def test_each_line_has_every_key_that_has_a_meaning_in_it() -> None:
    explained = {message: frozenset[str]().union(*(keys for keys, _ in of)) for message, of in LEFT_OUT.items()}
    unexplained = {message: keys.keys() - explained.get(message, frozenset()) for message, keys in lacking().items()}
    assert {message: keys for message, keys in unexplained.items() if keys} == {}
    assert {"event handled", "command answered", "events published", "request answered"} <= lacking().keys()


def test_each_message_with_a_reason_is_logged_by_a_function() -> None:
    """Which lines a world has depends on its faults, so a message may be missing in these two worlds."""
    rooms = (REPOSITORY / room for room in ("kernel", "services", "audit", "journal"))
    code = "".join(path.read_text() for room in rooms for path in room.rglob("*.py"))
    assert {message for message in LEFT_OUT if f'"{message}"' not in code} == set()
