"""The gateway that a function was deployed with."""

import os
from collections.abc import Callable
from functools import cache

from services.kernel import clients
from services.payment.gateway import PaymentGateway
from services.payment.sandbox_gateway import SandboxGateway


def sandbox() -> PaymentGateway:
    """The gateway with a ledger of its own."""
    return SandboxGateway(clients.dynamodb(), os.environ["LEDGER_TABLE_NAME"])


GATEWAYS: dict[str, Callable[[], PaymentGateway]] = {"sandbox": sandbox}


@cache
def gateway() -> PaymentGateway:
    """The gateway named by the variable GATEWAY."""
    return GATEWAYS[os.environ["GATEWAY"]]()
