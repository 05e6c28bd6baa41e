"""The scripts of the operator's page: unchanged copies of npm's packages, in the NOTICE, and light."""

import json
import re
from pathlib import Path

import pytest

from console.static_files import FOLDER, static_files
from tests.quality.test_repository import NOTICE, section
from tests.support.figures import FIGURE, RecordFigure

REPOSITORY = Path(__file__).parents[2]
VENDOR = FOLDER / "vendor"
LOCK = json.loads((REPOSITORY / "package-lock.json").read_text())["packages"]
COPIED = {"preact": "dist/preact.mjs", "htm": "dist/htm.mjs", "@preact/signals-core": "dist/signals-core.mjs"}
"""The file of each package. npm checks a package against the SHA-512 of the lock before it unpacks it."""
MOST_BYTES = 40 * 1024
SECTION = 3


@pytest.mark.parametrize(("package", "file"), COPIED.items())
def test_copy_is_the_file_of_the_locked_package(package: str, file: str) -> None:
    entry = LOCK[f"node_modules/{package}"]
    installed = REPOSITORY / "node_modules" / package
    assert entry["integrity"].startswith("sha512-")
    assert json.loads((installed / "package.json").read_text())["version"] == entry["version"]
    copy = VENDOR / Path(file).name
    assert copy.read_bytes() == (installed / file).read_bytes()
    assert (VENDOR / f"{copy.stem}.LICENSE").read_bytes() == (installed / "LICENSE").read_bytes()


def test_nothing_else_is_vendored() -> None:
    stems = {Path(file).stem for file in COPIED.values()}
    assert {path.name for path in VENDOR.iterdir()} == {f"{stem}{end}" for stem in stems for end in (".mjs", ".LICENSE")}


@pytest.mark.parametrize("package", COPIED)
def test_notice_names_the_version_and_the_licence(package: str) -> None:
    licence, text = section(SECTION)[f"{package} {LOCK[f'node_modules/{package}']['version']}"]
    assert licence == LOCK[f"node_modules/{package}"]["license"]
    assert f"console/static/vendor/{Path(COPIED[package]).stem}.LICENSE" in text
    assert "3. Scripts of the operator's page" in NOTICE


def test_all_scripts_together_are_light(record_property: RecordFigure) -> None:
    sent = sum(len(file.compressed) for file in static_files().values() if file.media_type == "text/javascript")
    record_property(FIGURE, f"scripts of {sent:,} bytes of gzip (bar {MOST_BYTES:,})")
    assert sent <= MOST_BYTES, f"{sent} bytes of gzip"


def test_each_script_is_loaded_ahead() -> None:
    """A library that only the page's own script names is requested one round trip later."""
    named = set(re.findall(r'(?:modulepreload" href|module" src)="/static/([^"]+)"', (FOLDER / "index.html").read_text()))
    assert named == {name for name, file in static_files().items() if file.media_type == "text/javascript"}
