"""The gateway that a function was deployed with."""

import os
from collections.abc import Callable
from functools import cache

from services.kernel import clients
from services.kernel.secrets import secret
from services.payment.gateway import PaymentGateway
from services.payment.ledger import Ledger
from services.payment.sandbox_gateway import SandboxGateway
from services.payment.stripe_api import CALL_SECONDS, READ_SECONDS, StripeApi
from services.payment.stripe_gateway import StripeGateway

MOST_CALLS = {"authorize": 3, "capture": 3, "void": 3, "refund": 3}
"""How many calls to Stripe an operation makes at most. A call that meets no answer is its operation's last."""
OPERATION_SECONDS = {operation: calls * CALL_SECONDS for operation, calls in MOST_CALLS.items()}
"""The longest that an operation of a gateway takes, but for our own tables: what budgets are computed from."""


def ledger() -> Ledger:
    """The gateway's books."""
    return Ledger(clients.dynamodb(), os.environ["LEDGER_TABLE_NAME"])


def stripe_api() -> StripeApi:
    """Stripe, with the account whose key is in Secrets Manager."""
    return StripeApi(clients.http(READ_SECONDS), os.environ["STRIPE_URL"], lambda: secret(os.environ["STRIPE_API_KEY_ARN"]))


def sandbox() -> PaymentGateway:
    """The gateway that is nothing but its ledger."""
    return SandboxGateway(ledger())


def stripe() -> PaymentGateway:
    """Stripe, with its outcomes in our ledger too."""
    return StripeGateway(stripe_api(), ledger())


GATEWAYS: dict[str, Callable[[], PaymentGateway]] = {"sandbox": sandbox, "stripe": stripe}


@cache
def gateway() -> PaymentGateway:
    """The gateway named by the variable GATEWAY."""
    return GATEWAYS[os.environ["GATEWAY"]]()
