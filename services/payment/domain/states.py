"""The transition tables of a payment, of a dispute, and of a refund that was made at the gateway by hand.

A payment takes two steps for each call to the gateway: `intend_...` before the call, the result after it.
"""

from kernel.naming import source_of
from kernel.transitions import ABSENT, TransitionTable, step

AUTHORIZING, AUTHORIZED, DECLINED = "AUTHORIZING", "AUTHORIZED", "DECLINED"
CAPTURING, CAPTURED, CAPTURE_REFUSED = "CAPTURING", "CAPTURED", "CAPTURE_REFUSED"
VOIDING, VOIDED = "VOIDING", "VOIDED"
REFUNDING, REFUNDED, REFUND_REFUSED = "REFUNDING", "REFUNDED", "REFUND_REFUSED"
OPEN, WON, LOST = "OPEN", "WON", "LOST"
RECORDED = "RECORDED"

TRANSITIONS = TransitionTable(
    aggregate="PAY",
    source=source_of("payment"),
    transitions=(
        step("intend_authorize", ABSENT, AUTHORIZING),
        step("authorize", AUTHORIZING, AUTHORIZED, publishes="PaymentAuthorized", guard="the gateway authorised"),
        step("decline", AUTHORIZING, DECLINED, publishes="PaymentDeclined", guard="the gateway declined"),
        step("intend_capture", AUTHORIZED, CAPTURING),
        step("capture", CAPTURING, CAPTURED, publishes="PaymentCaptured", guard="the gateway captured"),
        step(
            "refuse_capture",
            CAPTURING,
            CAPTURE_REFUSED,
            publishes="PaymentFailed",
            guard="the gateway refused the capture",
        ),
        step(
            "intend_void",
            (ABSENT, AUTHORIZING, AUTHORIZED, CAPTURE_REFUSED),
            VOIDING,
            guard="it leaves a tombstone, so a late authorise is refused",
        ),
        step("void", VOIDING, VOIDED, publishes="PaymentVoided", guard="the gateway cancelled the intent"),
        step(
            "intend_refund",
            CAPTURED,
            REFUNDING,
            guard="OrderCancelled, and the order's facts say that it was cancelled after its confirmation",
        ),
        step(
            "refund", REFUNDING, REFUNDED, publishes="PaymentRefunded", guard="the gateway refunded the money", repeatable=True
        ),
        step(
            "refuse_refund",
            REFUNDING,
            REFUND_REFUSED,
            publishes="PaymentRefundFailed",
            guard="the gateway refused the refund",
        ),
        step("retry_refund", REFUND_REFUSED, REFUNDING, guard="an operator retries, with a new idempotency key"),
        step(
            "intend_settlement",
            (REFUNDING, REFUND_REFUSED),
            REFUNDING,
            guard="an operator paid the customer outside, with a reference",
        ),
        step(
            "settle_refund",
            REFUNDING,
            REFUNDED,
            publishes="PaymentRefunded",
            guard="the ledger has OUTSIDE for the attempt",
            repeatable=True,
        ),
    ),
    terminal=frozenset({CAPTURED, VOIDED, DECLINED, REFUNDED, REFUND_REFUSED}),
)

DISPUTES = TransitionTable(
    aggregate="DISPUTE",
    source=source_of("payment"),
    transitions=(
        step("open", ABSENT, OPEN, publishes="PaymentDisputed", guard="the gateway's signed webhook"),
        step(
            "win",
            (ABSENT, OPEN),
            WON,
            publishes="PaymentDisputeClosed",
            guard="the gateway's signed webhook: the money stays with the shop",
        ),
        step(
            "lose",
            (ABSENT, OPEN),
            LOST,
            publishes="PaymentDisputeClosed",
            guard="the gateway's signed webhook: the card network returned the money",
        ),
    ),
    terminal=frozenset({WON, LOST}),
)

OUTSIDE_REFUNDS = TransitionTable(
    aggregate="REFUND",
    source=source_of("payment"),
    transitions=(
        step(
            "record_outside_refund",
            ABSENT,
            RECORDED,
            publishes="PaymentRefundedOutside",
            guard="the gateway lists it, and no attempt of ours made it",
        ),
    ),
    terminal=frozenset({RECORDED}),
)
