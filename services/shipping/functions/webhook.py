"""The carrier's webhook: what it tells about a parcel, believed only if it is the carrier's, and done once."""

import json
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from kernel import clock, problem_details
from kernel.problem_details import InvalidRequestError
from kernel.webhooks import InvalidSignatureError
from services.shipping.carriers.factory import carrier
from services.shipping.domain import states
from services.shipping.domain.carrier import CarrierUnavailableError, Sighting
from services.shipping.storage import table
from services.shipping.use_cases import parcels

logger = Logger()
app = APIGatewayHttpResolver()


@app.post("/webhooks/carrier")
def hear() -> Response[str]:
    """200 with the `outcome` DELIVERED, UNCHANGED or IGNORED; 400 for what is not the carrier's; 409 and 503: tell it again."""
    event = app.current_event
    try:
        body = event.decoded_body or ""
        sighting = carrier().hear(event.headers, body, clock.now())
    except InvalidSignatureError as refusal:
        return problem_details.from_invalid_request(InvalidRequestError("signature-invalid", 400, "", str(refusal))).response()
    except ValueError as refusal:
        return problem_details.from_invalid_request(InvalidRequestError("request-invalid", 400, "", str(refusal))).response()
    except CarrierUnavailableError:
        logger.warning("carrier cannot be asked about what it told")
        return problem_details.retry_later("carrier-unavailable", 503, "the carrier cannot be asked about its parcel")
    if sighting is None:
        return _outcome("IGNORED")
    return _see(sighting)


def _see(sighting: Sighting) -> Response[str]:
    row = table.shipments().get(sighting.order_id)
    if row is None:
        return _outcome("IGNORED")
    if row["status"] in (states.CREATED, states.BOOKING):  # the carrier was quicker than our own writing down
        return problem_details.retry_later(
            "not-dispatched", 409, f"the parcel of order {sighting.order_id} is not known to be dispatched"
        )
    if row["status"] != states.DISPATCHED:
        return _outcome("UNCHANGED")
    after = parcels.seen(row, sighting.parcel)
    return _outcome("DELIVERED" if after["status"] == states.DELIVERED else "UNCHANGED")


def _outcome(outcome: str) -> Response[str]:
    logger.info("webhook answered", outcome=outcome)
    return Response(200, "application/json", json.dumps({"outcome": outcome}))


app.not_found(problem_details.no_such_route("shipping"))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle a request of API Gateway's HTTP API, payload format 2.0."""
    answer: dict[str, Any] = app.resolve(event, context)
    return answer
