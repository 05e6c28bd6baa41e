"""The gateway that a function is deployed with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kernel.clients import Clients
from kernel.secrets import Secrets
from kernel.settings import from_environment
from services.payment.domain.gateway import PaymentGateway
from services.payment.gateways.ledger import Ledger
from services.payment.gateways.sandbox import SandboxGateway
from services.payment.gateways.stripe import StripeGateway
from services.payment.gateways.stripe_api import StripeApi
from services.payment.gateways.timeouts import READ_SECONDS

GatewayFactory = Callable[[Clients, Mapping[str, str]], PaymentGateway]
"""Makes a gateway from a function's clients and environment variables."""


@dataclass(frozen=True)
class GatewaySettings:
    """The name of the gateway, one of GATEWAYS, and the table of its ledger."""

    gateway: str
    ledger_table_name: str


@dataclass(frozen=True)
class StripeSettings:
    """Stripe's address, and the ARN of the secret that holds the account's API key."""

    stripe_url: str
    stripe_api_key_arn: str


def ledger_of(clients: Clients, environ: Mapping[str, str]) -> Ledger:
    """Return the gateway's ledger."""
    return Ledger(clients.dynamodb, from_environment(GatewaySettings, environ).ledger_table_name)


def stripe_api_of(clients: Clients, environ: Mapping[str, str]) -> StripeApi:
    """Return Stripe's API. Each call takes the account's key from Secrets Manager."""
    settings, secrets = from_environment(StripeSettings, environ), Secrets(clients).prepare()
    return StripeApi(clients.http(READ_SECONDS), settings.stripe_url, lambda: secrets.read(settings.stripe_api_key_arn))


def sandbox_of(clients: Clients, environ: Mapping[str, str]) -> PaymentGateway:
    """Return the sandbox, which is backed only by its ledger."""
    return SandboxGateway(ledger_of(clients, environ))


def stripe_of(clients: Clients, environ: Mapping[str, str]) -> PaymentGateway:
    """Return Stripe; its outcomes are in the ledger too."""
    return StripeGateway(stripe_api_of(clients, environ), ledger_of(clients, environ))


GATEWAYS: Final[dict[str, GatewayFactory]] = {"sandbox": sandbox_of, "stripe": stripe_of}


def gateway_of(clients: Clients, environ: Mapping[str, str]) -> PaymentGateway:
    """Return the gateway that the variable GATEWAY names. Raises MissingSettingError."""
    return GATEWAYS[from_environment(GatewaySettings, environ).gateway](clients, environ)
