"""How long a call to Stripe and an operation of a gateway take at most, as plain numbers for budgets."""

from typing import Final

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 2.0
CALL_SECONDS: Final = CONNECT_SECONDS + READ_SECONDS
"""The longest that one call takes, with its repeat."""
MOST_CALLS: Final = {"authorize": 3, "capture": 3, "void": 3, "refund": 3}
"""How many calls to Stripe an operation makes at most. A call that meets no answer is its operation's last."""
OPERATION_SECONDS: Final = {operation: calls * CALL_SECONDS for operation, calls in MOST_CALLS.items()}
"""The longest that an operation of a gateway takes, but for our own tables: what budgets are computed from."""
