"""The carrier that a function was deployed with, by its variable CARRIER."""

from collections.abc import Callable, Mapping

from kernel import outside_json
from kernel.clients import Clients
from kernel.secrets import Secrets
from services.shipping.carriers.easypost import EasyPostCarrier, Sender
from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.carriers.timeouts import READ_TIMEOUT_SECONDS
from services.shipping.domain.carrier import Carrier

CarrierFactory = Callable[[Clients, Mapping[str, str]], Carrier]
"""Makes a function's carrier from its clients and environment variables."""


def sandbox(clients: Clients, environ: Mapping[str, str]) -> Carrier:
    """Return the sandbox, which moves no parcels."""
    return SandboxCarrier(_webhook_secret(Secrets(clients), environ))


def easypost(clients: Clients, environ: Mapping[str, str]) -> Carrier:
    """Return EasyPost, with the account that the key in Secrets Manager belongs to."""
    sender = Sender(outside_json.read_object(environ["SHIP_FROM"]), int(environ["GRAMS_PER_ITEM"]))
    secrets = Secrets(clients).prepare()
    return EasyPostCarrier(
        clients.http(READ_TIMEOUT_SECONDS),
        environ["EASYPOST_URL"],
        sender,
        lambda: secrets.read(environ["CARRIER_API_KEY_ARN"]),
        _webhook_secret(secrets, environ),
    )


def _webhook_secret(secrets: Secrets, environ: Mapping[str, str]) -> Callable[[], str]:
    """Return a reader of the webhook's secret. Only the webhook reads it, and only the webhook has the variable."""
    return lambda: secrets.read(environ["CARRIER_WEBHOOK_SECRET_ARN"])


CARRIERS: dict[str, CarrierFactory] = {"sandbox": sandbox, "easypost": easypost}


def carrier_of(clients: Clients, environ: Mapping[str, str]) -> Carrier:
    """Return the carrier that the variable CARRIER names."""
    return CARRIERS[environ["CARRIER"]](clients, environ)
