"""Money: the ledger of the gateway and Stripe's own records, held against orders and payments."""

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from simulation.engine.dynamodb import Change
from simulation.engine.expressions import Item
from simulation.stage import deployment
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import OWNED, amount_of, lines_of, number_of, status_of, text_of

if TYPE_CHECKING:
    from simulation.stage.accounts import StripeAccount

BACK: Final = ("REFUNDED", "OUTSIDE")
"""Outcomes of a refund after which the customer has the money."""


class Money:
    """The captures and refunds of one world, in minor units."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.stripe: StripeAccount | None = None
        """Stripe's account, if Stripe is the gateway."""
        self.captures: dict[str, dict[str, int]] = defaultdict(dict)
        """By order, the amount of each capture in the gateway's ledger."""
        self.refunds: dict[str, dict[str, int]] = defaultdict(dict)
        """By order, the amount of each refund in the gateway's ledger."""

    def ledger_written(self, order_id: str, operation: str, change: Change) -> None:
        """Record a write of the gateway's ledger. An entry is written once, or spent."""
        outcome = text_of(change.new, "outcome")
        if change.old is not None and change.old != change.new and outcome != "SPENT":
            self.record.fail("capture_once_up_to_total", f"the ledger's {operation} of {order_id} was rewritten")
        if change.new is not None and operation.startswith("capture") and outcome == "CAPTURED":
            self.captures[order_id][operation] = number_of(change.new, "amount")
        if change.new is not None and operation.startswith("refund") and outcome in BACK:
            self.refunds[order_id][operation] = number_of(change.new, "amount")

    def payment_agrees_with_the_gateway(self, order_id: str, change: Change) -> None:
        """Compare a new status of a payment with the gateway's own record of that operation."""
        row = change.new
        if row is None or status_of(row) == status_of(change.old) or "total" not in row or amount_of(row)[0] == 0:
            return
        attempt = number_of(row, "refund_attempt")
        refund = "refund" if attempt <= 1 else f"refund-{attempt}"
        operation = {
            "AUTHORIZED": "authorize",
            "DECLINED": "authorize",
            "CAPTURED": "capture",
            "CAPTURE_REFUSED": "capture",
            "VOIDED": "void",
            "REFUNDED": refund,
            "REFUND_REFUSED": refund,
        }.get(status_of(row))
        found = text_of(self.record.tables[deployment.LEDGER].rows.get(f"{order_id}|{operation}"), "outcome")
        if operation is not None and found not in (status_of(row), "OUTSIDE"):
            self.record.fail(
                "rows_agree_with_outside_systems",
                f"the payment of {order_id} is {status_of(row)}; the gateway's {operation} is {found}",
            )

    def check_order(self, order_id: str) -> None:
        """Check the money of one order by the gateway's ledger."""
        order = self.record.orders.get(order_id)
        self.refund_once_and_keep_the_parcel(order_id, status_of(order))
        self.captured_money_has_a_live_order(order_id, status_of(order))
        if order is not None:
            self.capture_once_up_to_total(order_id, order)
            if status_of(order) in OWNED:
                self.confirmed_order_is_paid_and_committed(order_id, order)
            elif status_of(order) == "CANCELLED":
                self.cancelled_order_keeps_no_money(order_id)
                self.refused_capture_is_not_of_a_wrong_amount(order_id, order)

    def refund_once_and_keep_the_parcel(self, order_id: str, status: str) -> None:
        """Check that there is at most one refund, of no more than was captured, and only of an order that goes back."""
        refunds, captured = self.refunds.get(order_id, {}), self._captured(order_id)
        refunded = sum(refunds.values())
        wrong = None
        if len(refunds) > 1 or refunded > captured:
            wrong = f"{refunded} went back in {len(refunds)} refunds for {order_id}, of {captured} captured"
        elif refunds and status not in ("REFUNDING", "CANCELLED"):
            wrong = f"{refunded} went back for {order_id}, which is {status}"
        elif self.record.payment(order_id) == "REFUNDED" and refunded != captured:
            wrong = f"the payment of {order_id} is REFUNDED, with {refunded} of {captured} given back"
        if wrong:
            self.record.fail("refund_once_and_keep_the_parcel", wrong)

    def captured_money_has_a_live_order(self, order_id: str, status: str) -> None:
        """Check that captured money that was not refunded has an order that may keep it."""
        captured = self._captured(order_id)
        kept = captured > sum(self.refunds.get(order_id, {}).values())
        if kept and status not in ("CONFIRMING", *OWNED, "REFUNDING"):
            self.record.fail("captured_money_has_a_live_order", f"{captured} is captured for {order_id}, which is {status}")

    def capture_once_up_to_total(self, order_id: str, order: Item) -> None:
        """Check that one capture took at most the order's total."""
        captures, total = self.captures.get(order_id, {}), amount_of(order)[0]
        captured = sum(captures.values())
        if captured and (len(captures) > 1 or captured > total):
            self.record.fail(
                "capture_once_up_to_total",
                f"{captured} was captured in {len(captures)} captures for {order_id}, a total of {total}",
            )

    def confirmed_order_is_paid_and_committed(self, order_id: str, order: Item) -> None:
        """Check that an order that keeps its goods is paid for, and that its stock is committed."""
        captured, payment, stock = self._captured(order_id), self.record.payment(order_id), self.record.reservation(order_id)
        wrong = None
        if captured != amount_of(order)[0] or payment != "CAPTURED" or stock != "COMMITTED":
            wrong = f"with {captured} captured, payment {payment}, stock {stock}"
        else:
            sold, wanted = (dict(lines_of(row)) for row in (self.record.tables["inventory"].rows[f"RES#{order_id}"], order))
            if sold != wanted:
                wrong = f"with {sold} sold, which is for {wanted}"
        if wrong:
            self.record.fail("confirmed_order_is_paid_and_committed", f"{order_id} is {status_of(order)} {wrong}")

    def cancelled_order_keeps_no_money(self, order_id: str) -> None:
        """Check that the payment of a cancelled order is over, and that nothing is held for it."""
        payment, stock = self.record.payment(order_id), self.record.reservation(order_id)
        if payment not in ("VOIDED", "DECLINED", "REFUNDED") or stock == "HELD" or self._authorized(order_id):
            self.record.fail("cancelled_order_keeps_no_money", f"{order_id} is cancelled with payment {payment}, stock {stock}")

    def refused_capture_is_not_of_a_wrong_amount(self, order_id: str, order: Item) -> None:
        """Check that the gateway refused a customer's payment, and not an amount that the order should not have decided for."""
        reason = text_of(self.record.tables[deployment.LEDGER].rows.get(f"{order_id}|capture"), "reason") or ""
        if text_of(order, "reason") == "CAPTURE_REFUSED" and reason.startswith("amount_"):
            self.record.fail(
                "response_shows_a_true_order", f"{order_id} is cancelled by CAPTURE_REFUSED; the capture's reason is {reason}"
            )

    def check_stripe(self, order_id: str) -> None:
        """Check the money of one order by Stripe's own records, if Stripe is the gateway."""
        order = self.record.orders.get(order_id)
        if self.stripe is None or order is None:
            return
        status, total = status_of(order), amount_of(order)[0]
        taken, back = self.stripe.taken(order_id), self.stripe.given_back(order_id) + self._paid_outside(order_id)
        money = f"Stripe took {taken} and gave back {back}"
        if len(taken) > 1 or sum(taken) > total or back > sum(taken):
            self.record.fail("capture_once_up_to_total", f"{money} for {order_id}, a total of {total}")
        if status in OWNED and (sum(taken), back) != (total, 0):
            self.record.fail("confirmed_order_is_paid_and_committed", f"{order_id} is {status}, a total of {total}; {money}")
        if status == "CANCELLED" and (self.stripe.held(order_id) or sum(taken) != back):
            held = f"and holds {self.stripe.held(order_id)} authorisations"
            self.record.fail("cancelled_order_keeps_no_money", f"{order_id} is cancelled; {money} {held}")

    def net_captured_equals_confirmed_totals(self) -> None:
        """Check at rest that captured less refunded is, in each currency, the total of the confirmed orders."""
        confirmed: dict[str, int] = defaultdict(int)
        captured: dict[str, int] = defaultdict(int)
        for order_id, order in self.record.orders.items():
            amount, currency = amount_of(order)
            if status_of(order) in OWNED or (status_of(order) == "REFUNDING" and not self.refunds.get(order_id)):
                confirmed[currency] += amount
        for row in self.record.tables[deployment.LEDGER].rows.values():
            sign = {"CAPTURED": 1, **dict.fromkeys(BACK, -1)}.get(str(text_of(row, "outcome")), 0)
            captured[str(text_of(row, "currency"))] += sign * number_of(row, "amount")
        if {c: a for c, a in confirmed.items() if a} != {c: a for c, a in captured.items() if a}:
            self.record.fail("net_captured_equals_confirmed_totals", f"captured {dict(captured)}, confirmed {dict(confirmed)}")

    def _captured(self, order_id: str) -> int:
        return sum(self.captures.get(order_id, {}).values())

    def _authorized(self, order_id: str) -> bool:
        """Return True if the gateway holds money for the order."""
        rows = self.record.tables[deployment.LEDGER].rows
        authorized = text_of(rows.get(f"{order_id}|authorize"), "outcome") == "AUTHORIZED"
        return authorized and f"{order_id}|void" not in rows and not self.captures.get(order_id)

    def _paid_outside(self, order_id: str) -> int:
        """Return the amount that an operator recorded as refunded in another way."""
        names = ("refund", *(f"refund-{attempt}" for attempt in range(2, 10)))
        records = (self.record.tables[deployment.LEDGER].rows.get(f"{order_id}|{name}") for name in names)
        return sum(number_of(record, "amount") for record in records if record and text_of(record, "outcome") == "OUTSIDE")
