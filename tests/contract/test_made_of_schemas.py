"""Files made from the schemas agree with them, and are valid for their readers."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from kernel.naming import SERVICES
from operations.contracts import generated, openapi
from operations.contracts.event_catalogue import events
from operations.errors import CheckFailedError
from operations.repository import REPOSITORY
from orderctl.commands.schemas import app, report
from tests.support import documented_api
from tests.support.consumers import SUBSCRIPTIONS
from tests.unit.orderctl.conftest import Stage, orderctl

ROOMS = ("kernel", "services", "operations")
ASYNCAPI = REPOSITORY / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"


@pytest.fixture(scope="module")
def made() -> dict[Path, str]:
    return generated.documents()


def test_generated_files_are_up_to_date(made: dict[Path, str]) -> None:
    assert generated.differences(made) == {"written": [], "removed": []}, (
        "Run `orderctl schemas build`, then commit the changes"
    )


def test_edited_or_missing_document_is_found_and_rebuilt(made: dict[Path, str], tmp_path: Path) -> None:
    generated.build(made, tmp_path)
    page, stray = (
        tmp_path / "docs" / "reference" / "events" / "order.md",
        tmp_path / "docs" / "reference" / "events" / "mine.md",
    )
    page.write_text(page.read_text() + "by hand")
    stray.write_text("by hand")
    (tmp_path / "services" / "order" / "schemas" / "models.py").unlink()
    found = {what: [str(path) for path in paths] for what, paths in generated.differences(made, tmp_path).items()}
    assert found == {
        "written": ["docs/reference/events/order.md", "services/order/schemas/models.py"],
        "removed": ["docs/reference/events/mine.md"],
    }
    generated.build(made, tmp_path)
    assert generated.differences(made, tmp_path) == {"written": [], "removed": []}


def test_check_writes_nothing() -> None:
    pages = [*(REPOSITORY / "docs" / "reference" / "events").glob("*.md")]
    written = [page.stat().st_mtime_ns for page in pages]
    orderctl(app, Stage(), "build", "--check")
    assert [page.stat().st_mtime_ns for page in pages] == written


@pytest.mark.parametrize("action", ["written", "removed"])
def test_check_that_fails_names_the_next_step(action: str) -> None:
    nothing: dict[str, list[Path]] = {"written": [], "removed": []}
    report(nothing, check=True)
    with pytest.raises(CheckFailedError) as failed:
        report({**nothing, action: [Path("docs/reference/events/order.md")]}, check=True)
    assert "orderctl schemas build" in str(failed.value.hint)


@pytest.mark.parametrize("name", ["orderflow", *SERVICES])
def test_asyncapi_documents_are_valid(name: str) -> None:
    document = json.loads((REPOSITORY / "docs" / "reference" / "events" / "asyncapi" / f"{name}.json").read_text())
    problems = [error.message for error in Draft7Validator(json.loads(ASYNCAPI.read_text())).iter_errors(document)]
    assert problems == []
    for reference in references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


@pytest.mark.parametrize("service", sorted(openapi.documents()))
def test_openapi_documents_are_valid(service: str) -> None:
    document = json.loads((REPOSITORY / "docs" / "reference" / "openapi" / f"{service}.json").read_text())
    OpenAPIV31SpecValidator(document).validate()
    ids = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        (418, {}, None, "answered 418, which is not documented"),
        (200, {"Content-Type": "application/json", "Location": "/"}, {}, "headers that are not documented: {'Location'}"),
        (200, {"Content-Type": "application/json"}, {"orders": [], "more": 1}, "'more' was unexpected"),
        (200, {"Content-Type": "application/json"}, None, "has no body"),
    ],
)
def test_undocumented_response_is_found(status: int, headers: dict[str, str], body: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        documented_api.check("order", "GET", "/orders", status, headers, body)


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return [*own, *(found for part in value.values() for found in references(part))]
    return [found for part in value for found in references(part)] if isinstance(value, list) else []


def test_asyncapi_lists_the_consumers_of_each_event() -> None:
    received = {
        (service, message["x-eventbridge"]["source"], message["x-eventbridge"]["detail-type"])
        for service in SERVICES
        for document in [
            json.loads((REPOSITORY / "docs" / "reference" / "events" / "asyncapi" / f"{service}.json").read_text())
        ]
        for name, operation in document["operations"].items()
        if operation["action"] == "receive"
        for message in [document["components"]["messages"][name.removeprefix("receive")]]
    }
    assert received == {(service, *pair) for (service, _), pairs in SUBSCRIPTIONS.items() for pair in pairs}


def test_models_accept_every_example_and_nothing_else(tmp_path: Path) -> None:
    """By mypy, of a module in which each example's data is said to be of its model; and one with a field too many."""
    lines = [f"from services.{service}.schemas import models as {service}" for service in SERVICES]
    for number, event in enumerate(event for event in events() if event.example["data"]):
        name, data = f"{event.owner}.{event.stem}V{event.version}Data", event.example["data"]
        lines += [f"right_{number}: {name} = {data!r}", f"wrong_{number}: {name} = {dict(data, more=1)!r}"]
    module = tmp_path / "examples.py"
    module.write_text("\n".join(lines))
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path), str(module)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    refused = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert refused == {number for number, line in enumerate(lines, start=1) if line.startswith("wrong")}, done.stdout


def test_every_model_is_used() -> None:
    """A model is used if code imports it, or if another model of its module has it as a part."""
    sources = {path: path.read_text() for room in ROOMS for path in (REPOSITORY / room).rglob("*.py")}
    unused = []
    for path in [path for path in sources if path.parent.name == "schemas" and path.stem in ("models", "consumed")]:
        module = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        imported = {
            alias.name
            for source in sources.values()
            if module in source
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.ImportFrom) and node.module == module
            for alias in node.names
        }
        tree = ast.parse(sources[path])
        parts = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        models = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        unused += [f"{module}.{name}" for name in models if name not in imported | parts]
    assert unused == []
