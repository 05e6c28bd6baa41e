"""The unmodified handlers, imported from whichever `services` comes first on the path."""

from functools import cache
from importlib import import_module
from typing import Any

from simulation.stage import accounts, deployment
from simulation.stage.gateway import RemoteCarrier, RemoteGateway


@cache
def load() -> dict[str, Any]:
    """Every function's handler, by the function's name. The sandbox gateway and carrier are put beyond a network.

    The values in SSM and Secrets Manager are constant.
    """
    found = {
        deployed.name: import_module(f"services.{deployed.service}.functions.{deployed.module}").handler
        for deployed in deployment.functions()
    }
    gateways = import_module("services.payment.gateways.factory").GATEWAYS
    sandbox = gateways["sandbox"]
    gateways["sandbox"] = lambda: RemoteGateway(sandbox())
    carriers = import_module("services.shipping.carriers.factory")
    nobody = carriers.CARRIERS["sandbox"]
    carriers.CARRIERS["sandbox"] = lambda: RemoteCarrier(nobody())
    import_module("kernel.secrets").Secrets.read = lambda self, arn: _secret(arn)
    import_module("kernel.secrets").Secrets.read_anew = lambda self, arn: [_secret(arn)]
    import_module("kernel.clients").http = accounts.RemoteHttp  # type: ignore[attr-defined]
    import_module("services.shipping.carriers.easypost").EasyPostCarrier.asked_every = accounts.ASKED_EVERY
    return found


def _secret(arn: str) -> str:
    if arn == deployment.RECEIPT_KEY_ARN:
        return deployment.RECEIPT_KEY
    return accounts.secrets().get(arn.rpartition(":")[2], RemoteCarrier.SECRET)


def forget_adapters() -> None:
    """Let the next world's functions make the gateway and the carrier that they are deployed with."""
    import_module("services.payment.gateways.factory").gateway.cache_clear()
    import_module("services.shipping.carriers.factory").carrier.cache_clear()
