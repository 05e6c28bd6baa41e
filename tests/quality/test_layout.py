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
FIELD_TERMS = {
    "booking": "a noun: the booking of a parcel with the carrier",
    "bring": "a verb: `orderctl up` is the bring-up",
    "bundling": "the CDK's term for the files of a function (`BundlingOptions`)",
    "finding": "a noun: a finding of the audit",
    "linting": "the field's term for what cdk-nag and cfn-lint do",
    "naming": "a noun: the naming of stacks, indexes and parameters",
    "polling": "the field's term for a repeated observation",
    "rolling": "an adjective: the rolling audit",
    "tracking": "the carriers' term for the news of a parcel",
}
"""The words in the names of modules that end in "ing", each with the reason why it is no gerund to guess at."""


def modules() -> list[Path]:
    """Return every module of the repository, and every test module."""
    return [path for path in tracked() if path.suffix == ".py"]


def words_of(module: Path) -> list[str]:
    """Return the words in the name of a module."""
    return module.stem.split("_")


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


OF_A_TERMINAL = {
    *("print", "input", "exit", "quit", "breakpoint", "SystemExit", "pprint", "getpass", "logging"),
    *("sys.exit", "sys.stdout", "sys.stderr", "sys.stdin", "sys.__stdout__", "sys.__stderr__", "sys.__stdin__"),
    *("os._exit", "os.write", "os.abort", "os.system", "builtins.print", "builtins.input", "traceback.print_exc"),
}
"""The names by which a module prints, prompts or exits."""
STARTS = ("subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call")


def at_the_terminal(source: str) -> list[str]:
    """Return the names by which a module prints, prompts or exits, and the programs that it starts at the caller's terminal."""
    nodes = list(ast.walk(ast.parse(source)))
    full = {"": ""}
    for node in nodes:
        if isinstance(node, ast.Import):
            full |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            full |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    named = set(full.values())
    for node in nodes:
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            named.add(full.get(first, first) + dot + rest)
    found = {name for name in named if name in OF_A_TERMINAL or name.partition(".")[0] in OF_A_TERMINAL}
    for node in nodes:
        if isinstance(node, ast.Call) and ast.unparse(node.func) in STARTS:
            given = {keyword.arg for keyword in node.keywords}
            found |= set() if given & {"capture_output", "stdout"} else {ast.unparse(node.func)}
    return sorted(found)


@pytest.mark.parametrize("file", [path for path in tracked("operations") if path.suffix == ".py"], ids=str)
def test_operation_never_prints_prompts_or_exits(file: Path) -> None:
    assert at_the_terminal((REPOSITORY / file).read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "print(1)",
        "import sys\nsys.exit(1)",
        "import sys as system\nsystem.stdout.write('1')",
        "from sys import stdout as out\nout.write('1')",
        "from pprint import pprint\npprint(1)",
        "import logging\nlogging.info('1')",
        "import subprocess\nsubprocess.run(['ls'], check=True)",
    ],
)
def test_each_way_to_a_terminal_is_found(source: str) -> None:
    assert at_the_terminal(source) != []


@pytest.mark.parametrize("word", sorted(FIELD_TERMS))
def test_field_term_is_in_use(word: str) -> None:
    assert [name for name in modules() if word in words_of(name)] != []


def test_module_is_a_noun_and_no_gerund() -> None:
    gerunds = {name: word for name in modules() for word in words_of(name) if word.endswith("ing") and word not in FIELD_TERMS}
    assert gerunds == {}, "name the thing that is in the module, or add the field's term with its reason"


def test_readme_maps_every_folder() -> None:
    rooms = {path.parts[0] for path in tracked() if len(path.parts) > 1 and not path.parts[0].startswith(".")}
    table = (REPOSITORY / "README.md").read_text().partition("## Find your way")[2]
    named = set(
        re.findall(r"`([a-z]+)/`", "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|")))
    )
    assert rooms == named
