"""The gateway that a function was deployed with."""

import os
from collections.abc import Callable
from functools import cache

from kernel import clients
from kernel.secrets import secret
from services.payment.domain.gateway import PaymentGateway
from services.payment.gateways.ledger import Ledger
from services.payment.gateways.sandbox import SandboxGateway
from services.payment.gateways.stripe import StripeGateway
from services.payment.gateways.stripe_api import StripeApi
from services.payment.gateways.timeouts import READ_SECONDS


def ledger() -> Ledger:
    """Return the gateway's ledger."""
    return Ledger(clients.dynamodb(), os.environ["LEDGER_TABLE_NAME"])


def stripe_api() -> StripeApi:
    """Stripe, with the account whose key is in Secrets Manager."""
    return StripeApi(clients.http(READ_SECONDS), os.environ["STRIPE_URL"], lambda: secret(os.environ["STRIPE_API_KEY_ARN"]))


def sandbox() -> PaymentGateway:
    """Return the sandbox gateway, backed only by its ledger."""
    return SandboxGateway(ledger())


def stripe() -> PaymentGateway:
    """Stripe, with its outcomes in our ledger too."""
    return StripeGateway(stripe_api(), ledger())


GATEWAYS: dict[str, Callable[[], PaymentGateway]] = {"sandbox": sandbox, "stripe": stripe}


@cache
def gateway() -> PaymentGateway:
    """Return the gateway that the variable GATEWAY names."""
    return GATEWAYS[os.environ["GATEWAY"]]()
