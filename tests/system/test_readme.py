"""The commands of the README, the tutorial and the how-to pages run as they are printed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.console.screenshots import IMAGES
from tests.support.browser import CHROMIUM
from tests.support.documented_commands import PAGES, REPOSITORY, Command, of_page, script, section, steps
from tests.support.repository_copy import clone
from tests.support.shell import shell
from tests.system.conftest import Laptop
from tests.system.printed_commands import NOT_RUN, order_with_a_parcel
from tests.system.test_newcomer import HEADINGS, README
from tests.system.test_runbooks import forget_dead_letters, parcels_on_their_way
from tests.system.tutorial_pictures import PICTURE, camera, parts, size

RUN = [
    page
    for page in PAGES
    if page in ("README.md", "docs/how-to/import-orders.md", "docs/how-to/replay.md", "docs/how-to/operate-orders.md")
    or re.fullmatch(r"services/.*", page)
]
FROM_TOP_TO_BOTTOM = ["docs/tutorial/first-order.md", "docs/how-to/call-the-api.md", "docs/how-to/publish-an-order.md"]
"""Pages with commands that build on one another, so each page runs as one script."""
WRITTEN = ("trace.json",)
"""The files that printed commands write into the folder where they run."""
NEWCOMERS = {step for heading in HEADINGS for step in steps(section(README, heading))}
"""The commands of the README that build on one another: test_newcomer.py runs them in a clone."""
COMMANDS = [
    (page, command)
    for page in RUN
    for command in of_page(REPOSITORY / page)
    if command.line not in NEWCOMERS and not command.line.startswith(tuple(NOT_RUN))
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=[f"{page}: {command.line}" for page, command in COMMANDS])
def test_printed_command_works(laptop: Laptop, page: str, command: Command) -> None:
    if command.line.startswith("orderctl audit"):
        forget_dead_letters(laptop)
    with parcels_on_their_way(laptop) if command.line.startswith("orderctl audit") else nullcontext():
        printed = shell(laptop.target, re.sub(r"\bORDER\b", lambda _: order_with_a_parcel(laptop), command.line))
    for name in WRITTEN:
        (REPOSITORY / name).unlink(missing_ok=True)
    shown = [line.strip() for line in printed.splitlines()]
    assert [line for line in command.output if line not in shown] == []


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", FROM_TOP_TO_BOTTOM)
def test_page_runs_from_top_to_bottom(laptop: Laptop, page: str, tmp_path: Path) -> None:
    forget_dead_letters(laptop)
    text = (REPOSITORY / page).read_text()
    folder = clone(tmp_path) if "$ orderctl deploy" in text else REPOSITORY
    has_pictures = CHROMIUM is not None and PICTURE.search(text) is not None
    with (
        deployed_again(laptop, re.findall(r"^\$ orderctl deploy (\w+)$", text, re.MULTILINE)),
        camera(laptop, tmp_path) if has_pictures else nullcontext() as take,
    ):
        for part in parts(text):
            printed = script(part.text, tuple(NOT_RUN))
            commands = re.sub(r"\bORDER\b", lambda _: order_with_a_parcel(laptop), printed)
            before, audit, _ = commands.partition("\norderctl audit")
            shell(laptop.target, before, folder=folder, PYTHONPATH=str(folder))
            if audit:
                with parcels_on_their_way(laptop):
                    shell(laptop.target, audit, folder=folder, PYTHONPATH=str(folder))
            if part.picture and take:
                assert size(take(part.picture)) == size(IMAGES / f"{part.picture}.png")


@contextmanager
def deployed_again(laptop: Laptop, services: list[str]) -> Iterator[None]:
    """Whatever comes of it, the tests to come find the services as they are here."""
    try:
        yield
    finally:
        if services:
            laptop.deploy_again(*sorted(set(services)))


@pytest.mark.parametrize("beginning", NOT_RUN)
def test_every_exception_is_of_a_printed_command(beginning: str) -> None:
    printed = [command.line for page in [*RUN, *FROM_TOP_TO_BOTTOM] for command in of_page(REPOSITORY / page)]
    assert any(line.startswith(beginning) for line in printed)
