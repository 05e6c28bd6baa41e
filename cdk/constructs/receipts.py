"""The key of the receipts: one for each stage, read by the functions that issue or check receipts."""

from cdk.constructs.alarm import alarm_on_count
from cdk.constructs.function import ServiceFunction
from cdk.constructs.secret import ServiceSecret
from cdk.service_stack import PLATFORM, ServiceStack

KEY = "receipt-key"
REFUSED = "a command without a valid receipt was refused"


def make_key(platform: ServiceStack) -> None:
    """Create the stage's key. It never leaves the account, so it may be rotated at any time; the runbook says how."""
    reason = (
        "rotated by the operator, docs/how-to/runbooks/receipt-refused.md: a schedule needs a function of its own, for one key"
    )
    ServiceSecret(platform, KEY, "the key of the receipts that services issue to each other", not_rotated=reason)


def give_key(stack: ServiceStack, *functions: ServiceFunction) -> None:
    """Let the functions issue and check receipts, and alarm when one of them refuses a receipt."""
    arn = stack.require(PLATFORM, f"{KEY}-arn")
    for function in functions:
        function.add_environment("RECEIPT_KEY_ARN", arn)
        function.allow("secretsmanager:GetSecretValue", on=arn)
    alarm_on_count(stack, "ReceiptRefused", REFUSED, "receipt-refused")
