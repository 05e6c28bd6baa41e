"""The audit: every invariant of `audit.catalogue` that rows can break, recomputed from a stage's rows by plain functions.

The checks share with the services only their states, the forms of their rows, the kernel and the order's identity.

Invariants of every moment are checked for each order that did not change during the reading of its rows. All invariants at rest
are checked on a settled stage. On a running stage, `net_captured_equals_confirmed_totals` is checked over the finished orders.
The others, such as `every_order_ends`, are checked for things that are overdue. A malformed row is a finding, and its order is
not judged further.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from audit.checks import lifecycle, mails, money, orphans, outbox, shipments, stock
from audit.checks.awaited import NOTHING_IS_OVERDUE, Awaited, Overdue, Waiting
from audit.finding import Finding
from audit.records import GroupedRows, OrderRecords, group
from audit.snapshot import Snapshot
from services.order.domain.model import OrderRow

CHECKS_OF_AN_ORDER = (
    lifecycle.check_identity,
    money.check_total,
    money.check_money,
    money.check_ledger,
    stock.check_reservation,
    lifecycle.check_path,
    lifecycle.check_reason,
    shipments.check_shipment,
    mails.check_notes,
    lifecycle.check_correlation,
)
"""Invariants of one order at every moment."""
AWAITED_BY_AN_ORDER = (lifecycle.awaited_end, shipments.awaited_parcel, mails.awaited_mails)
"""Things that one order may wait for."""


def audit(snapshot: Snapshot, *, settled: bool, overdue: Overdue = NOTHING_IS_OVERDUE) -> list[Finding]:
    """Return every finding, sorted.

    `settled` states that no work is left, so that the invariants at rest must hold. On a stage that is not settled, things
    that have been awaited since before their moment in `overdue` are findings too.
    """
    net = money.NetCaptured()
    grouped = group(snapshot, settled=settled)
    found = [
        *check_rows(snapshot, grouped, net, settled=settled, overdue=overdue),
        *stock.check_counters(grouped),
        *net.check(),
    ]
    if settled:
        found += outbox.check_dead_letters(snapshot)
    return sorted(set(found))


@dataclass(frozen=True)
class Verdict:
    """The findings on some orders, sorted, their money, and their rows by order, with the orders that were not judged."""

    findings: list[Finding]
    net: money.NetCaptured
    grouped: GroupedRows


def judge(
    read: Callable[[bool], Snapshot],
    *,
    settled: bool,
    overdue: Overdue,
    further: Callable[[Snapshot], Iterator[Finding]] = lambda snapshot: iter(()),
) -> Verdict:
    """Check the rows that `read` returns, all rows of some orders, and `further` findings on them.

    A finding counts only if a second reading has it. The argument of `read` asks for consistent reads: True for the second.
    """
    for consistent in (False, True):
        snapshot, net = read(consistent), money.NetCaptured()
        grouped = group(snapshot, settled=settled)
        found = {*check_rows(snapshot, grouped, net, settled=settled, overdue=overdue), *further(snapshot)}
        if not found:
            break
    return Verdict(sorted(found), net, grouped)


def check_rows(
    snapshot: Snapshot, grouped: GroupedRows, net: money.NetCaptured, *, settled: bool, overdue: Overdue
) -> Iterator[Finding]:
    """Yield the findings of single rows and of single orders, whose money is added to `net`.

    `grouped` are the rows of `snapshot`, which may be a part of a stage: all rows of some orders.
    """
    yield from grouped.found
    for order_id, records in grouped.orders.items():
        if order_id in grouped.unjudged_orders:
            continue
        if records.order is None:
            yield from orphans.check_orphans(order_id, records)
        else:
            yield from _check_order(records.order, records)
            yield from _overdue(records.order, records, settled=settled, overdue=overdue)
    yield from outbox.check_pending(snapshot, settled=settled, overdue=overdue)
    net.add(grouped, settled=settled)


def _check_order(row: OrderRow, records: OrderRecords) -> Iterator[Finding]:
    for check in CHECKS_OF_AN_ORDER:
        yield from (Finding(code, row["order_id"], what) for code, what in check(row, records))


def _overdue(row: OrderRow, records: OrderRecords, *, settled: bool, overdue: Overdue) -> Iterator[Finding]:
    """Yield what should have come by now. A settled back-order may still wait for its stock."""
    for waiting in waits_of(row, records):
        at_rest = settled and waiting.awaited is not Awaited.STOCK
        if at_rest or (not settled and is_overdue(waiting, overdue)):
            yield Finding(waiting.invariant, row["order_id"], waiting.what)


def waits_of(row: OrderRow, records: OrderRecords) -> Iterator[Waiting]:
    """Yield what the order waits for."""
    for awaited in AWAITED_BY_AN_ORDER:
        yield from awaited(row, records)


def is_overdue(waiting: Waiting, overdue: Overdue) -> bool:
    """Return True if a thing is awaited since before the moment of its kind."""
    return waiting.since < overdue.get(waiting.awaited, "")
