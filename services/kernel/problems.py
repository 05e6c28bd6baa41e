"""What an API answers when it cannot do as asked: problem documents (RFC 9457), naming the field."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.event_handler import Response

TYPES = "https://orderflow.dev/problems/"
"""The problem types' namespace: identifiers, documented in the READMEs of the services, not pages."""


class InvalidRequest(ValueError):
    """Bad input. `field` is where in the request (`lines[0].sku`, `Idempotency-Key`); `status` is the HTTP status it earns."""

    def __init__(self, name: str, status: int, where: str, detail: str) -> None:
        super().__init__(f"{where}: {detail}" if where else detail)
        self.name = name
        self.status = status
        self.field = where
        self.detail = detail


@dataclass(frozen=True)
class Problem:
    """A problem document: `name` ends its type URI, `members` are extension members."""

    name: str
    status: int
    title: str
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict)

    def response(self, headers: Mapping[str, str] | None = None) -> Response[str]:
        """The HTTP response, `application/problem+json`."""
        document = {
            "type": TYPES + self.name,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        return Response(self.status, "application/problem+json", json.dumps(document), headers=dict(headers or {}))


def of_invalid(request: InvalidRequest) -> Problem:
    """The problem document of bad input."""
    members = {"field": request.field} if request.field else {}
    return Problem(request.name, request.status, request.name.replace("-", " ").capitalize(), request.detail, members)
