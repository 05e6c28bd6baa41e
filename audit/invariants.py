"""The invariants, recomputed from the books by plain functions. The states' own modules are all they share with the services.

What hold at every moment are checked of every order whose rows were all read as they were at one moment. What hold at rest
(M5, E3, E5, V1) are checked of settled books; of a running stage, M5 over the orders at their end, and E3, E5 and V1 of
what has waited too long. A malformed row is a finding, and its order is not judged beyond that.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from audit import forms
from audit.finding import Finding
from audit.snapshot import Books
from audit.tables import TABLES
from kernel.aggregate_store import Row
from kernel.naming import SERVICES
from services.inventory.domain import states as stock
from services.notification.domain import states as notes
from services.order.domain import identity
from services.order.domain import states as order
from services.payment.domain import states as payment
from services.shipping.domain import states as shipping


class Awaited(StrEnum):
    """What an order, or the bus, may wait for while the stage runs."""

    END = "the order's end"
    STOCK = "a back-order's stock"
    PARCEL = "a confirmed order's parcel, with the carrier"
    NEWS = "a mail, or the order's own word of its parcel"
    BUS = "an event's publication"


Overdue = Mapping[Awaited, str]
"""Of each kind, a moment (RFC 3339, as rows have it): what has been waited for since before it is overdue."""
NOTHING_IS_OVERDUE: Overdue = {}


BACK = frozenset({"REFUNDED", "OUTSIDE"})
"""Outcomes of a refund after which the customer has the money: by the gateway, or paid in another way."""


@dataclass
class Dossier:
    """The rows of one order."""

    order: Row | None = None
    payment: Row | None = None
    reservation: Row | None = None
    shipment: Row | None = None
    notes: dict[str, Row] = field(default_factory=dict)
    ledger: dict[str, Row] = field(default_factory=dict)

    @property
    def captured(self) -> int:
        """What the gateway took, in minor units."""
        record = self.ledger.get("capture", {})
        return record["amount"] if record.get("outcome") == "CAPTURED" else 0

    @property
    def refunded(self) -> int:
        """What the gateway gave back, in minor units."""
        return sum(record["amount"] for record in self.refunds.values() if record["outcome"] in BACK)

    @property
    def refunds(self) -> dict[str, Row]:
        """The ledger's records of refunds, each an attempt."""
        return {name: record for name, record in self.ledger.items() if forms.operation_of(name) == "refund"}

    def outcome(self, operation: str) -> str | None:
        """What the ledger says of an operation."""
        return self.ledger[operation]["outcome"] if operation in self.ledger else None


@dataclass
class Sorted:
    """The well-formed rows, by what they are about; and what is not to be judged, since rows of it are malformed or moved."""

    dossiers: defaultdict[str, Dossier] = field(default_factory=lambda: defaultdict(Dossier))
    skus: dict[str, Row] = field(default_factory=dict)
    replenishments: list[Row] = field(default_factory=list)
    unjudged_orders: set[str] = field(default_factory=set)
    unjudged_skus: set[str] = field(default_factory=set)
    found: list[Finding] = field(default_factory=list)


def audit(books: Books, *, settled: bool, overdue: Overdue = NOTHING_IS_OVERDUE) -> list[Finding]:
    """Every finding, in order. `settled` says that nothing is left to run, so that what must hold at rest must hold.

    Of books that are not settled, what has been waited for since before its moment in `overdue` is a finding too.
    """
    by_subject = sort(books, settled=settled)
    found = list(by_subject.found)
    for order_id, dossier in by_subject.dossiers.items():
        if order_id not in by_subject.unjudged_orders:
            found += _judge(order_id, dossier)
            found += _judge_rest(order_id, dossier, settled=settled, overdue=overdue)
    found += _stock(by_subject)
    found += _unpublished(books, settled=settled, overdue=overdue)
    found += _net_money(by_subject, settled=settled)
    if settled:
        found += _dead_letters(books)
    return sorted(set(found))


