"""GET /stock/{sku}."""

import json
from typing import Any

import pytest

from tests.support import documented_api
from tests.unit.inventory.conftest import BLUE, InventoryService


def get(inventory: InventoryService, path: str, method: str = "GET") -> tuple[int, str, Any]:
    """Return the API's (status, content type, body) for a request in API Gateway's payload format 2.0."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default", "requestId": "request-1"},
        "isBase64Encoded": False,
    }
    answer = inventory.api(event, None)
    said = json.loads(answer["body"])
    documented_api.check("inventory", method, path, answer["statusCode"], answer["headers"], said)
    return answer["statusCode"], answer["headers"]["Content-Type"], said


def test_a_sku_is_shown_with_its_counters(inventory: InventoryService) -> None:
    inventory.replenish(blue=10)
    inventory.reserve(0, blue=2)
    inventory.reserve(1, blue=3)
    inventory.commit(1)

    counters = {"sku": BLUE, "available": 5, "held": 2, "sold": 3, "replenished": 10, "waiting": 0}
    assert get(inventory, f"/stock/{BLUE}") == (200, "application/json", counters)


def test_a_sku_never_replenished_is_a_problem(inventory: InventoryService) -> None:
    status, content_type, problem = get(inventory, "/stock/LP-UNKNOWN")

    assert (status, content_type) == (404, "application/problem+json")
    assert problem == {
        "type": "https://orderflow.dev/problems/no-such-sku",
        "title": "No such SKU",
        "status": 404,
        "detail": "there is no stock of LP-UNKNOWN",
        "field": "sku",
    }


@pytest.mark.parametrize("sku", ["SKU%231", "a b", "x" * 65])
def test_malformed_sku_is_a_problem(inventory: InventoryService, sku: str) -> None:
    status, content_type, problem = get(inventory, f"/stock/{sku}")

    assert (status, content_type) == (400, "application/problem+json")
    assert (problem["type"], problem["field"]) == ("https://orderflow.dev/problems/sku-invalid", "sku")


@pytest.mark.parametrize(("path", "method"), [("/stock", "GET"), ("/shelves/1", "GET"), ("/stock/A", "POST")])
def test_other_routes_are_a_problem(inventory: InventoryService, path: str, method: str) -> None:
    status, content_type, problem = get(inventory, path, method)

    assert (status, content_type, problem["title"]) == (404, "application/problem+json", "No such route")
