"""The form of each row: its key, its attributes and their types, the statuses that have them, and what its version tells."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from audit.finding import Finding
from kernel import clock, outside_json
from kernel.aggregate_store import Row, shard_of
from kernel.transitions import ABSENT, TransitionTable
from services.inventory.domain import states as inventory
from services.notification.domain import states as notification
from services.order.domain import states as order
from services.payment.domain import states as payment
from services.shipping.domain import states as shipping

Check = Callable[[Any], bool]
MOST_VERSIONS: Final = 1000
"""A row of so many transitions is taken for garbage."""


def matches(pattern: str) -> Check:
    """Text that is all of this pattern."""
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def whole(least: int) -> Check:
    """An integer, at least so much."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_true(value: Any) -> bool:
    """The mark of what is so, and is not there where it is not."""
    return value is True


def is_integer(value: Any) -> bool:
    """Any integer: that a counter is not negative is an invariant of its own."""
    return isinstance(value, int) and not isinstance(value, bool)


def one_of(*values: str) -> Check:
    """One of these words."""
    return lambda value: isinstance(value, str) and value in values


def lines_of(*names: str, minimum: Mapping[str, int] | None = None) -> Check:
    """A list of at least one line, each of a SKU of its own and of these integers and nothing else."""
    least = minimum or {}

    def check(value: Any) -> bool:
        if not isinstance(value, list) or not value:
            return False
        for line in value:
            if not isinstance(line, dict) or set(line) != {"sku", *names} or not sku(line["sku"]):
                return False
            if not all(whole(least.get(name, 1))(line[name]) for name in names):
                return False
        return len({line["sku"] for line in value}) == len(value)

    return check


def is_money(value: Any) -> bool:
    """`{"amount", "currency"}`, not negative."""
    return isinstance(value, dict) and set(value) == {"amount", "currency"} and _is_price(value)


def _is_price(value: Mapping[str, Any]) -> bool:
    return whole(0)(value.get("amount")) and currency(value.get("currency"))


def is_moment(value: Any) -> bool:
    """A time as the kernel's clock writes it."""
    if not _written_as_a_moment(value):
        return False
    try:
        clock.from_rfc3339(value)
    except ValueError:
        return False
    return True


def is_timeline(value: Any) -> bool:
    """Which events a row heard and told: each by its type, its id and its moment, and none twice."""
    if not isinstance(value, list) or not value:
        return False
    for entry in value:
        if not isinstance(entry, dict) or set(entry) != {"event", "event_id", "at"} or not all(map(text, entry.values())):
            return False
    return len({entry["event_id"] for entry in value}) == len(value)


name = matches(r"[A-Za-z0-9._-]{1,64}")
sku = name
currency = matches(r"[A-Z]{3}")
text = matches(r"(?s).+")
order_id = matches(r"ord-[a-z2-7]{26}")
lines = lines_of("quantity")
priced_lines = lines_of("quantity", "unit_price", minimum={"unit_price": 0})


def is_ordered(value: Any) -> bool:
    """What was ordered, where the order is confirmed for less."""
    if not isinstance(value, dict) or set(value) != {"lines", "total"}:
        return False
    return priced_lines(value["lines"]) and is_money(value["total"])


def is_settlement(value: Any) -> bool:
    """How a refund was paid outside: its reference, and why, if that was said."""
    return isinstance(value, dict) and {"reference"} <= set(value) <= {"reference", "reason"} and all(map(text, value.values()))


def is_queue(value: Any) -> bool:
    """Who waits for a SKU, each order once."""
    if not isinstance(value, list):
        return False
    for waiting in value:
        if not isinstance(waiting, dict) or set(waiting) != {"order_id", "quantity"}:
            return False
        if not order_id(waiting["order_id"]) or not whole(1)(waiting["quantity"]):
            return False
    return len({waiting["order_id"] for waiting in value}) == len(value)


