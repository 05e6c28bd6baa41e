"""The unmodified handlers, imported from the `services` that come first on the path."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from botocore.exceptions import ClientError

from simulation.engine import sdk
from simulation.engine.functions import Handler
from simulation.stage import accounts, deployment
from simulation.stage.gateway import RemoteCarrier, RemoteGateway

if TYPE_CHECKING:
    from kernel.clients import Clients

P = ParamSpec("P")
S = TypeVar("S")
R = TypeVar("R")


@cache
def load() -> Mapping[str, ModuleType]:
    """Return every function's module, by the function's name. The sandbox gateway and carrier are put beyond a network.

    The values in SSM and Secrets Manager are constant.
    """
    found = {
        deployed.name: import_module(f"services.{deployed.service}.functions.{deployed.module}")
        for deployed in deployment.functions(adapters=True)
    }
    gateways = import_module("services.payment.gateways.factory").GATEWAYS
    gateways["sandbox"] = _beyond_a_network(RemoteGateway, gateways["sandbox"])
    carriers = import_module("services.shipping.carriers.factory").CARRIERS
    carriers["sandbox"] = _beyond_a_network(RemoteCarrier, carriers["sandbox"])
    import_module("services.shipping.carriers.easypost").EasyPostCarrier.poll_interval = accounts.POLL_INTERVAL
    return found


@cache
def _clients() -> "Clients":
    """Return the clients of all functions of this process, made once: each call goes to the world that runs."""
    made: Clients = import_module("kernel.clients").Clients()
    made.http = accounts.RemoteHttp  # type: ignore[assignment]  # it has what the adapters call
    made.secrets = ConstantSecrets()
    return made


def handler_of(deployed: deployment.Deployed) -> Handler:
    """Return a function's handler for one world: bootstrapped with the variables that it is deployed with."""
    handler: Handler = load()[deployed.name].bootstrap(_clients(), deployed.environ)
    observed: Handler = import_module("kernel.handler").observed(handler)
    return observed


class ConstantSecrets:
    """Secrets Manager, always there: each secret has one value, made just now, and none before it."""

    def get_secret_value(self, **request: str) -> dict[str, object]:
        """Return the value of the secret `SecretId`. Raises ClientError for its value before the last rotation."""
        sdk.note("secretsmanager", "GetSecretValue", request)
        if request.get("VersionStage") == "AWSPREVIOUS":
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        return {"SecretString": _secret(request["SecretId"]), "CreatedDate": import_module("kernel.clock").now()}


def _beyond_a_network(remote: Callable[[S], R], make: Callable[P, S]) -> Callable[P, R]:
    return lambda *given, **named: remote(make(*given, **named))


def _secret(arn: str) -> str:
    if arn == deployment.RECEIPT_KEY_ARN:
        return deployment.RECEIPT_KEY
    return accounts.secrets().get(arn.rpartition(":")[2], RemoteCarrier.SECRET)
