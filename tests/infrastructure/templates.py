"""The synthesized templates, as plain data to ask questions of."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One resource of a stack. `type` is without the leading `AWS::`."""

    service: str
    id: str
    type: str
    properties: dict[str, Any]
    entry: dict[str, Any]

    @classmethod
    def of(cls, service: str, logical_id: str, entry: dict[str, Any]) -> "Resource":
        """Return the resource of a template's entry."""
        return cls(service, logical_id, entry["Type"].removeprefix("AWS::"), entry.get("Properties", {}), entry)

    def __str__(self) -> str:
        return f"{self.service}/{self.id}"


@dataclass(frozen=True)
class Assembly:
    """The result of a synthesis in `folder`: the template of each service, and of the platform."""

    folder: Path
    templates: dict[str, dict[str, Any]]

    def resources(self, *types: str, service: str | None = None) -> list[Resource]:
        """Return the resources of these types (`Lambda::Function`), or of all types, in one service or in all."""
        return [
            resource
            for resource in self._all()
            if (not types or resource.type in types) and service in (None, resource.service)
        ]

    def resource(self, service: str, logical_id: str) -> Resource:
        """Return the resource with that logical id."""
        return Resource.of(service, logical_id, self.templates[service]["Resources"][logical_id])

    def one(self, kind: str, service: str, id_starts: str) -> Resource:
        """Return the service's only resource of that type with a logical id that starts with this text."""
        found = [resource for resource in self.resources(kind, service=service) if resource.id.startswith(id_starts)]
        assert len(found) == 1, f"{[str(resource) for resource in found]} are {kind} of {service} named {id_starts}"
        return found[0]

    def function(self, service: str, module: str) -> Resource:
        """Return the function with its handler in that module."""
        handler = f"services.{service}.functions.{module}.handler"
        return next(f for f in self.resources("Lambda::Function", service=service) if f.properties["Handler"] == handler)

    def statements(self, function: Resource) -> list[dict[str, Any]]:
        """Return the statements of the function's role."""
        return self.statements_of(function.service, referred(function.properties["Role"]))

    def statements_of(self, service: str, role_id: str) -> list[dict[str, Any]]:
        """Return the statements of that role."""
        return [
            statement
            for policy in self.resources("IAM::Policy", service=service)
            if [referred(role) for role in policy.properties["Roles"]] == [role_id]
            for statement in policy.properties["PolicyDocument"]["Statement"]
        ]

    def provides(self) -> dict[str, str]:
        """Return the service that publishes each SSM parameter, by the parameter's name."""
        return {parameter.properties["Name"]: parameter.service for parameter in self.resources("SSM::Parameter")}

    def requires(self, service: str) -> set[str]:
        """Return the SSM parameters that the service's stack reads at deployment, without the CDK's own."""
        parameters = self.templates[service].get("Parameters", {})
        return {
            entry["Default"]
            for name, entry in parameters.items()
            if name != "BootstrapVersion" and entry["Type"].startswith("AWS::SSM::Parameter::Value")
        }

    def _all(self) -> Iterator[Resource]:
        for service, template in self.templates.items():
            for name, entry in template["Resources"].items():
                yield Resource.of(service, name, entry)


def read(folder: Path) -> Assembly:
    """Read the assembly in `folder`."""
    found = {path.name.split(".")[0].split("-")[1].lower(): path for path in sorted(folder.glob("*.template.json"))}
    return Assembly(folder, {service: json.loads(path.read_text()) for service, path in found.items()})


def referred(value: Any) -> str:
    """Return the logical id that `{"Ref": ...}` or `{"Fn::GetAtt": [...]}` refers to."""
    return str(value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0])


def texts(value: Any) -> Iterator[str]:
    """Every string in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def listed(value: Any) -> list[Any]:
    """IAM writes a list of one as its one member."""
    return value if isinstance(value, list) else [value]