_written_as_a_moment = matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CANCELLED_FOR: Final = (
    "PAYMENT_DECLINED",
    "PAYMENT_UNAVAILABLE",
    "PAYMENT_VOIDED",
    "OUT_OF_STOCK",
    "INVENTORY_UNAVAILABLE",
    "STOCK_RELEASED",
    "CAPTURE_REFUSED",
    "CUSTOMER",
    "EXPIRED",
    "OPERATOR",
    "NO_ADDRESS",
    "CARRIER_REFUSED",
)
COUNTERS: Final = ("available", "held", "sold", "replenished")
KINDS: Final = ("backordered", "confirmed", "cancelled", "dispatched")


@dataclass(frozen=True)
class Form:
    """`key` is the key's template. `only_in`: the attributes that a row has in these statuses, and in no other."""

    key: str
    required: Mapping[str, Check]
    optional: Mapping[str, Check] = field(default_factory=dict)
    only_in: Mapping[str, frozenset[str]] = field(default_factory=dict)
    moves_by: TransitionTable | None = None
    due_by: str = "{pk}"
    """What the shard of the index `due` is made of."""
    twice: str = "W1"
    """The invariant that a second row of the same identity breaks."""

    either_in: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of these attributes, the statuses in which a row may have them or not."""

    def identity(self, row: Row) -> str | None:
        """The key that the row's attributes give it, or None if they give none."""
        try:
            return self.key.format_map(row)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            return None


MOVES: Final = {"version": whole(1), "created_at": is_moment, "updated_at": is_moment}
OUTBOX: Final = {
    "pending": lambda value: isinstance(value, list) and value != [] and all(isinstance(part, str) for part in value),
    "pending_since": is_moment,
    "pending_shard": text,
}
SAID: Final = {"said": text}
"""The event that a row keeps for whoever lost it."""
UNSETTLED: Final = "unsettled-"
"""The due shards of rows that hold money or goods, until they are settled, begin so."""
DUE: Final = {"due_shard": text, "next_due": is_moment}
OF_AN_ORDER: Final = {"order_id": order_id, "correlation_id": text, **MOVES}


REFUNDS: Final = frozenset({payment.REFUNDING, payment.REFUNDED, payment.REFUND_REFUSED})


def _open(table: TransitionTable) -> frozenset[str]:
    return table.statuses - table.terminal


