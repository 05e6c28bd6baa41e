"""`python -m tests.system.tutorial_pictures`: the pictures of the tutorial, taken at its steps while its commands run."""

import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import expect

from operations.orders import store
from tests.console.screenshots import IMAGES
from tests.support.browser import launched
from tests.support.documented_commands import script
from tests.support.repository_copy import clone
from tests.support.served_console import served
from tests.support.shell import shell
from tests.system.conftest import Laptop, started
from tests.system.printed_commands import NOT_RUN, order_with_a_parcel

TUTORIAL: Final = Path(__file__).parents[2] / "docs" / "tutorial" / "first-order.md"
PICTURE: Final = re.compile(r"^!\[[^\]]*\]\(\.\./images/(tutorial-[a-z-]+)\.png\)$", re.MULTILINE)
SIZE: Final = {"width": 1120, "height": 700}
PATIENCE_MS: Final = 300_000
LATEST: Final = "orders/{latest}"
"""The view of the order that was placed last."""


@dataclass(frozen=True)
class View:
    """A view of the page: its address, and texts that it shows once the step before it is done."""

    address: str
    shows: tuple[str, ...]


VIEWS: Final = {
    "tutorial-placed": View(LATEST, ("OrderConfirmed", "NotificationSent", "ShipmentCreated")),
    "tutorial-dead-letter": View("dead-letters/notification%2Fnotices", ("OrderConfirmed",)),
    "tutorial-healed": View(LATEST, ("OrderConfirmed", "NotificationSent", "ShipmentCreated")),
}
"""The view of each picture, by its name."""


@dataclass(frozen=True)
class Part:
    """The text of a page up to a picture, and the name of the picture; None for the text after the last one."""

    text: str
    picture: str | None


def parts(text: str) -> list[Part]:
    """Return the parts of a page, in order. A page without pictures is one part."""
    *before, last = PICTURE.split(text)
    return [*(Part(text, name) for text, name in zip(before[::2], before[1::2], strict=True)), Part(last, None)]


def main() -> None:
    """Run the tutorial up to its last picture, and take each one where the tutorial shows it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "clone"
        folder.mkdir()
        clone(folder)
        with started(Path(scratch) / "laptop") as laptop, camera(laptop, IMAGES) as take:
            for part in parts(TUTORIAL.read_text()):
                if part.picture:
                    printed = script(part.text, tuple(NOT_RUN))
                    commands = re.sub(r"\bORDER\b", lambda _: order_with_a_parcel(laptop), printed)
                    shell(laptop.target, commands, folder=folder, PYTHONPATH=str(folder))
                    take(part.picture)


@contextmanager
def camera(laptop: Laptop, folder: Path) -> Iterator[Callable[[str], Path]]:
    """Serve the page, and yield the function that takes the picture of a name: it returns the file, in `folder`.

    It fails if the view does not show the texts of the picture.
    """
    with served(laptop.target) as address, launched() as browser:

        def take(name: str) -> Path:
            view, file = VIEWS[name], folder / f"{name}.png"
            latest = max(store.scan(laptop.target), key=lambda order: order["created_at"])["order_id"]
            page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            page.goto(f"{address}/#/{view.address.format(latest=latest)}")
            for text in view.shows:
                expect(page.locator("tbody tr, svg .mark", has_text=text).first).to_be_visible(timeout=PATIENCE_MS)
            page.screenshot(path=file)
            page.close()
            return file

        yield take


def size(picture: Path) -> tuple[int, int]:
    """Return the width and the height of a PNG file, in pixels. Source: https://www.w3.org/TR/png-3/#11IHDR"""
    width, height = struct.unpack_from(">II", picture.read_bytes(), 16)
    return width, height


if __name__ == "__main__":
    main()
