"""The inventory's API: what is in stock."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from services.inventory import table
from services.inventory.stock import SKU_PATTERN

PROBLEMS = "https://orderflow.dev/problems/"
"""The problem types' namespace (RFC 9457): identifiers, documented in services/inventory/README.md, not pages."""

app = APIGatewayHttpResolver()


@app.get("/stock/<sku>")
def show_stock(sku: str) -> Response[str]:
    """The SKU's counters as they durably are: 200, 404 for one never replenished, 400 for what cannot be a SKU."""
    if not SKU_PATTERN.fullmatch(sku):
        return _problem(400, "sku-invalid", "SKU invalid", "a SKU is 1 to 64 of A-Z a-z 0-9 . _ -", field="sku")
    row = table.skus().get(sku)
    if row is None:
        return _problem(404, "no-such-sku", "No such SKU", f"there is no stock of {sku}", field="sku")
    return Response(200, "application/json", json.dumps(row))


def _no_such_route(_: Exception) -> Response[str]:
    return _problem(404, "no-such-route", "No such route", "see services/inventory/README.md for the routes")


app.not_found(_no_such_route)


def _problem(status: int, name: str, title: str, detail: str, **members: str) -> Response[str]:
    document = {"type": PROBLEMS + name, "title": title, "status": status, "detail": detail, **members}
    return Response(status, "application/problem+json", json.dumps(document))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's HTTP API, payload format 2.0."""
    answer: dict[str, Any] = app.resolve(event, context)
    return answer
