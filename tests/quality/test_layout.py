"""The folders show what they hold: five services of one shape, and a map in the README that names every room."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from kernel.naming import SERVICES

REPOSITORY = Path(__file__).parents[2]
IN_EVERY_SERVICE = {
    "README.md",
    "__init__.py",
    "infrastructure.py",
    "contract.py",
    "subscriptions.py",
    "schemas",
    "functions",
    "domain",
    "storage",
}
IN_SOME = {"adapters", "api.yaml", "carriers", "gateways", "requests", "responses", "templates", "use_cases", "workflow"}


def tracked(folder: str = "") -> list[Path]:
    """Return the files below a folder that git tracks or could track, relative to the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", f"./{folder}"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    return [Path(name) for name in listed if (REPOSITORY / name).exists()]


@pytest.mark.parametrize("service", SERVICES)
def test_service_has_the_shape_of_all(service: str) -> None:
    found = {path.parts[2] for path in tracked(f"services/{service}")}
    assert found >= IN_EVERY_SERVICE
    assert found <= IN_EVERY_SERVICE | IN_SOME


@pytest.mark.parametrize("file", [path for path in tracked("services") if path.parts[2:3] == ("functions",)], ids=str)
def test_module_of_functions_is_a_lambda_function(file: Path) -> None:
    if file.name == "__init__.py":
        return
    body = ast.parse((REPOSITORY / file).read_text()).body
    defined = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    imported = {alias.asname or alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assigned = {name.id for node in body if isinstance(node, ast.Assign) for name in node.targets if isinstance(name, ast.Name)}
    assert "handler" in defined | imported | assigned


@pytest.mark.parametrize("file", [path for path in tracked("operations") if path.suffix == ".py"], ids=str)
def test_operation_never_prints_prompts_or_exits(file: Path) -> None:
    nodes = list(ast.walk(ast.parse((REPOSITORY / file).read_text())))
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    named |= {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    assert not named & {
        "print",
        "input",
        "exit",
        "quit",
        "SystemExit",
        "sys.exit",
        "sys.stdout",
        "sys.stderr",
        "sys.stdin",
        "os._exit",
    }


def test_readme_maps_every_folder() -> None:
    rooms = {path.parts[0] for path in tracked() if len(path.parts) > 1 and not path.parts[0].startswith(".")}
    table = (REPOSITORY / "README.md").read_text().partition("## Find your way")[2]
    named = set(
        re.findall(r"`([a-z]+)/`", "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|")))
    )
    assert rooms == named