FORMS: Final[Mapping[str, Mapping[str, Form]]] = {
    "order": {
        "ORDER": Form(
            "ORDER#{order_id}",
            {
                **OF_AN_ORDER,
                "fulfilment": one_of(*order.FULFILMENT),
                "customer_id": name,
                "channel": text,
                "request_hash": matches("[0-9a-f]{64}"),
                "lines": priced_lines,
                "total": is_money,
                "payment_token": matches("pm_[A-Za-z0-9_]{1,120}"),
                "respond": one_of("sync", "async"),
                "placed_by": text,
                "attempts": whole(0),
            },
            {
                "key_hash": matches("[0-9a-f]{64}"),
                "scope_hash": matches("[0-9a-f]{64}"),
                "idempotency_key": text,  # of orders that were placed before keys were hashed
                "if_short": one_of("ALLOW_PARTIAL", "BACK_ORDER"),
                "ordered": is_ordered,
                "backordered_at": is_moment,
                "held_until": is_moment,
                "resumed_at": is_moment,
                "reason": one_of(*CANCELLED_FOR),
                "refunded": is_true,
                "restocked": is_true,
                "timeline": is_timeline,
                "lease_owner": text,
                "lease_until": is_moment,
                "tried_at": is_moment,
                "unavailable": one_of("PAYMENT_UNAVAILABLE", "INVENTORY_UNAVAILABLE"),
                **OUTBOX,
                **SAID,
                **DUE,
            },
            {
                "due_shard": _open(order.TRANSITIONS),
                "next_due": _open(order.TRANSITIONS),
                "reason": frozenset({order.CANCELLING, order.CANCELLED, *order.AWAITING_OTHER_SERVICES}),
            },
            order.TRANSITIONS,
            due_by="{order_id}",
            twice="I1",
        ),
        "PRICE": Form("PRICE#{sku}", {"sku": sku, "amount": whole(0), "currency": currency}),
        "REACHABLE": Form("REACHABLE#{customer_id}", {"customer_id": name}),
        "CONTACT": Form("CONTACT#{customer_id}", {"customer_id": name, "name": text, "email": text}),
    },
    "payment": {
        "PAY": Form(
            "PAY#{order_id}",
            OF_AN_ORDER,
            {
                "total": is_money,
                "authorized": is_money,
                "at_least": whole(1),
                "capture_before": is_moment,
                "payment_token": text,
                "reason": text,
                "refund_attempt": whole(1),
                "refund_for": text,
                "settlement": is_settlement,
                **OUTBOX,
                **SAID,
                **DUE,
            },
            {
                "due_shard": frozenset({payment.REFUNDING}),
                "next_due": frozenset({payment.REFUNDING}),
                "refund_attempt": REFUNDS,
                "refund_for": REFUNDS,
            },
            moves_by=payment.TRANSITIONS,
            twice="M2",
        ),
        "DISPUTE": Form(
            "DISPUTE#{dispute_id}",
            {"order_id": order_id, "dispute_id": matches("[A-Za-z0-9_]{1,128}"), "amount": is_money, "reason": text, **MOVES},
            OUTBOX,
            moves_by=payment.DISPUTES,
        ),
        "REFUND": Form(
            "REFUND#{refund_id}",
            {"order_id": order_id, "refund_id": matches("[A-Za-z0-9_]{1,128}"), "amount": is_money, "left": is_money, **MOVES},
            OUTBOX,
            moves_by=payment.OUTSIDE_REFUNDS,
        ),
    },
    "inventory": {
        "RES": Form(
            "RES#{order_id}",
            OF_AN_ORDER,
            {
                "lines": lines,
                "asked": lines,
                "backordered": is_true,
                "rejected": is_true,
                "short": lines_of("requested", "available", minimum={"available": 0}),
                **OUTBOX,
                **SAID,
                **DUE,
            },
            moves_by=inventory.TRANSITIONS,
            twice="S3",
        ),
        "REPL": Form(
            "REPL#{replenishment_id}",
            {"replenishment_id": name, "items": lines, **MOVES},
            OUTBOX,
            moves_by=inventory.REPLENISHMENTS,
            twice="S2",
        ),
        "SKU": Form(
            "SKU#{sku}",
            {"sku": sku, **dict.fromkeys(COUNTERS, is_integer)},
            {"waiting": is_queue, "waited_for": whole(0), **DUE},
            twice="S2",
        ),
        "LEVEL": Form(
            "LEVEL#{sku}", {"sku": sku, "threshold": whole(0), **MOVES}, OUTBOX, moves_by=inventory.LEVELS, twice="W1"
        ),
    },
    "shipping": {
        "SHIP": Form(
            "SHIP#{order_id}",
            OF_AN_ORDER,
            {"lines": lines, "booking": text, "tracking": text, "reason": text, **OUTBOX, **SAID, **DUE},
            {
                "due_shard": _open(shipping.TRANSITIONS),
                "next_due": _open(shipping.TRANSITIONS),
                "tracking": frozenset({shipping.DISPATCHED, shipping.DELIVERED}),
                "reason": frozenset({shipping.FAILED}),
            },
            shipping.TRANSITIONS,
            either_in=dict.fromkeys(DUE, frozenset({shipping.FAILED})),  # while the carrier has not let go
            twice="E1",
        ),
    },
    "notification": {
        "NOTE": Form(
            "NOTE#{order_id}#{kind}",
            {**OF_AN_ORDER, "kind": one_of(*KINDS), "causation_id": text},
            {"message_id": text, "claim": text, "reason": text, **OUTBOX, **DUE},
            {
                "claim": frozenset({notification.CLAIMED}),
                "due_shard": frozenset({notification.CLAIMED}),
                "next_due": frozenset({notification.CLAIMED}),
                "message_id": frozenset({notification.SENT}),
                "reason": frozenset({notification.FAILED}),
            },
            notification.TRANSITIONS,
            twice="E4",
        ),
        "SUPP": Form(
            "SUPP#{digest}",
            {"digest": matches("[0-9a-f]{64}"), "reason": one_of("BOUNCED", "COMPLAINED", "OPERATOR"), "since": is_moment},
        ),
    },
}
"""By table and key prefix, every form of row that the services write."""

