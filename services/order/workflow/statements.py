"""The order's statements about its row to payment, to inventory and to itself, each with its receipt."""

from kernel.receipts import Kind, Statement, receipts
from services.order.domain import decisions, identity
from services.order.domain.model import OrderRow
from services.order.workflow import client


def payable(row: OrderRow) -> Statement:
    """State what is to be paid, and by what: the total as it was ordered."""
    asked = decisions.original_order(row)
    return _issued(Kind.PAYABLE, row, {"total": asked["total"], "payment_token": row["payment_token"]})


def wanted(row: OrderRow) -> Statement:
    """State what is to be held: the lines as they were ordered, and what to do if some are short."""
    asked = decisions.original_order(row)
    lines = [{"sku": line["sku"], "quantity": line["quantity"]} for line in asked["lines"]]
    return _issued(Kind.WANTED, row, {"lines": lines, "if_short": row.get("if_short", decisions.REJECT)})


def decision(row: OrderRow) -> Statement:
    """State the order's status, with its reason and total."""
    return _issued(Kind.DECISION, row, {"outcome": row["status"], "reason": row.get("reason"), "total": row["total"]})


def live_input(row: OrderRow) -> dict[str, object]:
    """Return the workflow's input for an order just placed: what the order states, and no name or address.

    A repeat of the request may find the order decided: the saga states what was ordered once more, and gets what it became.
    """
    return {
        "mode": client.LIVE,
        "order_id": row["order_id"],
        "correlation_id": row["correlation_id"],
        "causation_id": identity.placed_event_id(row["order_id"]),
        "payable": payable(row),
        "wanted": wanted(row),
    }


def _issued(kind: Kind, row: OrderRow, statement: Statement) -> Statement:
    return receipts().issue(kind, row["order_id"], statement)