def sort(books: Books, *, settled: bool) -> Sorted:
    """The rows by order and by SKU, with what is wrong with each by itself: W1, D1, D2, the outbox, and rows there twice.

    Unless settled, what moved since the reading began is marked as not to be judged.
    """
    result = Sorted()
    seen: Counter[str] = Counter()
    for table in SERVICES:
        for row in books.table(table):
            faults = list(forms.faults_of(table, row))
            result.found += faults
            if not faults:
                _file(result, row)
            elif isinstance(row, dict) and isinstance(row.get("order_id"), str):
                result.unjudged_orders.add(row["order_id"])
            form = forms.form_of(table, row) if isinstance(row, dict) else None
            subject = form.identity(row) if form else None
            if form is not None and subject is not None:
                seen[subject] += 1
                if seen[subject] == 2:
                    result.found.append(Finding(form.twice, subject, "is there twice"))
    for record in books.ledger:
        faults = list(forms.faults_of_record(record))
        result.found += faults
        subject = forms.subject_of(record)
        if not faults:
            if forms.operation_of(record["sk"]) != "keys":  # how often the gateway was asked moves no money
                result.dossiers[record["pk"]].ledger[record["sk"]] = record
            seen[subject] += 1
            if seen[subject] == 2:
                result.found.append(Finding("M2", subject, "is recorded twice"))
        elif isinstance(record, dict) and isinstance(record.get("pk"), str):
            result.unjudged_orders.add(record["pk"])
    if not settled:
        _leave_out_what_moved(books, result)
    return result


def _file(result: Sorted, row: Row) -> None:
    aggregate = row["pk"].partition("#")[0]
    match aggregate:
        case "ORDER":
            result.dossiers[row["order_id"]].order = row
        case "PAY":
            result.dossiers[row["order_id"]].payment = row
        case "RES":
            result.dossiers[row["order_id"]].reservation = row
        case "SHIP":
            result.dossiers[row["order_id"]].shipment = row
        case "NOTE":
            result.dossiers[row["order_id"]].notes[row["kind"]] = row
        case "SKU":
            result.skus[row["sku"]] = row
        case "REPL":
            result.replenishments.append(row)


def _leave_out_what_moved(books: Books, result: Sorted) -> None:
    """Rows unchanged since before the reading began were all true at that moment; with one that changed, none can be judged."""
    for row in [*(row for table in TABLES for row in books.table(table)), *books.moved_since]:
        if not isinstance(row, dict):
            continue
        changed = row.get("updated_at", row.get("recorded_at"))
        if isinstance(changed, str) and changed >= books.began:
            result.unjudged_orders.add(str(row.get("order_id", row.get("pk"))))
            touched = row.get("lines", row.get("items", ()))
            if isinstance(touched, list):
                result.unjudged_skus.update(str(line.get("sku")) for line in touched if isinstance(line, dict))


def _judge(order_id: str, dossier: Dossier) -> Iterator[Finding]:
    """One order, all its rows side by side."""
    if dossier.order is None:
        yield from _orphans(order_id, dossier)
        return
    for check in (_identity, _total, _money, _ledger, _stock_of, _way, _reason, _shipment, _notes, _correlation):
        yield from (Finding(name, order_id, what) for name, what in check(dossier.order, dossier))


def _judge_rest(order_id: str, dossier: Dossier, *, settled: bool, overdue: Overdue) -> Iterator[Finding]:
    """One order, of which everything that was to come has come; or, if the stage is not settled, should have by now."""
    if dossier.order is None:
        return
    for name, what, awaited, since in _awaited(dossier.order, dossier):
        at_rest = settled and awaited is not Awaited.STOCK
        if at_rest or (not settled and since < overdue.get(awaited, "")):
            yield Finding(name, order_id, what)


ALLOW_PARTIAL, BACK_ORDER = "ALLOW_PARTIAL", "BACK_ORDER"
Broken = Iterator[tuple[str, str]]
"""Invariants that are broken, and how."""


def _orphans(order_id: str, dossier: Dossier) -> Iterator[Finding]:
    if dossier.captured:
        yield Finding("M1", order_id, f"{dossier.captured} is captured for no order")
    rows = (dossier.payment, dossier.reservation, dossier.shipment, *dossier.notes.values(), *dossier.ledger.values())
    yield from (Finding("W2", forms.subject_of(row), "has no order") for row in rows if row is not None)


def _is_of_key(row: Row, scope: str) -> bool:
    """Return whether the order's id is made of its scope and key. Orders from before keys were hashed have the key itself."""
    if "idempotency_key" in row:
        return bool(identity.order_id(scope, row["idempotency_key"]) == row["order_id"])
    if not {"key_hash", "scope_hash"} <= row.keys():
        return False
    same_scope = identity.scope_hash(scope, row["key_hash"]) == row["scope_hash"]
    return bool(same_scope and identity.order_id_of(row["key_hash"]) == row["order_id"])


