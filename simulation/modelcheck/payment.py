"""The moves of a payment: intent onto the row, call to the gateway, result onto the row, each a step of its own.

The gateway's memory is the evidence of a result: its caller may hold the answer and write it at any later instant.
"""

from collections.abc import Iterator

from kernel.transitions import ABSENT
from simulation.modelcheck.facts import Gateway, OrderFacts, take
from simulation.modelcheck.rules import STEPS, Rules

Moves = Iterator[tuple[str, OrderFacts]]
OPERATIONS = ("authorize", "capture", "void")
RESULTS = {
    "PAY.authorize": "authorize",
    "PAY.decline": "authorize",
    "PAY.capture": "capture",
    "PAY.refuse_capture": "capture",
    "PAY.void": "void",
}
"""The operation that each result records; the gateway's answers have the names of the statuses."""


def moves(rules: Rules, facts: OrderFacts) -> Moves:
    """Every next step of the payment's row and of the gateway."""
    for operation in OPERATIONS:
        yield from _intend(rules, facts, operation)
        if operation in facts.calls:
            for answer, after in OUTCOMES[operation](rules, facts.gateway):
                amount = facts.agreed if rules.has("capture of what is agreed") else facts.wants
                gateway = after._replace(taken=after.captures * amount)
                if gateway != facts.gateway:
                    yield f"gateway: {operation} → {answer}", facts._replace(gateway=gateway)
    for step, operation in RESULTS.items():
        in_hand = getattr(facts.gateway, operation) == STEPS[step].target
        unannounced = in_hand and operation == "authorize" and facts.payment == ABSENT and not rules.has("intent before call")
        if unannounced or rules.permits(step, facts.payment, asked=operation in facts.calls, evidence=in_hand):
            yield f"payment: {step.removeprefix('PAY.')} recorded", take(rules, facts, step)


def _intend(rules: Rules, facts: OrderFacts, operation: str) -> Moves:
    asked = operation in facts.requests
    if not rules.has("intent before call") and operation == "authorize":
        if asked and facts.payment == ABSENT:
            yield "payment: authorize goes to the gateway, nothing written before", facts.call(operation)
        return
    step = f"PAY.intend_{operation}"
    if rules.permits(step, facts.payment, asked):
        yield f"payment: intend_{operation}", take(rules, facts, step).call(operation)
    elif asked and facts.payment == STEPS[step].target and operation not in facts.calls:
        yield f"payment: {operation} again", facts.call(operation)


def _authorize(rules: Rules, gateway: Gateway) -> Iterator[tuple[str, Gateway]]:
    if gateway.authorize and rules.has("gateway key"):
        yield gateway.authorize, gateway
    elif gateway.void and rules.has("gateway tombstone"):
        yield "VOIDED", gateway
    elif gateway.holds < 2:
        yield "AUTHORIZED", gateway._replace(authorize="AUTHORIZED", holds=gateway.holds + 1)
        yield "DECLINED", gateway._replace(authorize="DECLINED")


def _capture(rules: Rules, gateway: Gateway) -> Iterator[tuple[str, Gateway]]:
    if gateway.capture and rules.has("gateway key"):
        yield gateway.capture, gateway
    elif gateway.void or gateway.authorize == "DECLINED":
        yield "CAPTURE_REFUSED", gateway._replace(capture="CAPTURE_REFUSED")
    elif gateway.authorize and gateway.captures < 2:
        yield "CAPTURED", gateway._replace(capture="CAPTURED", holds=max(0, gateway.holds - 1), captures=gateway.captures + 1)
        yield "CAPTURE_REFUSED", gateway._replace(capture="CAPTURE_REFUSED")


def _void(rules: Rules, gateway: Gateway) -> Iterator[tuple[str, Gateway]]:
    if gateway.void and rules.has("gateway key"):
        yield gateway.void, gateway
    elif gateway.capture != "CAPTURED":
        yield "VOIDED", gateway._replace(void="VOIDED", holds=max(0, gateway.holds - 1))


OUTCOMES = {"authorize": _authorize, "capture": _capture, "void": _void}
