"""The requests of the view Home: the lamps, the figures of all rows, and the form that places an order."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypedDict

from starlette.requests import Request
from starlette.routing import Route

from audit.catalogue import label
from console.endpoints import Asked, Endpoints
from console.lines import Send
from operations import stage_audit
from operations.alarms import states
from operations.aws import service_client
from operations.aws.target import Target
from operations.contracts import openapi
from operations.dead_letters import messages
from operations.errors import FieldError

PLACE: Final = "place_order"
"""The schema of the body of POST /orders in the OpenAPI document."""


class Lamps(TypedDict):
    """The state of a stage at a glance: its dead letters, its alarms, and the names of those that ring."""

    dead_letters: int
    alarms: int
    ringing: list[str]


class Audited(TypedDict):
    """The findings and figures of an audit of all rows, as `orderctl audit` has them."""

    findings: list[str]
    figures: Mapping[str, Any]


class Placed(TypedDict):
    """An order that was accepted."""

    order_id: str


class Home:
    """The stage as a whole. `new_key` returns an idempotency key."""

    def __init__(self, target: Target, new_key: Callable[[], str]) -> None:
        self._target = target
        self._new_key = new_key

    def routes(self, endpoints: Endpoints) -> list[Route]:
        """Return the route of each request."""
        return [
            endpoints.reads("/api/lamps", self._lamps),
            endpoints.reads_by_line("/api/audit", self._audit),
            endpoints.reads("/api/order-form", self._form),
            endpoints.changes("/api/place", self._place),
        ]

    def _lamps(self, request: Request) -> Lamps:
        alarms = states.of_stage(self._target)
        return {
            "dead_letters": sum(messages.queues(self._target).values()),
            "alarms": len(alarms),
            "ringing": [alarm["name"] for alarm in alarms if alarm["state"] == states.RINGS],
        }

    def _audit(self, request: Request, send: Send) -> None:
        def progress(rows: int) -> None:
            send([{"rows": rows}])

        audited = stage_audit.audit_stage(self._target, settled=False, progress=progress)
        findings = [f"{label(finding.invariant)} {finding.subject}: {finding.what}" for finding in audited.findings]
        result: Audited = {"findings": findings, "figures": audited.figures}
        send([{"result": result}])

    def _form(self, request: Request) -> object:
        components: Any = openapi.document("order")["components"]
        return components["schemas"][PLACE]

    def _place(self, request: Request, asked: Asked) -> Placed:
        headers = {"Idempotency-Key": self._new_key(), "Prefer": "respond-async"}
        answer = service_client.order_api(self._target, "POST", "/orders", asked, headers)
        if answer.status >= 400:
            said = service_client.problem(answer)
            raise FieldError(
                f"The order was not placed: {service_client.refusal(answer)}.",
                "Correct the field, then place it again.",
                str(said.get("field", "")),
                str(said.get("detail", "")),
            )
        return {"order_id": answer.json()["order_id"]}