def _identity(row: Row, dossier: Dossier) -> Broken:
    """I1: the id is made of who asked and their key, the hash of what they asked for."""
    customer = row["channel"] == "api"
    scope = identity.customer_scope(row["customer_id"]) if customer else identity.channel_scope(row["channel"])
    if not _is_of_key(row, scope):
        yield "I1", f"its id is not that of {scope} and its idempotency key"
    asked = {
        "customer_id": row["customer_id"],
        "currency": row["total"]["currency"],
        "lines": _quantities(_ordered(row)["lines"]),
        "payment_token": row["payment_token"],
        **({"if_short": row["if_short"]} if "if_short" in row else {}),
    }
    if identity.request_hash(asked) != row["request_hash"]:
        yield "I1", "its request_hash is not that of what it is"
    if not customer and row["respond"] != "async":
        yield "W3", "a channel is answered to, which it cannot hear"


def _total(row: Row, dossier: Dossier) -> Broken:
    """W3: one total, from the lines to the ledger; where the order is for less than was ordered, one before and one after."""
    total, ordered = row["total"], _ordered(row)
    for of in (row, ordered):
        costs = sum(line["unit_price"] * line["quantity"] for line in of["lines"])
        if of["total"]["amount"] != costs:
            yield "W3", f"its total is {of['total']['amount']}, its lines cost {costs}"
    if "ordered" in row:
        before = {line["sku"]: (line["quantity"], line["unit_price"]) for line in ordered["lines"]}
        less = all(line["quantity"] <= before.get(line["sku"], (0,))[0] for line in row["lines"]) and ordered != row
        if not less or row.get("if_short") != ALLOW_PARTIAL or not 0 < total["amount"] < ordered["total"]["amount"]:
            yield "W3", f"it is for {_words(total)} of the {_words(ordered['total'])} that were ordered"
    paid = dossier.payment
    if paid is not None and "total" in paid:
        aside, taken = paid.get("authorized", paid["total"]), paid["total"] if "authorized" in paid else None
        if aside != ordered["total"] or (taken is not None and taken != total):
            yield "W3", f"its payment is of {_words(paid['total'])}, its total is {_words(total)}"
        if taken is None and "ordered" in row and paid["status"] != payment.AUTHORIZED:
            yield "W3", f"its payment is {paid['status']}, of all of the {_words(ordered['total'])} that were ordered"
        if paid["payment_token"] != row["payment_token"]:
            yield "W3", "its payment is by another payment_token"
    for operation, record in dossier.ledger.items():
        due = ordered["total"] if operation in ("intent", "authorize") else total
        if operation != "void" and (record["amount"], record["currency"]) != (due["amount"], due["currency"]):
            yield "W3", f"the ledger's {operation} is of {_words(record)}, its total is {_words(due)}"


def _money(row: Row, dossier: Dossier) -> Broken:
    """M1 to M4, and that money moved no sooner than the order's status allows."""
    status, captured, kept = row["status"], dossier.captured, dossier.captured - dossier.refunded
    paid, reserved = _status(dossier.payment), _status(dossier.reservation)
    if kept and status not in (order.CONFIRMING, *PAID_FOR, order.REFUNDING):
        yield "M1", f"{kept} is captured, and the order is {status}"
    if captured > row["total"]["amount"] or dossier.refunded > captured:
        yield "M2", f"{captured} is captured and {dossier.refunded} refunded of {row['total']['amount']}"
    if dossier.refunded and status not in (order.REFUNDING, order.CANCELLED):
        yield "M6", f"{dossier.refunded} is refunded, and the order is {status}"
    if sum(record["outcome"] in BACK for record in dossier.refunds.values()) > 1:
        yield "M6", f"{dossier.refunded} is refunded, by more than one refund"
    if status in PAID_FOR:
        taken: Row = dossier.ledger.get("capture") or row["total"]
        same = taken["currency"] == row["total"]["currency"]
        if captured != row["total"]["amount"] or not same or (paid, reserved) != (payment.CAPTURED, stock.COMMITTED):
            yield "M3", f"is {status} with {captured} captured, payment {paid}, stock {reserved}"
        if dossier.refunded:
            yield "M3", f"is {status} with {dossier.refunded} refunded"
    if status == order.CANCELLED:
        aside = dossier.outcome("authorize") == "AUTHORIZED" and "void" not in dossier.ledger and not captured
        if kept or aside or paid not in (payment.VOIDED, payment.DECLINED, payment.REFUNDED) or reserved == stock.HELD:
            money = f"{kept} captured, {'something' if aside else 'nothing'} set aside"
            yield "M4", f"is CANCELLED with {money}, payment {paid}, stock {reserved}"
        if reserved not in (stock.RELEASED, stock.RESTOCKED):
            yield "S1", f"is CANCELLED with stock {reserved}"


