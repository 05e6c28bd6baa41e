"""The order's statements of its row to payment, to inventory and to itself, each with its receipt."""

from typing import Literal, NotRequired, TypedDict

from kernel import seen_rows
from kernel.receipts import Kind, Receipts
from kernel.statements import OrderStatement, Payable, Wanted
from services.order.domain import decisions, identity
from services.order.domain.model import OrderRow


class LiveInput(TypedDict):
    """The workflow's input for an order just placed, without name and address."""

    mode: Literal["live"]
    order_id: str
    correlation_id: str
    causation_id: str
    payable: Payable
    wanted: Wanted
    decision: OrderStatement


class ResumeInput(TypedDict):
    """The workflow's input for an order that it loads itself. `tried_at` names the sweeper's try, as its row has it."""

    mode: Literal["resume"]
    order_id: str
    tried_at: NotRequired[str]


class Statements:
    """The statements of an order, each with a receipt of the stage's key."""

    def __init__(self, receipts: Receipts) -> None:
        self.receipts = receipts

    def payable(self, row: OrderRow) -> Payable:
        """Return the original total and the payment method to charge."""
        stated = Payable(total=decisions.original_order(row)["total"], payment_token=row["payment_token"])
        return self.receipts.issue(Kind.PAYABLE, row["order_id"], stated)

    def wanted(self, row: OrderRow) -> Wanted:
        """Return the original lines, and what to do if some are not in stock."""
        lines = decisions.quantities(decisions.original_order(row)["lines"])
        stated = Wanted(lines=lines, if_short=row.get("if_short", decisions.REJECT))
        return self.receipts.issue(Kind.WANTED, row["order_id"], stated)

    def decision(self, row: OrderRow) -> OrderStatement:
        """Return the order's status, with its reason and total, and the row for the next step."""
        stated = OrderStatement(
            outcome=row["status"], reason=row.get("reason"), total=row["total"], seen=seen_rows.text_of(row)
        )
        return self.receipts.issue(Kind.DECISION, row["order_id"], stated)

    def live_input(self, row: OrderRow) -> LiveInput:
        """Return the workflow's input for an order just placed.

        A repeated request may find the order decided: the saga then states the original order again, and gets its result.
        """
        return {
            "mode": "live",
            "order_id": row["order_id"],
            "correlation_id": row["correlation_id"],
            "causation_id": identity.placed_event_id(row["order_id"]),
            "payable": self.payable(row),
            "wanted": self.wanted(row),
            "decision": self.decision(row),
        }

    def row_in(self, order_id: str, decision: object) -> OrderRow | None:
        """Return the row in a decision of this order, or None without a decision or a row. Raises ReceiptRefusedError."""
        return self.receipts.row_in(Kind.DECISION, order_id, decision, OrderRow)


def resume_input(order_id: str, tried_at: str | None = None) -> ResumeInput:
    """Return the workflow's input for an order that it loads itself."""
    found: ResumeInput = {"mode": "resume", "order_id": order_id}
    if tried_at:
        found["tried_at"] = tried_at
    return found
