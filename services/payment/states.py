"""The payment's transition table: intent before the call to the gateway, result after it."""

from services.kernel.names import source_of
from services.kernel.transitions import ABSENT, TransitionTable, step

AUTHORIZING, AUTHORIZED, DECLINED = "AUTHORIZING", "AUTHORIZED", "DECLINED"
CAPTURING, CAPTURED, CAPTURE_REFUSED = "CAPTURING", "CAPTURED", "CAPTURE_REFUSED"
VOIDING, VOIDED = "VOIDING", "VOIDED"

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
            guard="the tombstone: from here on a late authorise is refused",
        ),
        step("void", VOIDING, VOIDED, publishes="PaymentVoided", guard="the gateway cancelled the intent"),
    ),
    terminal=frozenset({CAPTURED, VOIDED, DECLINED}),
)