PAID_FOR = (order.CONFIRMED, order.CANCEL_REQUESTED)
"""Statuses of an order that is paid for and keeps its goods."""
RECORDS: Mapping[str, Mapping[str, tuple[str | None, ...]]] = {
    payment.AUTHORIZING: {"authorize": (None, "AUTHORIZED", "DECLINED"), "capture": (None,), "void": (None,)},
    payment.AUTHORIZED: {"authorize": ("AUTHORIZED",), "capture": (None,), "void": (None,)},
    payment.DECLINED: {"authorize": ("DECLINED",), "capture": (None,), "void": (None,)},
    payment.CAPTURING: {
        "authorize": ("AUTHORIZED",),
        "capture": (None, "CAPTURED", "CAPTURE_REFUSED"),
        "void": (None,),
    },
    **{
        status: {"authorize": ("AUTHORIZED",), "capture": ("CAPTURED",), "void": (None,)}
        for status in (payment.CAPTURED, *forms.REFUNDS)
    },
    payment.CAPTURE_REFUSED: {"authorize": ("AUTHORIZED",), "capture": ("CAPTURE_REFUSED",), "void": (None,)},
    payment.VOIDING: {
        "authorize": (None, "AUTHORIZED", "DECLINED"),
        "capture": (None, "CAPTURE_REFUSED"),
        "void": (None, "VOIDED"),
    },
    payment.VOIDED: {
        "authorize": (None, "AUTHORIZED", "DECLINED"),
        "capture": (None, "CAPTURE_REFUSED"),
        "void": ("VOIDED",),
    },
}
"""What the ledger may hold beside each status of a payment: the intent comes before the call, the result after it."""


def _ledger(row: Row, dossier: Dossier) -> Broken:
    """W3: the gateway did what the payment says, and nothing else."""
    paid = dossier.payment
    if paid is None or ("total" in paid and paid["total"]["amount"] == 0):
        for operation in dossier.ledger:
            yield "W3", f"the ledger has {operation} for a payment that {'costs nothing' if paid else 'is not there'}"
        return
    status, way = paid["status"], paid["version"] - (paid["status"] == payment.VOIDED)
    allowed = dict(RECORDS[status])
    if status in (payment.VOIDING, payment.VOIDED):
        if "total" not in paid:  # the tombstone: nothing was ever asked for
            allowed |= {"authorize": (None,), "capture": (None,)}
        elif way == 2:  # voided before the answer was written down
            allowed |= {"capture": (None,)}
        else:
            refused = ("CAPTURE_REFUSED",) if way == 5 else (None,)
            allowed |= {"authorize": ("AUTHORIZED",), "capture": refused}
    for operation, outcomes in allowed.items():
        if dossier.outcome(operation) not in outcomes:
            recorded = dossier.outcome(operation) or "nothing"
            yield "W3", f"the ledger has {recorded} for {operation}, beside a payment {status} at version {paid['version']}"
    yield from _refunds(paid, dossier)
    for operation, refusal in (("authorize", "DECLINED"), ("capture", "CAPTURE_REFUSED")):
        if dossier.outcome(operation) == refusal and "reason" in paid:
            recorded = dossier.ledger[operation]["reason"]
            if recorded != paid["reason"]:
                yield "W3", f"its payment was refused for {paid['reason']}, in the ledger for {recorded}"


