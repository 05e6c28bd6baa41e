"""Speak to the services as an operator does: a command to a function, a request to the order API."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NotRequired, TypedDict, TypeVar
from urllib.parse import quote

from kernel import outside_json
from kernel.statements import Quantity
from operations.acts import Act
from operations.aws.signed_http import Answer
from operations.aws.target import Target
from operations.errors import UserError

T = TypeVar("T")


class Price(TypedDict):
    """A SKU's price in minor units of the currency (ISO 4217), and its title."""

    sku: str
    amount: int
    currency: str
    title: NotRequired[str]


class Contact(TypedDict):
    """A customer's contact, as `data/contact.json` has it."""

    customer_id: str
    name: str
    email: str
    address: dict[str, str]


MAX_ANSWER_BYTES = 6 * 1024 * 1024
"""The most bytes of a Lambda function's response."""
MAX_PRICES = 100
MAX_ITEMS = 50
MAX_ORDERS = 200
"""The most entries of one `set_prices`, of one `replenish`, and of one `record_act`."""


def invoke(target: Target, parameter: str, payload: Mapping[str, object], act: Act | None = None) -> dict[str, Any]:
    """Invoke the function with the ARN at `parameter` (`order/operator-arn`), and return its response, a JSON object.

    The function logs the `act`. Raises UserError with the error of the function if it failed.
    """
    payload = {**(act.payload if act else {}), **payload}
    answer = target.client("lambda", read_timeout=90, retries={"total_max_attempts": 2}).invoke(
        FunctionName=target.parameter(parameter), Payload=json.dumps(payload).encode()
    )
    body = outside_json.read_object(answer["Payload"].read(), max_bytes=MAX_ANSWER_BYTES)
    if "FunctionError" in answer:
        said = body.get("errorMessage", body)
        raise UserError(f"The function at {parameter} failed: {said}", "See its log. You can run the command again.")
    return body


def order_api(target: Target, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send one signed request to the order API. Raises NoAnswerError; then the outcome is unknown."""
    return target.call(method, _url(target, "order/api-url", path), body, headers)


def inventory_api(target: Target, method: str, path: str) -> Answer:
    """Send one signed request to the inventory's API. Raises NoAnswerError."""
    return target.call(method, _url(target, "inventory/api-url", path))


def _url(target: Target, parameter: str, path: str) -> str:
    """Return the address of a path, which may have any characters in its ids."""
    return target.parameter(parameter).rstrip("/") + quote(path, errors="replace")


def refusal(answer: Answer) -> str:
    """Return the reason of a refused request in one line: the field and detail of the problem document, or the body."""
    said = problem(answer)
    if not said:
        return answer.text.strip()[:200] or f"HTTP {answer.status}"
    where = f"{said['field']}: " if said.get("field") else ""
    return where + str(said.get("detail") or said.get("message") or said)


def problem(answer: Answer) -> Mapping[str, Any]:
    """Return the problem document of a refused request; empty if it has none."""
    try:
        return answer.json()
    except ValueError:
        return {}


def set_prices(target: Target, prices: Sequence[Price], act: Act | None = None) -> None:
    """Put prices `{"sku", "amount", "currency"}`, optionally with a `title`, in the catalogue."""
    for part in in_parts(prices, MAX_PRICES):
        invoke(target, "order/operator-arn", {"command": "set_prices", "prices": part}, act)


def replenish(target: Target, replenishment_id: str, items: Sequence[Quantity], act: Act | None = None) -> None:
    """Take in stock `{"sku", "quantity"}`, once for each replenishment id, however often this is called."""
    for position, part in enumerate(in_parts(items, MAX_ITEMS)):
        command = {"command": "replenish", "replenishment_id": f"{replenishment_id}-{position}", "items": part}
        cause = {"correlation_id": replenishment_id, "causation_id": f"orderctl:{replenishment_id}"}
        invoke(target, "inventory/operator-arn", {**command, **cause}, act)


def record_act(target: Target, done: str, act: Act, order_ids: Iterable[str] = ()) -> None:
    """Log the act of a command that no function runs, such as `orders resume`, for each of its orders."""
    for part in list(in_parts(order_ids, MAX_ORDERS)) or [[]]:
        invoke(target, "order/operator-arn", {"command": "record_act", "act": done, "order_ids": part}, act)


def put_contact(target: Target, contact: Contact) -> None:
    """Keep a contact `{"customer_id", "name", "email", "address"}`. Raises UserError if it is refused."""
    body = {"name": contact["name"], "email": contact["email"], "address": contact["address"]}
    answer = order_api(target, "PUT", f"/customers/{contact['customer_id']}/contact", body)
    if answer.status != 204:
        raise UserError(
            f"The contact of {contact['customer_id']} was not saved: {refusal(answer)}.", "Correct it, then save it again."
        )


def in_parts(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield `values` in lists of at most `size`.

    Example:
        >>> list(in_parts("abc", 2))
        [['a', 'b'], ['c']]
    """
    source = iter(values)
    while part := list(islice(source, size)):
        yield part