OPERATIONS: Final = {
    "intent": ("PREPARED",),
    "authorize": ("AUTHORIZED", "DECLINED"),
    "capture": ("CAPTURED", "CAPTURE_REFUSED"),
    "refund": ("REFUNDED", "REFUND_REFUSED", "OUTSIDE"),
    "void": ("VOIDED",),
    "keys": ("SPENT",),
}
"""What the ledger records, and the outcomes of each. A refund's further attempts are `refund-2` ...

`capture-keys` and its like count the idempotency keys of an operation that are spent.
"""
_attempted = matches("refund-([2-9]|[1-9][0-9]+)")
_keys = matches("(intent|authorize|capture|void|refund(-([2-9]|[1-9][0-9]+))?)-keys")


def operation_of(name: Any) -> str | None:
    """The operation that a ledger's record is of, by its `sk`, if it is of any."""
    if _attempted(name):
        return "refund"
    if _keys(name):
        return "keys"
    return str(name) if name != "keys" and one_of(*OPERATIONS)(name) else None


def faults_of(table: str, row: Any) -> Iterator[Finding]:
    """What is wrong with a row by itself, whatever the other rows say. Takes anything for a row."""
    subject = subject_of(row)
    if not isinstance(row, dict) or not isinstance(row.get("pk"), str):
        yield Finding("W1", subject, "has no key")
        return
    form = form_of(table, row)
    if form is None:
        yield Finding("W1", subject, f"is no row that belongs in the {table} table")
        return
    malformed = list(_malformed(form, row))
    if form.identity(row) != row["pk"]:
        malformed.append(f"is not the key that its attributes give, {form.identity(row)}")
    yield from (Finding("W1", subject, what) for what in malformed)
    if form.moves_by is not None and not malformed:
        yield from _moved(form, form.moves_by, row)


def faults_of_record(row: Any) -> Iterator[Finding]:
    """What is wrong with a ledger's record by itself."""
    subject = subject_of(row)
    operation = operation_of(row.get("sk")) if isinstance(row, dict) else None
    if operation is None or not order_id(row.get("pk")):
        yield Finding("W1", subject, "is no record of an order's intent, authorize, capture, refund or void")
        return
    if not one_of(*OPERATIONS[operation])(row.get("outcome")):
        yield Finding("W1", subject, f"its outcome {row.get('outcome')!r} is none of {row['sk']}'s")
    if not is_moment(row.get("recorded_at")):
        yield Finding("W1", subject, "recorded_at is missing or malformed")
    if (row.get("outcome") == "OUTSIDE") != ("reference" in row and operation == "refund"):
        yield Finding("W1", subject, "a refund paid outside has a reference, and nothing else has")
    if operation == "keys" and not whole(1)(row.get("spent")):
        yield Finding("W1", subject, "counts no spent keys")
    if operation not in ("void", "keys") and not _is_price(row):
        yield Finding("W1", subject, "has no amount and currency")
    refused = row.get("outcome") in ("DECLINED", "CAPTURE_REFUSED", "REFUND_REFUSED")
    if refused != ("reason" in row) or not text(row.get("reason", "-")):
        yield Finding("W1", subject, "a refusal has a reason, and nothing else has")