def _refunds(paid: Row, dossier: Dossier) -> Broken:
    """W3: each attempt but the last was refused, and the last is as the payment says."""
    attempts, status = paid.get("refund_attempt", 0), paid["status"]
    names = ["refund", *(f"refund-{number}" for number in range(2, attempts + 1))][:attempts]
    for name in sorted(dossier.refunds.keys() - set(names)):
        yield "W3", f"the ledger has {name}, beside a payment {status} of {attempts} attempts"
    for name in names:
        settled = ("OUTSIDE",) if "settlement" in paid else ()
        open_outcomes = (None, "REFUNDED", "REFUND_REFUSED", *settled)
        last = {payment.REFUNDING: open_outcomes, payment.REFUNDED: settled or ("REFUNDED",)}.get(status, (status,))
        outcome = dossier.outcome(name)
        if outcome not in (last if name == names[-1] else ("REFUND_REFUSED",)):
            yield "W3", f"the ledger has {outcome or 'nothing'} for {name}, beside a payment {status} of {attempts} attempts"


def _stock_of(row: Row, dossier: Dossier) -> Broken:
    """W3: what is reserved is what was ordered, and reserved only once the money was set aside."""
    reserved, paid = dossier.reservation, dossier.payment
    if reserved is None or "lines" not in reserved:
        return
    wanted = {line["sku"]: line["quantity"] for line in _ordered(row)["lines"]}
    if reserved.get("asked", reserved["lines"]) != _by_sku(wanted):
        yield "W3", "its reservation is of other lines"
    held = {line["sku"]: line["quantity"] for line in reserved["lines"]}
    if "asked" in reserved and (row.get("if_short") != ALLOW_PARTIAL or held == wanted):
        yield "W3", "its reservation is of a part, which it did not allow"
    decided = row["status"] == order.CONFIRMING or _was_confirmed(row) or row.get("reason") == "CAPTURE_REFUSED"
    if decided and reserved["lines"] != _by_sku({line["sku"]: line["quantity"] for line in row["lines"]}):
        yield "W3", "what is held or sold for it is not what it is for"
    if "backordered" in reserved and row.get("if_short") != BACK_ORDER:
        yield "W3", "its reservation waited, and it was not to wait"
    for short in reserved.get("short", ()):
        if wanted.get(short["sku"]) != short["requested"] or short["available"] >= short["requested"]:
            yield "W3", f"its reservation was rejected for {short['sku']}, of which there was enough"
    was_authorized = paid is not None and (
        paid["status"] in (payment.AUTHORIZED, payment.CAPTURING, payment.CAPTURED, payment.CAPTURE_REFUSED, *forms.REFUNDS)
        or (paid["status"] in (payment.VOIDING, payment.VOIDED) and paid["version"] - (paid["status"] == payment.VOIDED) >= 3)
    )
    if not was_authorized:
        yield "W3", f"stock was asked for, and its payment is {_status(paid)}, never authorised"


BESIDE: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    order.PENDING: (
        frozenset({payment.AUTHORIZING, payment.AUTHORIZED, payment.DECLINED, "∅"}),
        frozenset({stock.WAITING, stock.HELD, stock.RELEASED, "∅"}),
    ),
    order.BACKORDERED: (
        frozenset({payment.AUTHORIZED, payment.VOIDING, payment.VOIDED}),  # a card keeps money aside for so long
        frozenset({stock.WAITING, stock.HELD}),
    ),
    order.CONFIRMING: (
        frozenset({payment.AUTHORIZED, payment.CAPTURING, payment.CAPTURED, payment.CAPTURE_REFUSED}),
        frozenset({stock.HELD, stock.COMMITTED}),
    ),
    order.CANCELLING: (
        payment.TRANSITIONS.statuses - {payment.CAPTURING, payment.CAPTURED, *forms.REFUNDS} | {"∅"},
        stock.TRANSITIONS.statuses | {"∅"},
    ),
    order.REFUNDING: (frozenset({payment.CAPTURED, *forms.REFUNDS}), frozenset({stock.COMMITTED, stock.RESTOCKED})),
}
"""The payments and reservations that an order may have while it is decided. Of the decided, M3, M4 and S1 tell."""


