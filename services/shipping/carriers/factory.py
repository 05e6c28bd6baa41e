"""The carrier that a function was deployed with."""

import os
from collections.abc import Callable
from functools import cache

from kernel import clients, outside_json
from kernel.secrets import secret
from services.shipping.carriers.easypost import EasyPostCarrier, Sender
from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.carriers.timeouts import READ_TIMEOUT_SECONDS
from services.shipping.domain.carrier import Carrier


def _webhook_secret() -> str:
    return secret(os.environ["CARRIER_WEBHOOK_SECRET_ARN"])


def _api_key() -> str:
    return secret(os.environ["CARRIER_API_KEY_ARN"])


def sandbox() -> Carrier:
    """Return the sandbox carrier, which moves nothing."""
    return SandboxCarrier(_webhook_secret)


def easypost() -> Carrier:
    """EasyPost, with the account whose key is in Secrets Manager."""
    sender = Sender(outside_json.read_object(os.environ["SHIP_FROM"]), int(os.environ["GRAMS_PER_ITEM"]))
    http = clients.http(READ_TIMEOUT_SECONDS)
    return EasyPostCarrier(http, os.environ["EASYPOST_URL"], sender, _api_key, _webhook_secret)


CARRIERS: dict[str, Callable[[], Carrier]] = {"sandbox": sandbox, "easypost": easypost}


@cache
def carrier() -> Carrier:
    """Return the carrier that the variable CARRIER names."""
    return CARRIERS[os.environ["CARRIER"]]()
