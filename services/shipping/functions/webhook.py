"""The carrier's webhook: signed news about a parcel, each recorded once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from kernel import clock, logs, problem_details
from kernel.clients import Clients
from kernel.handler import Handler, lambda_handler
from kernel.invalid_request import InvalidRequestError
from kernel.logs import logger
from kernel.webhooks import InvalidSignatureError
from services.shipping.carriers.factory import CarrierFactory, carrier_of
from services.shipping.domain import states
from services.shipping.domain.carrier import Carrier, CarrierUnavailableError, TrackingUpdate
from services.shipping.storage.table import Shipments, shipments_of
from services.shipping.use_cases.tracking import record_tracking


@dataclass(frozen=True)
class CarrierWebhook:
    """The recording of the carrier's news."""

    shipments: Shipments
    carrier: Carrier

    def receive(self, headers: Mapping[str, str], body: str, now: datetime) -> Response[str]:
        """Record the news in a signed body, and respond with 200 and the `outcome`: DELIVERED, UNCHANGED or IGNORED.

        400 means that the carrier did not sign the body or that it is malformed; 409 and 503 that the carrier should repeat it.
        """
        try:
            update = self.carrier.parse_webhook(headers, body, now)
        except InvalidSignatureError as refusal:
            return _bad_request("signature-invalid", refusal)
        except ValueError as refusal:
            return _bad_request("request-invalid", refusal)
        except CarrierUnavailableError:
            logger.warning("no response of the carrier to a query")
            return problem_details.retry_later("carrier-unavailable", 503, "the carrier does not respond to a query")
        return _outcome("IGNORED") if update is None else self._record(update)

    def _record(self, update: TrackingUpdate) -> Response[str]:
        row = self.shipments.get(update.order_id)
        if row is None:
            return _outcome("IGNORED")
        logs.add(order_id=row["order_id"])
        logs.follow(row["correlation_id"])
        if row["status"] in (states.CREATED, states.BOOKING):  # the carrier was faster than our own write
            return problem_details.retry_later(
                "not-dispatched", 409, f"the parcel of order {update.order_id} is not known to be dispatched"
            )
        if row["status"] != states.DISPATCHED:
            return _outcome("UNCHANGED")
        if update.booking not in (None, row["booking"]):  # another parcel for the order, such as its return
            return _outcome("IGNORED")
        after = record_tracking(self.shipments, row, update.parcel)
        return _outcome("DELIVERED" if after["status"] == states.DELIVERED else "UNCHANGED")


def _bad_request(name: str, refusal: ValueError) -> Response[str]:
    return problem_details.from_invalid_request(InvalidRequestError(name, 400, "", str(refusal))).response()


def _outcome(outcome: str) -> Response[str]:
    logger.info("webhook answered", outcome=outcome)
    return Response(200, "application/json", json.dumps({"outcome": outcome}))


def bootstrap(clients: Clients, environ: Mapping[str, str], make_carrier: CarrierFactory = carrier_of) -> Handler:
    """Return the handler of API Gateway's HTTP API, payload format 2.0."""
    webhook = CarrierWebhook(shipments_of(clients, environ), make_carrier(clients, environ))
    app = APIGatewayHttpResolver()
    app.not_found(problem_details.no_such_route("shipping"))

    @app.post("/webhooks/carrier")
    def receive() -> Response[str]:
        event = app.current_event
        try:
            body = event.decoded_body or ""
        except ValueError as refusal:
            return _bad_request("request-invalid", refusal)
        return webhook.receive(event.headers, body, clock.now())

    return app.resolve


handler = lambda_handler(bootstrap)
