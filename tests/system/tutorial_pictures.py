"""`python -m tests.system.tutorial_pictures`: the pictures of the tutorial, taken at its steps while its commands run."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, expect

from operations.orders import store
from tests.console.screenshots import IMAGES
from tests.support.browser import launched
from tests.support.documented_commands import script
from tests.support.repository_copy import clone
from tests.support.served_console import served
from tests.support.shell import shell
from tests.system.conftest import Laptop, started
from tests.system.test_readme import NOT_RUN, order_with_a_parcel

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


def main() -> None:
    """Run the tutorial up to its last picture, and take each one where the tutorial shows it."""
    *parts, _ = PICTURE.split(TUTORIAL.read_text())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "clone"
        folder.mkdir()
        clone(folder)
        with started(Path(scratch) / "laptop") as laptop, served(laptop.target) as address, launched() as browser:
            for text, name in zip(parts[::2], parts[1::2], strict=True):
                commands = re.sub(r"\bORDER\b", lambda _: order_with_a_parcel(laptop), script(text, tuple(NOT_RUN)))
                shell(laptop.target, commands, folder=folder, PYTHONPATH=str(folder))
                page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
                take(page, address, VIEWS[name], laptop, IMAGES / f"{name}.png")
                page.close()


def take(page: Page, address: str, view: View, laptop: Laptop, file: Path) -> None:
    """Open a view, wait until it shows its texts, and write its picture."""
    latest = max(store.scan(laptop.target), key=lambda order: order["created_at"])["order_id"]
    page.goto(f"{address}/#/{view.address.format(latest=latest)}")
    for text in view.shows:
        expect(page.locator("tbody tr, svg .mark", has_text=text).first).to_be_visible(timeout=PATIENCE_MS)
    page.screenshot(path=file)


if __name__ == "__main__":
    main()