def _way(row: Row, dossier: Dossier) -> Broken:
    """D1: an order took one way, and each step of it on the evidence that its guard demands."""
    status, paid, reserved = row["status"], dossier.payment, dossier.reservation
    if status in BESIDE:
        payments, reservations = BESIDE[status]
        if "resumed_at" in row and status == order.PENDING:
            payments |= BESIDE[order.BACKORDERED][0]
        if _status(paid) not in payments or _status(reserved) not in reservations:
            yield "D1", f"is {status} with payment {_status(paid)} and stock {_status(reserved)}"
        if status == order.PENDING and _status(reserved) == stock.RELEASED and "rejected" not in (reserved or {}):
            yield "D1", "is PENDING, and its stock is let go"
    if "refunded" in row and _status(paid) != payment.REFUNDED:
        yield "D1", f"was told of its refund, and its payment is {_status(paid)}"
    if "restocked" in row and _status(reserved) != stock.RESTOCKED:
        yield "D1", f"was told that its goods are back, and its stock is {_status(reserved)}"
    if status == order.CANCELLED and "refunded" not in row and _status(paid) in forms.REFUNDS:
        yield "D1", f"was never CONFIRMED, and its payment is {_status(paid)}"
    if status not in (order.CANCELLING, order.CANCELLED) or "refunded" in row:
        return
    turned_back = row["reason"] == "CAPTURE_REFUSED"
    if reserved is not None:
        waited_in_vain = "backordered" in reserved and reserved["status"] == stock.RELEASED and reserved["version"] == 2
        was_held = "lines" in reserved and "rejected" not in reserved and not waited_in_vain
        if turned_back and not was_held:
            yield "D1", "was CONFIRMING, and no stock was ever held"
        if not turned_back and reserved["status"] in (stock.COMMITTED, stock.RESTOCKED):
            yield "D1", "was never CONFIRMING, and its stock was committed"
    if paid is not None:
        was_refused = paid["status"] == payment.CAPTURE_REFUSED or (
            paid["status"] in (payment.VOIDING, payment.VOIDED) and "reason" in paid
        )
        if was_refused != turned_back:
            yield "D1", f"is cancelled for {row['reason']}, and its capture was {'' if was_refused else 'not '}refused"


def _reason(row: Row, dossier: Dossier) -> Broken:
    """W3: the reason of a cancellation is so."""
    reason = row.get("reason")
    if reason == "PAYMENT_DECLINED" and _status(dossier.payment) != payment.DECLINED:
        yield "W3", f"is cancelled for {reason}, and its payment is {_status(dossier.payment)}"
    if reason == "OUT_OF_STOCK" and not {"rejected", "backordered", "asked"} & set(dossier.reservation or {}):
        yield "W3", f"is cancelled for {reason}, and no reservation was rejected"
    failed = (dossier.shipment or {}).get("reason")
    if reason in ("NO_ADDRESS", "CARRIER_REFUSED") and failed != reason:
        yield "W3", f"is cancelled for {reason}, and its shipment failed for {failed}"


SHIPMENTS: Mapping[str, frozenset[str]] = {
    order.CONFIRMED: shipping.TRANSITIONS.statuses - {shipping.CANCELLED} | {"∅"},
    order.CANCEL_REQUESTED: shipping.TRANSITIONS.statuses | {"∅"},
    order.REFUNDING: frozenset({shipping.CANCELLED, shipping.FAILED}),
    order.CANCELLED: frozenset({shipping.CANCELLED, shipping.FAILED}),
}
"""What the shipment of an order may be that was confirmed; of another there is none."""


def _shipment(row: Row, dossier: Dossier) -> Broken:
    """E2, and that the fulfilment is no further than the parcel."""
    shipped, reached = dossier.shipment, order.FULFILMENT.index(row["fulfilment"])
    allowed = SHIPMENTS.get(row["status"], frozenset("∅")) if _was_confirmed(row) else frozenset("∅")
    if _status(shipped) not in allowed:
        yield "E2", f"is {row['status']} and its shipment is {_status(shipped)}"
    if shipped is not None and "lines" in shipped and shipped["lines"] != _quantities(row["lines"]):
        yield "W3", "its shipment is of other lines"
    if reached > _reached(shipped):
        yield "W3", f"its fulfilment is {row['fulfilment']}, its shipment {_status(shipped)}"


