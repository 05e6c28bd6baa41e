"""Problem documents (RFC 9457): an API's answer to a request that it cannot fulfil, with the field."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aws_lambda_powertools.event_handler import Response

from kernel import logs
from kernel.invalid_request import InvalidRequestError

TYPES = "https://orderflow.dev/problems/"
"""The problem types' namespace: identifiers, documented in the READMEs of the services, not pages."""


@dataclass(frozen=True)
class ProblemDetails:
    """A problem document: `name` ends its type URI, `members` are extension members."""

    name: str
    status: int
    title: str
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)

    def response(self, headers: Mapping[str, str] | None = None) -> Response[str]:
        """Return the HTTP response, `application/problem+json`. Further lines of the log name the problem."""
        logs.add(problem=self.name)
        document = {
            "type": TYPES + self.name,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        return Response(self.status, "application/problem+json", json.dumps(document), headers=dict(headers or {}))


def from_invalid_request(request: InvalidRequestError) -> ProblemDetails:
    """Return the problem document of bad input."""
    members = {"field": request.field} if request.field else {}
    return ProblemDetails(request.name, request.status, title_of(request.name), request.detail, members)


def title_of(name: str) -> str:
    """Return the title of a problem: `Being confirmed` for `being-confirmed`."""
    return name.replace("-", " ").capitalize()


RETRY_AFTER_SECONDS: Final = "60"


def retry_later(name: str, status: int, detail: str) -> Response[str]:
    """Return the response of a webhook that cannot process an event yet."""
    return ProblemDetails(name, status, title_of(name), f"{detail}; send it again").response(
        {"Retry-After": RETRY_AFTER_SECONDS}
    )


def no_such_route(service: str) -> Callable[[Exception], Response[str]]:
    """Return a handler for paths that the service's API does not have."""
    detail = f"see services/{service}/README.md for the routes"
    return lambda _: ProblemDetails("no-such-route", 404, "No such route", detail).response()
