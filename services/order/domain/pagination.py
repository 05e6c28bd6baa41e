"""The pages of a customer's orders: what may be asked for, and where the next page begins."""

import base64
import json
import re
from collections.abc import Mapping

from kernel import order_numbers, outside_json
from kernel.identifiers import ORDER_ID
from kernel.invalid_request import InvalidRequestError
from services.order.domain import order_request
from services.order.domain.model import PageKey

LIMIT, MAX_LIMIT = 20, 100
"""How many orders a page reads unless the caller says, and at most. A search by number reads the most."""


def customer_of(query: Mapping[str, str]) -> str:
    """Return the customer of the requested orders. Raises InvalidRequestError."""
    customer = query.get("customer")
    if customer is None:
        raise InvalidRequestError("request-invalid", 400, "customer", "is missing: GET /orders?customer=<customer_id>")
    return order_request.check_customer(customer, "customer")


def limit_of(query: Mapping[str, str]) -> int:
    """Return the most orders that the page reads. Raises InvalidRequestError."""
    text = query.get("limit", str(MAX_LIMIT if "number" in query else LIMIT))
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise InvalidRequestError("request-invalid", 400, "limit", f"must be an integer from 1 to {MAX_LIMIT}")
    return int(text)


def number_of(query: Mapping[str, str]) -> str | None:
    """Return the requested number of an order in its written form, None without one. Raises InvalidRequestError."""
    given = query.get("number")
    if given is None:
        return None
    begin = order_numbers.begin_of_id(given)
    if begin is None:
        raise InvalidRequestError("request-invalid", 400, "number", order_numbers.NUMBER_FORM)
    return order_numbers.number_of(begin)


def cursor_of(last: PageKey) -> str:
    """Return the end of a page as an opaque text."""
    key = json.dumps([last["pk"], last["created_at"]], separators=(",", ":"))
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def begin_of(query: Mapping[str, str], customer: str) -> PageKey | None:
    """Return the key that the page follows, None for the first page. Raises InvalidRequestError for a malformed cursor."""
    cursor = query.get("cursor")
    if cursor is None:
        return None
    try:
        pk, created_at = outside_json.read(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if re.fullmatch(rf"ORDER#{ORDER_ID.pattern}", pk) and re.fullmatch(r"[0-9TZ:.-]{24}", created_at):
            return {"pk": pk, "customer_id": customer, "created_at": created_at}
    except (ValueError, TypeError):
        pass
    raise InvalidRequestError("cursor-invalid", 400, "cursor", "is not one that a page gave as `next`; begin without a cursor")
