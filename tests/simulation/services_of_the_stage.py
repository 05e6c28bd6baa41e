"""The unmodified handlers, imported from whichever `services` comes first on the path."""

from functools import cache
from importlib import import_module
from typing import Any

from tests.simulation import deployment
from tests.simulation.gateway import RemoteCarrier, RemoteGateway


@cache
def load() -> dict[str, Any]:
    """Every function's handler, by the function's name. The sandbox gateway and carrier are put beyond a network."""
    found = {
        deployed.name: import_module(f"services.{deployed.service}.{deployed.module}").handler
        for deployed in deployment.functions()
    }
    gateways = import_module("services.payment.gateways").GATEWAYS
    sandbox = gateways["sandbox"]
    gateways["sandbox"] = lambda: RemoteGateway(sandbox())
    carriers = import_module("services.shipping.carriers")
    nobody = carriers.CARRIERS["sandbox"]
    carriers.CARRIERS["sandbox"] = lambda: RemoteCarrier(nobody())
    carriers.secret = lambda arn: RemoteCarrier.SECRET  # type: ignore[attr-defined]
    return found
