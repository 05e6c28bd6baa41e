"""Dependencies come in as arguments: a test hands in its fakes, and patches no attribute of the code."""

import ast
from collections import Counter
from pathlib import Path
from typing import Final

REPOSITORY = Path(__file__).parents[2]
PATCHES: Final = frozenset({"cache_clear", "setattr", "setitem", "delattr", "delitem", "patch"})
"""The methods by which a test changes the code behind its back. `setenv`, `delenv` and `chdir` change its environment."""
PATCHES_OF_MOCK: Final = ("patch.object", "patch.dict", "patch.multiple")
STILL_PATCHED: Final[dict[str, int]] = {}
"""How often a file still patches code of ours. This list only becomes shorter."""
BOUNDARIES: Final = {
    "tests/infrastructure/test_budgets.py": 1,  # a stack's own constant
    "tests/sdk/test_sdk_safety.py": 1,  # the back-off of botocore
    "tests/unit/conftest.py": 1,  # the default session of boto3, which `boto3.client` takes from nowhere else
    "tests/unit/orderctl/conftest.py": 1,  # a person at the terminal, which click's runner lacks
    "tests/support/fields_read.py": 1,  # the fields that a handler reads show only between the inbox and the handler
}
"""How often a file changes a value that no caller may choose."""


def patches(source: str) -> int:
    """Return how often a test's source patches an attribute, assigns to one of something imported, or clears a cache."""
    nodes = list(ast.walk(ast.parse(source)))
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    assigned = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del)]
    return sum(_is_patch(call, imported) for call in calls) + sum(_root(node) in imported for node in assigned)


def _is_patch(call: ast.Call, imported: set[str]) -> bool:
    called = ast.unparse(call.func)
    if called in ("setattr", "delattr"):
        return bool(call.args) and _root(call.args[0]) in imported
    return called.endswith(PATCHES_OF_MOCK) or called.rpartition(".")[2] in PATCHES


def _root(node: ast.expr) -> str:
    """Return the name that a chain of attributes begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def test_test_patches_no_code_of_ours() -> None:
    found = Counter(
        {str(path.relative_to(REPOSITORY)): patches(path.read_text()) for path in (REPOSITORY / "tests").rglob("*.py")}
    )
    assert +found == Counter(STILL_PATCHED | BOUNDARIES)


def test_patch_is_found_whatever_it_is_called_on() -> None:
    assert patches("monkeypatch.setattr(clock, 'now', None)\nclients.sqs.cache_clear()") == 2
    assert patches("with mock.patch('kernel.clock.now'), patch.object(clock, 'now'), patch.dict(rows): ...") == 3
    assert patches("@patch('kernel.clock.now')\ndef test(): ...\nmonkeypatch.delattr(clock, 'now')") == 2
    assert patches("from kernel import clock\nclock.now = None\nsetattr(clock, 'now', None)\ndel clock.now") == 3
    assert patches("stage.now = None\nself.rows = []") == 0
    assert patches("monkeypatch.setenv('STAGE', 'dev')\nmonkeypatch.chdir(tmp_path)\nsetattr(request, 'url', url)") == 0
