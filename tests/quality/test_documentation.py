"""The documentation: pages made from the code are up to date, and every link leads to a file and a heading."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import cast

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from orderctl.cli import app
from orderctl.reference import pages
from tests.system import tutorial_pictures

REPOSITORY = Path(__file__).parents[2]
MOST_LINES_OF_THE_README = 120
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
LISTED = subprocess.run(["git", "ls-files", "*.md"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
PAGES = sorted(name for name in LISTED.stdout.splitlines() if (REPOSITORY / name).is_file())


def command_line() -> TyperGroup:
    """Return `orderctl` as its commands see it."""
    return cast(TyperGroup, get_command(app))


def links(page: Path) -> Iterator[str]:
    """Return the targets of the links of a page that lead into the repository."""
    for target in LINK.findall(CODE_BLOCK.sub("", page.read_text())):
        if not target.startswith(("http://", "https://", "mailto:")):
            yield target


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = HEADING.findall(CODE_BLOCK.sub("", page.read_text()))
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def leads_somewhere(page: Path, target: str) -> bool:
    """Return True if a link leads to a file or folder, and to a heading if it names one."""
    path, _, anchor = target.partition("#")
    destination = (page.parent / path).resolve() if path else page
    return destination.exists() and (not anchor or anchor in anchors(destination))


@pytest.mark.parametrize("name", PAGES)
def test_every_link_resolves(name: str) -> None:
    page = REPOSITORY / name
    assert [target for target in links(page) if not leads_somewhere(page, target)] == []


def test_readme_is_read_in_five_minutes() -> None:
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= MOST_LINES_OF_THE_README


def test_index_reaches_every_page() -> None:
    reached, waiting = set(), [REPOSITORY / "docs" / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        if page.is_dir():
            waiting += page.glob("*.md")
        elif page.suffix == ".md":
            waiting += [(page.parent / target.partition("#")[0]).resolve() for target in links(page)]
    assert [name for name in PAGES if name.startswith("docs/") and REPOSITORY / name not in reached] == []


@pytest.fixture(scope="module")
def made() -> dict[Path, str]:
    return pages.documents(command_line())


def test_pages_made_from_the_code_are_up_to_date(made: dict[Path, str]) -> None:
    assert pages.differences(made) == [], "run `orderctl docs build` and commit the changes"


def test_page_that_was_changed_by_hand_is_found_and_made_again(made: dict[Path, str], tmp_path: Path) -> None:
    for service in pages.SERVICES:
        (tmp_path / "services" / service).mkdir(parents=True)
        readme = REPOSITORY / "services" / service / "README.md"
        (tmp_path / "services" / service / "README.md").write_text(readme.read_text().replace("| `", "| by hand `"))
    assert pages.build(pages.documents(command_line(), tmp_path), tmp_path) == sorted(made)
    assert pages.differences(pages.documents(command_line(), tmp_path), tmp_path) == []


def test_each_view_of_the_page_has_a_picture() -> None:
    """`python -m tests.console.screenshots` makes them."""
    views = re.findall(r'^  \["([a-z-]+)", "', (REPOSITORY / "console/static/app.js").read_text(), re.MULTILINE)
    shown = (REPOSITORY / "docs/how-to/watch-orders.md").read_text()
    assert len(views) > 1
    assert [view for view in views if f"../images/console-{view}.png" not in shown] == []


def test_each_picture_of_the_tutorial_is_made_by_its_steps() -> None:
    """`python -m tests.system.tutorial_pictures` makes them."""
    assert tutorial_pictures.PICTURE.findall(tutorial_pictures.TUTORIAL.read_text()) == list(tutorial_pictures.VIEWS)
    assert [name for name in tutorial_pictures.VIEWS if not (tutorial_pictures.IMAGES / f"{name}.png").is_file()] == []
