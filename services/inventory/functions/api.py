"""The inventory's API: the stock of a SKU."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from kernel import problem_details
from kernel.identifiers import ID_FORM, PERSONAL, is_personal
from kernel.problem_details import ProblemDetails
from services.inventory.domain.stock import SKU_PATTERN
from services.inventory.storage import table

app = APIGatewayHttpResolver()


@app.get("/stock/<sku>")
def show_stock(sku: str) -> Response[str]:
    """Return the SKU's counters by a consistent read: 200, 404 for one never replenished, 400 for an invalid SKU."""
    if not SKU_PATTERN.fullmatch(sku):
        return ProblemDetails("sku-invalid", 400, "SKU invalid", f"a SKU {ID_FORM}", {"field": "sku"}).response()
    if is_personal(sku):
        return ProblemDetails("sku-invalid", 400, "SKU invalid", PERSONAL, {"field": "sku"}).response()
    row = table.skus().get(sku)
    if row is None:
        return ProblemDetails("no-such-sku", 404, "No such SKU", f"there is no stock of {sku}", {"field": "sku"}).response()
    wanted = sum(waiting["quantity"] for waiting in row["waiting"])
    return Response(200, "application/json", json.dumps({**row, "waiting": wanted}))


app.not_found(problem_details.no_such_route("inventory"))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle a request of API Gateway's HTTP API, payload format 2.0."""
    answer: dict[str, Any] = app.resolve(event, context)
    return answer
