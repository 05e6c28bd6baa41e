"""The inventory's API: the stock of a SKU."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from kernel import problem_details
from kernel.clients import Clients
from kernel.handler import Handler, lambda_handler
from kernel.identifiers import ID_FORM, PERSONAL, is_personal
from kernel.problem_details import ProblemDetails
from kernel.settings import from_environment
from services.inventory.domain.stock import SKU_PATTERN
from services.inventory.storage.skus import Skus


@dataclass(frozen=True)
class ApiSettings:
    """The inventory's table."""

    table_name: str


def show_stock(skus: Skus, sku: str) -> Response[str]:
    """Return the SKU's counters by a consistent read: 200, 404 for one never replenished, 400 for an invalid SKU."""
    if not SKU_PATTERN.fullmatch(sku):
        return ProblemDetails("sku-invalid", 400, "SKU invalid", f"a SKU {ID_FORM}", {"field": "sku"}).response()
    if is_personal(sku):
        return ProblemDetails("sku-invalid", 400, "SKU invalid", PERSONAL, {"field": "sku"}).response()
    row = skus.get(sku)
    if row is None:
        return ProblemDetails("no-such-sku", 404, "No such SKU", f"there is no stock of {sku}", {"field": "sku"}).response()
    counters = {
        "sku": sku,
        "available": row["available"],
        "held": row["held"],
        "sold": row["sold"],
        "replenished": row["replenished"],
        "waiting": row["waited_for"],
    }
    return Response(200, "application/json", json.dumps(counters))


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of API Gateway's HTTP API, payload format 2.0."""
    skus = Skus(clients.dynamodb, from_environment(ApiSettings, environ).table_name)
    app = APIGatewayHttpResolver()
    app.not_found(problem_details.no_such_route("inventory"))

    @app.get("/stock/<sku>")
    def get_stock(sku: str) -> Response[str]:
        return show_stock(skus, sku)

    return app.resolve


handler = lambda_handler(bootstrap)