def _notes(row: Row, dossier: Dossier) -> Broken:
    """E4: no mail says what is not so, and each was caused by the event that it is about."""
    order_id, status = row["order_id"], row["status"]
    detour = ("backordered_at" in row) + ("resumed_at" in row)
    so = {
        "backordered": "backordered_at" in row,
        "confirmed": _was_confirmed(row),
        "cancelled": status in (order.CANCELLED, order.REFUNDING),
        "dispatched": status in PAID_FOR and _reached(dossier.shipment) > 0,
    }
    back = ("refunded" in row) + ("restocked" in row)
    causes = {
        "backordered": f"ORDER#{order_id}#2",
        "confirmed": f"ORDER#{order_id}#{3 + detour}",
        "cancelled": f"ORDER#{order_id}#{row['version'] - back}",
        "dispatched": f"SHIP#{order_id}#3",
    }
    for kind, note in dossier.notes.items():
        if not so[kind]:
            yield "E4", f"the mail {kind} is {note['status']}, and the order is {status}"
        elif note["causation_id"] != causes[kind]:
            yield "W3", f"the mail {kind} was caused by {note['causation_id']}, not by {causes[kind]}"


def _correlation(row: Row, dossier: Dossier) -> Broken:
    """W3: one correlation id, from the request to the last mail."""
    for other in (dossier.payment, dossier.reservation, dossier.shipment, *dossier.notes.values()):
        if other is not None and other["correlation_id"] != row["correlation_id"]:
            yield "W3", f"the correlation_id of {other['pk']} is another"


def _awaited(row: Row, dossier: Dossier) -> Iterator[tuple[str, str, Awaited, str]]:
    """E3, E5 and V1: the invariant, what has not come yet, its kind, and since when it is waited for."""
    status, shipped, moved = row["status"], dossier.shipment, row["updated_at"]
    if status == order.BACKORDERED:  # which waits for somebody outside
        if (_status(dossier.payment), _status(dossier.reservation)) != (payment.AUTHORIZED, stock.WAITING):
            was = f"is {status} with payment {_status(dossier.payment)} and stock {_status(dossier.reservation)}"
            yield "V1", was, Awaited.END, moved
        yield "V1", f"is {status} since {row['created_at']}", Awaited.STOCK, row["created_at"]
    elif status not in order.TRANSITIONS.terminal:
        yield "V1", f"is {status}", Awaited.END, moved
    if status == order.CONFIRMED and shipped is None:
        yield "E3", "is CONFIRMED and has no shipment", Awaited.PARCEL, moved
    if shipped is not None and shipped["status"] in (shipping.CREATED, shipping.BOOKING):
        what = f"its shipment is {shipped['status']}, and nobody took the parcel"
        yield "V1", what, Awaited.PARCEL, shipped["created_at"]
    for kind, note in dossier.notes.items():
        if note["status"] not in notes.TRANSITIONS.terminal:
            yield "V1", f"the mail {kind} is {note['status']}", Awaited.NEWS, note["created_at"]
    news = max(moved, shipped["updated_at"] if shipped is not None else "")
    due = {
        "backordered": "backordered_at" in row,
        "confirmed": _was_confirmed(row),
        "cancelled": status == order.CANCELLED,
        "dispatched": _reached(shipped) > 0,
    }
    for kind, expected in due.items():
        if expected and kind not in dossier.notes:
            yield "E5", f"nobody was told that it is {kind}", Awaited.NEWS, news
    if status == order.CONFIRMED and order.FULFILMENT.index(row["fulfilment"]) < _reached(shipped):
        yield "E5", f"its shipment is {_status(shipped)}, its fulfilment {row['fulfilment']}", Awaited.NEWS, news