def form_of(table: str, row: Row) -> Form | None:
    """The form that the row's key promises."""
    return FORMS[table].get(str(row.get("pk")).partition("#")[0])


def subject_of(row: Any) -> str:
    """What to call a row in a finding. A contact's key names a customer by the id that orders have too."""
    if not isinstance(row, dict):
        return "?"
    return f"{row.get('pk')}/{row['sk']}" if "sk" in row else str(row.get("pk"))


def _malformed(form: Form, row: Row) -> Iterator[str]:
    for attribute, check in form.required.items():
        if attribute not in row:
            yield f"{attribute} is missing"
        elif not check(row[attribute]):
            yield f"{attribute} is malformed"
    for attribute, check in form.optional.items():
        if attribute in row and not check(row[attribute]):
            yield f"{attribute} is malformed"
    if form.moves_by is not None and not one_of(*form.moves_by.statuses)(row.get("status")):
        yield f"its status {row.get('status')!r} is not in the transition table"


def _moved(form: Form, table: TransitionTable, row: Row) -> Iterator[Finding]:
    """What the status, the version and the outbox of a well-formed row say of one another."""
    pk, status, version = row["pk"], row["status"], row["version"]
    unsettled = str(row.get("due_shard", "")).startswith(UNSETTLED)
    for attribute, statuses in form.only_in.items():
        if unsettled and attribute in DUE and status not in statuses:
            continue  # it is due for a look by another sweep, in whatever status it is
        if (attribute in row) != (status in statuses) and status not in form.either_in.get(attribute, ()):
            name = "D1" if (table.aggregate, attribute) == ("ORDER", "reason") else "W1"
            yield Finding(name, pk, f"is {status} {'with' if attribute in row else 'without'} {attribute}")
    if row["created_at"] > row["updated_at"] or (version == 1 and row["created_at"] != row["updated_at"]):
        yield Finding("W1", pk, f"was updated {row['updated_at']}, created {row['created_at']}, at version {version}")
    if not is_plausible(table, row):
        yield Finding("D2", pk, f"is {status} at version {version}, where no path leads")
    if "due_shard" in row and row["due_shard"].removeprefix(UNSETTLED) != shard_of(form.due_by.format_map(row)):
        yield Finding("W1", pk, "due_shard is not the shard of its key: no sweeper finds it")
    if len({part in row for part in OUTBOX}) > 1:
        yield Finding("E5", pk, "its outbox is half there: no sweeper finds it")
    elif "pending" in row:
        if row["pending_shard"] != shard_of(pk):
            yield Finding("E5", pk, "pending_shard is not the shard of its key: no sweeper finds it")
        yield from _outbox(table, row)


def _outbox(table: TransitionTable, row: Row) -> Iterator[Finding]:
    """D2: each event is its version's own, of a step that leads there, about this order."""
    pk, seen = row["pk"], set()
    for event in row["pending"]:
        try:
            envelope = outside_json.read(event)
            metadata = envelope["detail"]["metadata"]
            event_id, about, detail_type = metadata["event_id"], metadata.get("order_id"), envelope["detail-type"]
            of, _, number = event_id.rpartition("#")
            version = int(number)
            source = envelope["source"]
        except (ValueError, KeyError, TypeError, AttributeError):
            yield Finding("W1", pk, "an event in its outbox cannot be read")
            continue
        targets = {step.target for step in table.transitions if step.publishes == detail_type}
        possible = {row["status"]} if version == row["version"] else statuses_after(table, version)
        if of != pk or not 1 <= version <= row["version"] or source != table.source or about != row.get("order_id"):
            yield Finding("D2", pk, f"has the event {event_id} in its outbox at version {row['version']}")
        elif version in seen or not targets & possible:
            yield Finding("D2", pk, f"{detail_type} is not the one event of its version {version}")
        seen.add(version)


