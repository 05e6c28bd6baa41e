"""The services' HTTP APIs as OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0), made of each `api.yaml` and its schemas.

An `api.yaml` has OpenAPI's paths in a shorter form:

- a `requestBody` and a response's `body` name a JSON Schema file of the service;
- `problem: true` means a problem document;
- `headers` has the names of headers;
- `open: true` marks a route without a signature.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from kernel.naming import SERVICES
from kernel.schemas import SERVICES_FOLDER

Written = Mapping[str, Any]
"""An operation or a response, as `api.yaml` has it."""
VERSION: Final = "3.1.0"
API_VERSION: Final = "1.0.0"
"""Of our APIs: the first number rises with what breaks a caller."""
SIGNED: Final = "awsSigV4"
HEADERS: Final = {
    "Location": "The path of the order.",
    "Retry-After": "Seconds to wait before the next request.",
    "Preference-Applied": "`respond-async`, if the request had it.",
    "Link": 'The next page, as `rel="next"`; absent on the last page.',
    "ETag": "Changes whenever the shown order changes.",
    "Cache-Control": "`no-cache`: validate each time, with If-None-Match.",
}
PROBLEM: Final = {
    "title": "Problem",
    "description": "A problem document (RFC 9457). `type` ends with the name of the problem; further members have details.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "pattern": "^https://orderflow\\.dev/problems/[a-z-]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"description": "The place in the request.", "type": "string"},
    },
}
REFUSED_BEFORE: Final = {
    "403": "The signature is missing or wrong, or its identity may not call this route. API Gateway responds.",
}
"""Responses that API Gateway itself gives on a signed route."""
REFUSED_ANYWHERE: Final = {
    "429": "Too many requests. API Gateway responds; send the request again later.",
    "5XX": "API Gateway or the function failed, and the outcome is unknown: send the same request again.",
}
"""Responses that API Gateway itself gives on each route."""
GATEWAY: Final = {
    "title": "Gateway",
    "description": "The body of API Gateway's own responses.",
    "type": "object",
    "properties": {"message": {"type": "string"}},
}


def documents() -> dict[str, dict[str, object]]:
    """Return the OpenAPI document of each service with an `api.yaml`, by the service."""
    return {name: document(name) for name in SERVICES if (SERVICES_FOLDER / name / "api.yaml").exists()}


SERVERS: Final = [
    {
        "url": "https://{api}.execute-api.{region}.amazonaws.com",
        "description": "A stage on AWS. `orderctl up` and the output of the stack print the address of a stage.",
        "variables": {
            "api": {"default": "api-id", "description": "The id of the API."},
            "region": {"default": "eu-central-1", "description": "The region of the stage."},
        },
    },
    {
        "url": "http://127.0.0.1:{port}/_aws/execute-api/{api}",
        "description": "The AWS of the laptop. `orderctl up` prints the address, "
        "and `orderctl env` exports that of the order API.",
        "variables": {
            "port": {"default": "4566", "description": "The port of the laptop's AWS."},
            "api": {"default": "api-id", "description": "The id of the API."},
        },
    },
]
"""The places of an API."""


def document(service: str) -> dict[str, object]:
    """Return the service's document with all references resolved."""
    folder = SERVICES_FOLDER / service
    written: Mapping[str, Mapping[str, Written]] = yaml.safe_load((folder / "api.yaml").read_text())
    paths = {
        path: {method: _operation(operation) for method, operation in operations.items()}
        for path, operations in written.items()
    }
    named = sorted({name for operations in written.values() for operation in operations.values() for name in _named(operation)})
    schemas = {Path(name).stem: _schema(folder / name) for name in named}
    components: dict[str, object] = {"schemas": {**schemas, "problem": PROBLEM, "gateway": GATEWAY}}
    made: dict[str, object] = {
        "openapi": VERSION,
        "info": {"title": f"Orderflow: {service}", "version": API_VERSION},
        "servers": SERVERS,
        "paths": paths,
        "components": components,
    }
    if any("security" not in operation for operations in paths.values() for operation in operations.values()):
        signed = {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"}
        components["securitySchemes"] = {SIGNED: {**signed, "description": "AWS Signature Version 4, by IAM."}}
        made["security"] = [{SIGNED: []}]
    return made


def _operation(written: Written) -> dict[str, object]:
    made = {name: value for name, value in written.items() if name in ("operationId", "summary", "description", "parameters")}
    if written.get("open"):
        made["security"] = []
    if "requestBody" in written:
        made["requestBody"] = {"content": {"application/json": {"schema": _reference(written["requestBody"])}}}
    before = REFUSED_ANYWHERE if written.get("open") else {**REFUSED_BEFORE, **REFUSED_ANYWHERE}
    by_gateway = {status: {"description": text, "body": "gateway.json"} for status, text in before.items()}
    answers = {**by_gateway, **written["responses"]}
    made["responses"] = {status: _response(answer) for status, answer in sorted(answers.items())}
    return made


def _response(written: Written) -> dict[str, object]:
    made: dict[str, object] = {"description": written["description"]}
    if "headers" in written:
        made["headers"] = {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in written["headers"]}
    if written.get("problem"):
        made["content"] = {"application/problem+json": {"schema": _reference("problem.json")}}
    elif "body" in written:
        made["content"] = {"application/json": {"schema": _reference(written["body"])}}
    return made


def _named(operation: Written) -> Iterator[str]:
    if "requestBody" in operation:
        yield operation["requestBody"]
    yield from (answer["body"] for answer in operation["responses"].values() if "body" in answer)


def _reference(file: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{Path(file).stem}"}


def _schema(file: Path) -> dict[str, object]:
    """Return the file's schema, which draft-07 and OpenAPI's own dialect read alike."""
    return {name: value for name, value in json.loads(file.read_text()).items() if name != "$schema"}
