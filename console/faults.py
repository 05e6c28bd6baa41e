"""The requests about faults: those that the laptop offers, and their start and end."""

from collections.abc import Callable
from typing import TypedDict

from starlette.requests import Request
from starlette.routing import Route

from console.endpoints import Asked, Endpoints, texts
from operations import faults
from operations.aws.target import Target
from operations.faults import Begun, Listed


class Stopped(TypedDict):
    """The names of the faults that were switched off."""

    stopped: list[str]


class Faults:
    """The faults of one target. `new_key` returns an idempotency key."""

    def __init__(self, target: Target, new_key: Callable[[], str]) -> None:
        self._target = target
        self._new_key = new_key

    def routes(self, endpoints: Endpoints) -> list[Route]:
        """Return the route of each request."""
        return [
            endpoints.reads("/api/faults", self._listed),
            endpoints.changes("/api/faults/stop", self._stop),
            endpoints.changes("/api/faults/{name}/start", self._start),
        ]

    def _listed(self, request: Request) -> list[Listed]:
        return faults.listed(self._target)

    def _start(self, request: Request, asked: Asked) -> Begun:
        return faults.start(self._target, request.path_params["name"], self._new_key())

    def _stop(self, request: Request, asked: Asked) -> Stopped:
        return {"stopped": faults.stop(self._target, texts(asked, "names"))}
