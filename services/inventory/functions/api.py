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
from services.inventory.storage.shards import Shards
from services.inventory.storage.skus import Skus
from services.inventory.use_cases.split_stock import SplitStock


@dataclass(frozen=True)
class ApiSettings:
    """The inventory's table."""

    table_name: str


def show_stock(split_stock: SplitStock, sku: str) -> Response[str]:
    """Return the SKU's counters, over all shards, by consistent reads.

    The status is 200, 404 for a SKU that was never replenished, and 400 for an invalid one.
    """
    if not SKU_PATTERN.fullmatch(sku):
        return ProblemDetails("sku-invalid", 400, "SKU invalid", f"a SKU {ID_FORM}", {"field": "sku"}).response()
    if is_personal(sku):
        return ProblemDetails("sku-invalid", 400, "SKU invalid", PERSONAL, {"field": "sku"}).response()
    row = split_stock.skus.get(sku)
    if row is None:
        return ProblemDetails("no-such-sku", 404, "No such SKU", f"there is no stock of {sku}", {"field": "sku"}).response()
    counters = {"sku": sku, **split_stock.total(row), "waiting": row["waited_for"]}
    return Response(200, "application/json", json.dumps(counters))


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of API Gateway's HTTP API, payload format 2.0."""
    table_name = from_environment(ApiSettings, environ).table_name
    split_stock = SplitStock(Skus(clients.dynamodb, table_name), Shards(clients.dynamodb, table_name))
    app = APIGatewayHttpResolver()
    app.not_found(problem_details.no_such_route("inventory"))

    @app.get("/stock/<sku>")
    def get_stock(sku: str) -> Response[str]:
        return show_stock(split_stock, sku)

    return app.resolve


handler = lambda_handler(bootstrap)
