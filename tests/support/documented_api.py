"""The check of an API's answers by its OpenAPI document: a test that calls an API calls this with each answer."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from operations.contracts import openapi

Document = dict[str, Any]
"""An OpenAPI document, or a part of it."""


@cache
def document(service: str) -> Document:
    return openapi.document(service)


def check(service: str, method: str, path: str, status: int, headers: Mapping[str, str], body: object) -> None:
    """Assert that the document has this response for its route: status, headers, content type and body."""
    operation = operation_of(service, method, path)
    if operation is None:
        assert status == 404, f"{method} {path} is not documented, and answered {status}"
        return
    assert str(status) in operation["responses"], f"{method} {path} answered {status}, which is not documented"
    response = operation["responses"][str(status)]
    sent = {name for name in headers if name in openapi.HEADERS}
    assert sent <= set(response.get("headers", ())), f"{method} {path} {status} has headers that are not documented: {sent}"
    if body is None:
        assert "content" not in response, f"{method} {path} {status} has no body"
        return
    ((content_type, content),) = response["content"].items()
    assert headers["Content-Type"] == content_type
    schema = {**content["schema"], "components": document(service)["components"]}
    problems = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(body)]
    assert not problems, f"{method} {path} {status}: {problems}"


def operation_of(service: str, method: str, path: str) -> Document | None:
    """Return the documented operation of a route."""
    for template, operations in document(service)["paths"].items():
        if re.fullmatch(re.sub(r"\{[a-z_]+\}", "[^/]*", template), path) and method.lower() in operations:
            found: Document = operations[method.lower()]
            return found
    return None
