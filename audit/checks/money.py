"""Checks of money: totals, payments, and the gateway's ledger beside them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from audit.checks.broken import Broken
from audit.finding import Finding
from audit.ledger import PAID_BACK
from audit.order_facts import ALLOW_PARTIAL, PAID_FOR, original_order, quantity_by_sku, status_of, steps_to_void
from audit.records import GroupedRows, OrderRecords
from audit.row_forms import LedgerRecord
from audit.row_kinds import REFUNDS
from kernel.money import MoneyDict
from services.inventory.domain import states as stock
from services.order.domain import states as order
from services.order.domain.model import OrderRow
from services.payment.domain import states as payment
from services.payment.domain.model import PaymentRow

RECORDS: Final[Mapping[str, Mapping[str, tuple[str | None, ...]]]] = {
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
        for status in (payment.CAPTURED, *REFUNDS)
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
"""The outcomes that the ledger may have beside each status of a payment: the intent precedes the call, the result follows."""
VOIDED_BEFORE_THE_ANSWER: Final = 2
VOIDED_AFTER_A_REFUSED_CAPTURE: Final = 5
"""Steps of a payment until it is VOIDING."""


def check_total(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that the total is the same from the lines to the ledger."""
    for of in (row, original_order(row)):
        costs = sum(line["unit_price"] * line["quantity"] for line in of["lines"])
        if of["total"]["amount"] != costs:
            yield "W3", f"its total is {of['total']['amount']}, its lines cost {costs}"
    yield from _reduced_order(row)
    yield from _payment_total(row, records.payment)
    for operation, record in records.ledger.items():
        due = original_order(row)["total"] if operation in ("intent", "authorize") else row["total"]
        if operation != "void" and (record["amount"], record["currency"]) != (due["amount"], due["currency"]):
            yield "W3", f"the ledger's {operation} is of {_words(record)}, its total is {_words(due)}"


def _reduced_order(row: OrderRow) -> Broken:
    """Check that an order that is confirmed for less allowed that, and is for a part of the original order."""
    if "ordered" not in row:
        return
    total, ordered = row["total"], original_order(row)
    before = quantity_by_sku(ordered["lines"])
    less = all(line["quantity"] <= before.get(line["sku"], 0) for line in row["lines"])
    if not less or row.get("if_short") != ALLOW_PARTIAL or not 0 < total["amount"] < ordered["total"]["amount"]:
        yield "W3", f"it is for {_words(total)} of the {_words(ordered['total'])} that were ordered"


def _payment_total(row: OrderRow, paid: PaymentRow | None) -> Broken:
    """Check that the payment authorized the original total, captured the final one, and used the order's token."""
    if paid is None or "total" not in paid:
        return
    total, ordered = row["total"], original_order(row)["total"]
    authorized, taken = paid.get("authorized", paid["total"]), paid["total"] if "authorized" in paid else None
    if authorized != ordered or (taken is not None and taken != total):
        yield "W3", f"its payment is of {_words(paid['total'])}, its total is {_words(total)}"
    if taken is None and "ordered" in row and paid["status"] != payment.AUTHORIZED:
        yield "W3", f"its payment is {paid['status']}, of all of the {_words(ordered)} that were ordered"
    if paid["payment_token"] != row["payment_token"]:
        yield "W3", "its payment is by another payment_token"


