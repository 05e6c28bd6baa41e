"""The operator's commands on payments. Each answers `{"outcome": ...}`.

They are a function of their own: the saga's role cannot invoke it, and the operator's role cannot capture or void.
The same command again is always safe.
"""

import re

from aws_lambda_powertools import Logger

from kernel import clock
from kernel.aggregate_store import Causation
from kernel.commands import Answer, Command, Commands, dispatch
from kernel.identifiers import is_personal
from services.payment.domain import decisions, states
from services.payment.gateways.factory import gateway
from services.payment.storage import table
from services.payment.use_cases import processor

logger = Logger()
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
REASON = re.compile(r"[a-z0-9_]{1,64}")


def retry_refund(command: Command) -> Command:
    """Attempt a refund anew that the gateway refused: REFUNDED, REFUND_REFUSED or REFUNDING.

    UNCHANGED with the payment's `status` where none was ever begun. A refunded payment is not refunded again.
    """
    payments, cause = table.payments(), Causation(command["correlation_id"], command["causation_id"])
    row = payments.get(command["order_id"])
    if row is not None:
        row = payments.apply(command["order_id"], lambda row: decisions.retry_refund(row, cause, clock.now()), cause, seen=row)
    row = processor.refund(payments, gateway(), row)
    if row is None or row["status"] not in decisions.AFTER_REFUND:
        return {"outcome": "UNCHANGED", "status": row["status"] if row else None}
    return decisions.answer(row, decisions.AFTER_REFUND)


def settle_refund(command: Command) -> Command:
    """End a refund whose customer was paid outside the gateway, as `reference` proves: SETTLED.

    SETTLING where the gateway may still be at work: the sweeper ends it in a minute or two, and answers REFUNDED if the gateway
    has given the money back after all. UNCHANGED with the payment's `status` where no refund was begun. Raises ValueError for a
    reference or a reason of another form.
    """
    settlement = {name: command[name] for name in ("reference", "reason") if command.get(name)}
    for name, form in (("reference", REFERENCE), ("reason", REASON)):
        text = settlement.get(name, "")
        if (text or name == "reference") and (not form.fullmatch(text) or is_personal(text)):
            raise ValueError(f"{name}: must match {form.pattern}, and be no card number or e-mail address")
    payments, cause = table.payments(), Causation(command["correlation_id"], command["causation_id"])
    order_id, now = command["order_id"], clock.now()
    row = payments.get(order_id)
    if row is not None:
        row = payments.apply(order_id, lambda row: decisions.intend_settlement(row, settlement, cause, now), cause, seen=row)
    row = processor.refund(payments, gateway(), row)
    if row is None or row["status"] not in decisions.AFTER_REFUND:
        return {"outcome": "UNCHANGED", "status": row["status"] if row else None}
    if "settlement" not in row:
        return decisions.answer(row, decisions.AFTER_REFUND)
    outcome = "SETTLED" if row["status"] == states.REFUNDED else "SETTLING"
    return {"outcome": outcome, "reference": row["settlement"]["reference"]}


def status(command: Command) -> Command:
    """Return the payment by a consistent read: FOUND or NOT_FOUND."""
    row = table.payments().get(command["order_id"])
    if row is None:
        return {"outcome": "NOT_FOUND"}
    shown = ("order_id", "status", "total", "reason", "version", "created_at", "updated_at")
    return {"outcome": "FOUND", **{name: row[name] for name in shown if name in row}}


COMMANDS: Commands = {"retry_refund": retry_refund, "settle_refund": settle_refund, "status": status}


def handler(event: Command, context: object) -> Answer:
    """One command.

    Raises UnknownCommandError, KeyError naming a missing field, GatewayFaultError, and what the table raises.
    """
    answer = dispatch(COMMANDS, event)
    logger.info("command answered", command=event["command"], order_id=event["order_id"], outcome=answer["outcome"])
    return answer
