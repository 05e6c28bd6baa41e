"""Dependencies come in as arguments: a test hands in its fakes, and patches no attribute of the code."""

import ast
from collections import Counter
from pathlib import Path
from typing import Final

REPOSITORY = Path(__file__).parents[2]
PATCHES: Final = frozenset({"cache_clear", "setattr", "setitem"})
"""The methods by which a test changes the code behind its back. `setenv`, `delenv` and `chdir` change its environment."""
STILL_PATCHED: Final[dict[str, int]] = {}
"""How often a file still patches code of ours. This list only becomes shorter."""
BOUNDARIES: Final = {"tests/infrastructure/test_budgets.py": 1, "tests/sdk/test_sdk_safety.py": 1}
"""How often a file changes a value that no caller may choose: a stack's own constant, the back-off of botocore."""


def patches(source: str) -> int:
    """Return how often a test's source patches an attribute or clears a cache."""
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return sum(isinstance(called, ast.Attribute) and called.attr in PATCHES for called in calls)


def test_test_patches_no_code_of_ours() -> None:
    found = Counter(
        {str(path.relative_to(REPOSITORY)): patches(path.read_text()) for path in (REPOSITORY / "tests").rglob("*.py")}
    )
    assert +found == Counter(STILL_PATCHED | BOUNDARIES)


def test_patch_is_found_whatever_it_is_called_on() -> None:
    assert patches("monkeypatch.setattr(clock, 'now', None)\nclients.sqs.cache_clear()") == 2
    assert patches("monkeypatch.setenv('STAGE', 'dev')\nmonkeypatch.chdir(tmp_path)\nsetattr(request, 'url', url)") == 0