def check_money(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that money moves only as far as the order's status allows."""
    status, captured, kept = row["status"], records.captured, records.captured - records.refunded
    if kept and status not in (order.CONFIRMING, *PAID_FOR, order.REFUNDING):
        yield "M1", f"{kept} is captured, and the order is {status}"
    if captured > row["total"]["amount"] or records.refunded > captured:
        yield "M2", f"{captured} is captured and {records.refunded} refunded of {row['total']['amount']}"
    if records.refunded and status not in (order.REFUNDING, order.CANCELLED):
        yield "M6", f"{records.refunded} is refunded, and the order is {status}"
    if sum(record["outcome"] in PAID_BACK for record in records.refunds.values()) > 1:
        yield "M6", f"{records.refunded} is refunded, by more than one refund"
    if status in PAID_FOR:
        yield from _paid_for(row, records)
    if status == order.CANCELLED:
        yield from _cancelled(records)


def _paid_for(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that an order that keeps its goods is paid for, to the cent."""
    status, captured = row["status"], records.captured
    paid, reserved = status_of(records.payment), status_of(records.reservation)
    taken = records.ledger.get("capture") or row["total"]
    same = taken["currency"] == row["total"]["currency"]
    if captured != row["total"]["amount"] or not same or (paid, reserved) != (payment.CAPTURED, stock.COMMITTED):
        yield "M3", f"is {status} with {captured} captured, payment {paid}, stock {reserved}"
    if records.refunded:
        yield "M3", f"is {status} with {records.refunded} refunded"


def _cancelled(records: OrderRecords) -> Broken:
    """Check that a cancelled order keeps no money and no stock."""
    captured, kept = records.captured, records.captured - records.refunded
    paid, reserved = status_of(records.payment), status_of(records.reservation)
    open_authorization = records.outcome("authorize") == "AUTHORIZED" and "void" not in records.ledger and not captured
    ended = paid in (payment.VOIDED, payment.DECLINED, payment.REFUNDED)
    if kept or open_authorization or not ended or reserved == stock.HELD:
        money = f"{kept} captured, {'something' if open_authorization else 'nothing'} authorized"
        yield "M4", f"is CANCELLED with {money}, payment {paid}, stock {reserved}"
    if reserved not in (stock.RELEASED, stock.RESTOCKED):
        yield "S1", f"is CANCELLED with stock {reserved}"


def check_ledger(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that the gateway did what the payment records, and nothing else."""
    paid = records.payment
    if paid is None or ("total" in paid and paid["total"]["amount"] == 0):
        for operation in records.ledger:
            yield "W3", f"the ledger has {operation} for a payment that {'costs nothing' if paid else 'is missing'}"
        return
    for operation, outcomes in _possible_outcomes(paid).items():
        if records.outcome(operation) not in outcomes:
            recorded = records.outcome(operation) or "nothing"
            beside = f"a payment {paid['status']} at version {paid['version']}"
            yield "W3", f"the ledger has {recorded} for {operation}, beside {beside}"
    yield from _refunds(paid, records)
    for operation, refusal in (("authorize", "DECLINED"), ("capture", "CAPTURE_REFUSED")):
        if records.outcome(operation) == refusal and "reason" in paid:
            recorded = records.ledger[operation]["reason"]
            if recorded != paid["reason"]:
                yield "W3", f"its payment was refused for {paid['reason']}, in the ledger for {recorded}"


def _possible_outcomes(paid: PaymentRow) -> Mapping[str, tuple[str | None, ...]]:
    """Return the outcomes that the ledger may have, by operation, for a payment with this status and version."""
    possible = RECORDS[paid["status"]]
    if paid["status"] not in (payment.VOIDING, payment.VOIDED):
        return possible
    if "total" not in paid:  # a tombstone: the gateway was never asked for money
        return {**possible, "authorize": (None,), "capture": (None,)}
    if steps_to_void(paid) == VOIDED_BEFORE_THE_ANSWER:
        return {**possible, "capture": (None,)}
    refused = steps_to_void(paid) == VOIDED_AFTER_A_REFUSED_CAPTURE
    return {**possible, "authorize": ("AUTHORIZED",), "capture": ("CAPTURE_REFUSED",) if refused else (None,)}


def _refunds(paid: PaymentRow, records: OrderRecords) -> Broken:
    """Check that each attempt but the last was refused, and the last has the payment's outcome."""
    attempts, status = paid.get("refund_attempt", 0), paid["status"]
    names = ["refund", *(f"refund-{number}" for number in range(2, attempts + 1))][:attempts]
    for name in sorted(records.refunds.keys() - set(names)):
        yield "W3", f"the ledger has {name}, beside a payment {status} of {attempts} attempts"
    for name in names:
        settled = ("OUTSIDE",) if "settlement" in paid else ()
        open_outcomes = (None, "REFUNDED", "REFUND_REFUSED", *settled)
        last = {payment.REFUNDING: open_outcomes, payment.REFUNDED: settled or ("REFUNDED",)}.get(status, (status,))
        outcome = records.outcome(name)
        if outcome not in (last if name == names[-1] else ("REFUND_REFUSED",)):
            yield "W3", f"the ledger has {outcome or 'nothing'} for {name}, beside a payment {status} of {attempts} attempts"


@dataclass
class NetCaptured:
    """The sums of confirmed totals and of net captured amounts, by currency in minor units. Orders are added one by one."""

    confirmed: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)

    def add(self, grouped: GroupedRows, *, settled: bool) -> None:
        """Add orders. On a running stage, only the finished ones count whose rows did not change during the reading."""
        for order_id, records in grouped.orders.items():
            moves = records.order is not None and records.order["status"] not in (order.CONFIRMED, order.CANCELLED)
            if settled or not (moves or order_id in grouped.unjudged_orders):
                self._add_order(records)

    def _add_order(self, records: OrderRecords) -> None:
        if records.order is not None and records.order["status"] in PAID_FOR:
            self.confirmed[records.order["total"]["currency"]] += records.order["total"]["amount"]
        if "capture" in records.ledger:
            self.taken[records.ledger["capture"]["currency"]] += records.captured
        for record in records.refunds.values():
            self.taken[record["currency"]] -= record["amount"] if record["outcome"] in PAID_BACK else 0

    def check(self) -> Iterator[Finding]:
        """Yield the currencies in which the two sums differ."""
        for currency in sorted({*self.confirmed, *self.taken}):
            if self.confirmed[currency] != self.taken[currency]:
                yield Finding("M5", currency, f"{self.taken[currency]} captured, and {self.confirmed[currency]} confirmed")


def _words(money: MoneyDict | LedgerRecord) -> str:
    return f"{money['amount']} {money['currency']}"
