"""The schema registry's entries: each event of a service as EventBridge's registry and its code bindings read it.

The form is OpenAPI 3.0 with the schema `AWSEvent` (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-schema-create.html).
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import aws_eventschemas as eventschemas

from cdk.constructs.bus import SERVICES_FOLDER
from cdk.service_stack import PLATFORM, ServiceStack

ENVELOPE: Final[Mapping[str, Mapping[str, object]]] = {
    "account": {"type": "string"},
    "detail-type": {"type": "string"},
    "id": {"type": "string"},
    "region": {"type": "string"},
    "resources": {"type": "array", "items": {"type": "string"}},
    "source": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
    "version": {"type": "string"},
}
NOT_OPENAPI: Final = frozenset({"$schema", "$id", "examples", "x-source", "x-detail-type", "x-version", "x-published-until"})


def register_schemas(stack: ServiceStack) -> None:
    """Put the service's events into the platform's registry, the newest version of each; AWS keeps the older ones."""
    newest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for path in (SERVICES_FOLDER / stack.service / "schemas").glob("*.json"):
        schema = json.loads(path.read_text())
        known = newest.setdefault((schema["x-source"], schema["x-detail-type"]), schema)
        if schema["x-version"] > known["x-version"]:
            newest[schema["x-source"], schema["x-detail-type"]] = schema
    for (source, detail_type), schema in sorted(newest.items()):
        sender = source.removesuffix(".*")
        eventschemas.CfnSchema(
            stack,
            f"{sender.rpartition('.')[2].title()}{detail_type}Schema",
            registry_name=stack.require(PLATFORM, "schema-registry-name"),
            schema_name=f"{sender}@{detail_type}",  # the form that the registry's own discovery gives
            type="OpenApi3",
            description=schema["description"],
            content=json.dumps(document(schema), sort_keys=True),
        )


def document(schema: Mapping[str, object]) -> dict[str, object]:
    """Return the OpenAPI document of an event's schema (draft-07)."""
    detail_type, name = schema["x-detail-type"], f"{schema['x-detail-type']}Detail"
    return {
        "openapi": "3.0.0",
        "info": {"title": detail_type, "version": f"{schema['x-version']}.0.0"},
        "paths": {},
        "components": {
            "schemas": {
                "AWSEvent": {
                    "type": "object",
                    "required": ["detail-type", "resources", "detail", "id", "source", "time", "region", "version", "account"],
                    "x-amazon-events-detail-type": detail_type,
                    "x-amazon-events-source": schema["x-source"],
                    "properties": {"detail": {"$ref": f"#/components/schemas/{name}"}, **ENVELOPE},
                },
                name: as_openapi(schema),
            }
        },
    }


def as_openapi(schema: object) -> object:
    """Convert a draft-07 schema to OpenAPI 3.0, which has no `const` and no empty `required`."""
    if isinstance(schema, list):
        return [as_openapi(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: as_openapi(value) for key, value in schema.items() if key not in NOT_OPENAPI and key != "const"}
    if "const" in schema:
        found |= {"enum": [schema["const"]], "type": "integer" if isinstance(schema["const"], int) else "string"}
    if found.get("required") == []:
        del found["required"]
    if "enum" in found and "type" not in found:
        found["type"] = "string"
    return found
