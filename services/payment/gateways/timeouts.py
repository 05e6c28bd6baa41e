"""The longest times of a call to Stripe and of a gateway's operation, in seconds, for the time budgets."""

from typing import Final

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 2.0
CALL_SECONDS: Final = CONNECT_SECONDS + READ_SECONDS
"""The longest time of one call, with its repeat."""
MOST_CALLS: Final = {"authorize": 3, "capture": 3, "void": 3, "refund": 3}
"""How many calls to Stripe an operation makes at most. A call without an answer is its operation's last."""
OPERATION_SECONDS: Final = {operation: calls * CALL_SECONDS for operation, calls in MOST_CALLS.items()}
"""The longest time of an operation at the gateway, without the calls to DynamoDB."""
