"""The repository's own files: the licence, the notice, the package's metadata, the changelog, the code owners."""

import re
import subprocess
import tomllib
from datetime import date
from email.message import Message
from importlib.metadata import distribution
from pathlib import Path
from typing import cast

import pytest
from trove_classifiers import classifiers

REPOSITORY = Path(__file__).parents[2]
SETTINGS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PROJECT = SETTINGS["project"]
NOTICE = (REPOSITORY / "NOTICE").read_text()
LOCKS = "".join((REPOSITORY / "requirements" / lock).read_text() for lock in ("runtime.txt", "notification.txt"))
LIBRARIES = sorted(set(re.findall(r"^([a-z0-9-]+)==", LOCKS, re.MULTILINE)))
ENTRY = re.compile(r"^(\S.*?)(?: \(([\w.-]+)\))?\n((?:    .*\n|\n(?=    ))+)", re.MULTILINE)
"""An entry of the notice: a name or paths, a licence, and the indented text below."""
RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
"""The headings of https://keepachangelog.com/en/1.1.0/."""


def section(number: int) -> dict[str, tuple[str, str]]:
    """Return the entries of the notice's section: name → (licence, text)."""
    body = re.split(r"^\d\. .*\n-+\n", NOTICE, flags=re.MULTILINE)[number]
    return {name: (licence, text) for name, licence, text in ENTRY.findall(body)}


def without_years(text: str) -> str:
    return " ".join(re.sub(r"[\d,-]+", " ", text).split())


def test_license_is_the_apache_license_of_the_authors() -> None:
    text = (REPOSITORY / "LICENSE").read_text()
    assert text.split("\n")[1:3] == [f"{'Apache License':>47}", f"{'Version 2.0, January 2004':>52}"]
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Copyright 2026 The Orderflow authors" in text
    assert PROJECT["license"] == "Apache-2.0"
    assert PROJECT["license-files"] == ["LICENSE", "NOTICE"]


def test_notice_lists_every_library_of_a_bundle_and_no_other() -> None:
    assert sorted(section(1)) == sorted(LIBRARIES)


@pytest.mark.parametrize("library", LIBRARIES)
def test_notice_repeats_a_library_s_copyright_and_licence(library: str) -> None:
    licence, text = section(1)[library]
    installed = distribution(library)
    files = [file for file in installed.files or () if file.name.startswith("LICENSE") and ".dist-info" in str(file)]
    assert files, "the bundle carries no licence text of this library"
    texts = "\n".join(file.read_text() for file in files)
    assert without_years(text.splitlines()[0]) in without_years(texts)
    metadata = cast(Message, installed.metadata)
    declared = metadata.get("License-Expression", metadata.get("License"))
    if declared is None:  # an older package states it as a classifier, without the number of its clauses
        assert "License :: OSI Approved :: BSD License" in metadata.get_all("Classifier", [])
        declared = "BSD-3-Clause" if "Neither the name of the copyright holder" in texts else "BSD-2-Clause"
    assert licence.removesuffix("-0") == declared


def test_notice_lists_every_data_file() -> None:
    listed = {path for paths in section(2) for path in paths.split(", ")}
    tracked = subprocess.run(["git", "ls-files", "data"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert listed == {path for path in tracked.split() if not path.endswith(".md")}


def test_classifiers_exist_and_name_no_second_licence() -> None:
    assert set(PROJECT["classifiers"]) <= set(classifiers)
    assert not [name for name in PROJECT["classifiers"] if name.startswith("License ::")]


def test_every_package_of_the_wheel_is_marked_as_typed() -> None:
    packages = SETTINGS["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert [name for name in packages if not (REPOSITORY / name / "py.typed").exists()] == []


def test_changelog_begins_with_the_version_of_the_package() -> None:
    releases = RELEASE.findall((REPOSITORY / "CHANGELOG.md").read_text())
    assert releases[0][0] == PROJECT["version"]
    days = [date.fromisoformat(day) for _, day in releases]
    assert days == sorted(days, reverse=True)
    versions = [tuple(map(int, version.split("."))) for version, _ in releases]
    assert versions == sorted(set(versions), reverse=True)


def test_changelog_sorts_changes_by_kind() -> None:
    headings = re.findall(r"^### (.+)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert set(headings) <= KINDS


def test_code_owners_example_names_paths_that_exist() -> None:
    lines = (REPOSITORY / ".github" / "CODEOWNERS.example").read_text().splitlines()
    paths = [line.split()[0] for line in lines if line.startswith("/")]
    assert paths
    assert [path for path in paths if not (REPOSITORY / path.strip("/")).exists()] == []