def _stock(by_subject: Sorted) -> Iterator[Finding]:
    """S2 and S3: each SKU's counters, recomputed from the reservations and replenishments."""
    held, sold, arrived = Counter[str](), Counter[str](), Counter[str]()
    waiting: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for dossier in by_subject.dossiers.values():
        if dossier.reservation is not None and dossier.reservation["status"] == stock.WAITING:
            for line in dossier.reservation["lines"]:
                waiting[line["sku"]][dossier.reservation["order_id"]] = line["quantity"]
        counter = {stock.HELD: held, stock.COMMITTED: sold}.get(_status(dossier.reservation))
        if counter is not None and dossier.reservation is not None:
            _add(counter, dossier.reservation["lines"])
    for replenishment in by_subject.replenishments:
        _add(arrived, replenishment["items"])
    for sku in sorted({*held, *sold, *arrived, *waiting, *by_subject.skus} - by_subject.unjudged_skus):
        row = by_subject.skus.get(sku, dict.fromkeys(forms.COUNTERS, 0))
        available, now_held, now_sold, replenished = (row[counter] for counter in forms.COUNTERS)
        if min(available, now_held, now_sold) < 0 or available + now_held + now_sold != replenished:
            counted = f"{available} available + {now_held} held + {now_sold} sold"
            yield Finding("S2", f"SKU#{sku}", f"{counted}, and {replenished} replenished")
        if replenished != arrived[sku]:
            yield Finding("S2", f"SKU#{sku}", f"{replenished} replenished, and {arrived[sku]} arrived")
        if (now_held, now_sold) != (held[sku], sold[sku]):
            counted = f"{now_held} held for {held[sku]} reserved, {now_sold} sold for {sold[sku]} committed"
            yield Finding("S3", f"SKU#{sku}", counted)
        queue = {entry["order_id"]: entry["quantity"] for entry in row.get("waiting", ())}
        if queue != waiting[sku] or row.get("waited_for", 0) != sum(queue.values()):
            counted = f"{len(queue)} wait for {row.get('waited_for', 0)}, and {len(waiting[sku])} reservations are WAITING"
            yield Finding("S3", f"SKU#{sku}", counted)


def _net_money(by_subject: Sorted, *, settled: bool) -> Iterator[Finding]:
    """M5: for each currency, over all orders. While the stage runs, over those at their end that did not move meanwhile."""
    confirmed, taken = Counter[str](), Counter[str]()
    for order_id, dossier in by_subject.dossiers.items():
        moves = dossier.order is not None and dossier.order["status"] not in (order.CONFIRMED, order.CANCELLED)
        if not settled and (moves or order_id in by_subject.unjudged_orders):
            continue
        if dossier.order is not None and dossier.order["status"] in PAID_FOR:
            confirmed[dossier.order["total"]["currency"]] += dossier.order["total"]["amount"]
        if "capture" in dossier.ledger:
            taken[dossier.ledger["capture"]["currency"]] += dossier.captured
        for record in dossier.refunds.values():
            taken[record["currency"]] -= record["amount"] if record["outcome"] in BACK else 0
    for currency in sorted({*confirmed, *taken}):
        if confirmed[currency] != taken[currency]:
            yield Finding("M5", currency, f"{taken[currency]} captured, and {confirmed[currency]} confirmed")


def _dead_letters(books: Books) -> Iterator[Finding]:
    """E5: what waits in dead-letter queues."""
    for queue, messages in books.dead_letters.items():
        if messages != 0:
            yield Finding("E5", queue, f"holds {'nobody knows how many' if messages is None else messages} dead letters")


def _unpublished(books: Books, *, settled: bool, overdue: Overdue) -> Iterator[Finding]:
    """E5: rows with events that wait for the bus."""
    before = overdue.get(Awaited.BUS, "")
    for table in SERVICES:
        for row in books.table(table):
            if isinstance(row, dict) and row.get("pending"):
                since = row.get("pending_since")
                if settled or (isinstance(since, str) and since < before):
                    yield Finding("E5", forms.subject_of(row), "has events that the bus has not accepted")


def _was_confirmed(row: Row) -> bool:
    """Whether the order ever was CONFIRMED: it is, or is on its way back, or was told of its refund."""
    return row["status"] in (*PAID_FOR, order.REFUNDING) or "refunded" in row


def _status(row: Row | None) -> str:
    return "∅" if row is None else str(row["status"])


def _reached(shipment: Row | None) -> int:
    """How far the parcel is, on the scale of the order's fulfilment."""
    return {shipping.DISPATCHED: 1, shipping.DELIVERED: 2}.get(_status(shipment), 0)


def _ordered(row: Row) -> Row:
    """The order's lines and total as they were ordered."""
    return {"lines": row["lines"], "total": row["total"], **row.get("ordered", {})}


def _by_sku(quantities: Mapping[str, int]) -> list[Row]:
    return [{"sku": sku, "quantity": quantity} for sku, quantity in sorted(quantities.items())]


def _quantities(lines: Iterable[Row]) -> list[Row]:
    return [{"sku": line["sku"], "quantity": line["quantity"]} for line in lines]


def _add(counter: Counter[str], lines: Iterable[Row]) -> None:
    for line in lines:
        counter[line["sku"]] += line["quantity"]


def _words(money: Mapping[str, Any]) -> str:
    return f"{money['amount']} {money['currency']}"
