"""Texts that no committed file may hold: a path of one machine, a registry's host, a placeholder."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|farm|root)/"),
    "a registry's host": re.compile(r"https?://(?:files\.pythonhosted|pypi|registry\.npmjs)\."),
    "a placeholder": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
}
THIS = Path(__file__).relative_to(REPOSITORY).as_posix()


def committed() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if name != THIS and (REPOSITORY / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    """Yield the name and the content of each committed file that is not binary, as git finds it: without a zero byte."""
    for name in committed():
        content = (REPOSITORY / name).read_bytes()
        if b"\0" not in content[:8000]:
            yield name, content.decode(errors="replace")


@pytest.mark.parametrize("what", FORBIDDEN)
def test_is_in_no_committed_file(what: str) -> None:
    found = []
    for name, text in texts():
        found += [f"{name}: {line.strip()[:120]}" for line in text.splitlines() if FORBIDDEN[what].search(line)]
    assert found == []


def test_no_lock_records_a_host() -> None:
    assert "uv.lock" not in committed()
    assert '"resolved"' not in (REPOSITORY / "package-lock.json").read_text()