def is_plausible(table: TransitionTable, row: Row) -> bool:
    """D2: whether a path of exactly `version` steps leads to the row's status, as far as its attributes tell its path."""
    status: str = row["status"]
    version: int = row["version"]
    match table.aggregate:
        case "ORDER":
            marks: int = order.FULFILMENT.index(row["fulfilment"])
            detour = ("backordered_at" in row) + ("resumed_at" in row)
            if "resumed_at" in row and "backordered_at" not in row:
                return False
            if status == order.BACKORDERED:
                return marks == 0 and version == 2 and detour == 1
            if status == order.PENDING:
                return marks == 0 and version == 1 + detour and detour in (0, 2)
            version -= detour
            if status == order.CONFIRMED:  # a delivery may be told before its dispatch, and then there is one mark only
                requested = {0, min(marks, 1)}  # a request to cancel that came too late
                return version in {3 + told + more for told in {min(marks, 1), marks} for more in requested}
            back = ("refunded" in row) + ("restocked" in row)
            if status in order.AWAITING_OTHER_SERVICES or back:
                asked = row.get("reason") in ("CUSTOMER", "OPERATOR")
                revoked = status != order.CANCEL_REQUESTED
                expected = back == 2 if status == order.CANCELLED else back < 2 if revoked else back == 0
                return marks == 0 and expected and version in {3 + revoked + back + more for more in ({1} if asked else {0, 1})}
            turned_back = row.get("reason") == "CAPTURE_REFUSED"
            return marks == 0 and version == _shortest(table, status) + turned_back
        case "PAY":
            asked, told = "total" in row and "payment_token" in row, "reason" in row
            if status in (payment.VOIDING, payment.VOIDED):  # from ∅, AUTHORIZING, AUTHORIZED or CAPTURE_REFUSED
                steps = version - (status == payment.VOIDED)
                return steps in ({2, 3, 5} if asked else {1}) and told == (steps == 5) and asked == ("total" in row)
            refused = status in (payment.DECLINED, payment.CAPTURE_REFUSED, payment.REFUND_REFUSED)
            retries = 2 * (row.get("refund_attempt", 1) - 1)
            settled = {0, 1} if "settlement" in row else {0}  # one step more where the gateway had not refused the attempt
            return asked and told == refused and version - _shortest(table, status) - retries in settled
        case "RES":
            asked, rejected = "lines" in row, "rejected" in row
            waited = "backordered" in row
            if rejected != ("short" in row) or (rejected and not asked) or (waited and (rejected or not asked)):
                return False
            if status == inventory.RELEASED:  # a rejection or a tombstone is there from the first; who waits need never hold
                return version in ((2, 3) if waited else (2,) if asked and not rejected else (1,))
            if status == inventory.WAITING:
                return waited and version == 1
            return asked and not rejected and version == {inventory.HELD: 1, inventory.COMMITTED: 2}.get(status, 3) + waited
        case "SHIP":
            tombstone = status == shipping.CANCELLED and version == 1
            booked = version >= 2 and status != shipping.CANCELLED and (status, version) != (shipping.FAILED, 2)
            right = ("lines" in row) != tombstone and ("booking" in row) == booked
            return right and status in statuses_after(table, version)
    return status in statuses_after(table, version)


@cache
def _shortest(table: TransitionTable, status: str) -> int:
    return next(steps for steps in range(1, len(table.statuses) + 1) if status in statuses_after(table, steps))


@cache
def statuses_after(table: TransitionTable, steps: int) -> frozenset[str]:
    """The statuses that a row of this transition table can have after exactly so many steps from not being there."""
    if not 0 <= steps <= MOST_VERSIONS:
        return frozenset()
    reached: frozenset[str] = frozenset({ABSENT})
    for _ in range(steps):
        reached = _next(table, reached)
    return reached


def _next(table: TransitionTable, reached: Iterable[str]) -> frozenset[str]:
    return frozenset(step.target for step in table.transitions if step.sources & frozenset(reached))
