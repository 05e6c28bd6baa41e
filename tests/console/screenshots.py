"""`python -m tests.console.screenshots`: the pictures of the page in the documentation, made of the orders of the tests."""

from pathlib import Path
from typing import Final

from playwright.sync_api import expect

from tests.support.audited_stage import STORIES
from tests.support.browser import launched
from tests.support.console_stage import ConsoleStage
from tests.support.served_console import served

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
RETURNED: Final = STORIES[13]
CAPTURE_REFUSED: Final = STORIES[24]
SIZE: Final = {"width": 1320, "height": 820}


def main() -> None:
    """Write the pictures of the list, of one order, and of the way of another one through the saga."""
    stage = ConsoleStage()
    placed = stage.place_all()
    views = {
        "orders": "orders",
        "order": f"orders/{placed[STORIES.index(RETURNED)]}",
        "saga": f"saga/{placed[STORIES.index(CAPTURE_REFUSED)]}",
    }
    IMAGES.mkdir(exist_ok=True)
    with served(stage) as address, launched() as browser:
        for name, view in views.items():
            page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            page.goto(f"{address}/#/{view}")
            expect(page.locator(".rows .row, svg .mark[role=button], .saga").first).to_be_visible()
            page.wait_for_timeout(2500)  # until nothing is marked as new
            page.screenshot(path=IMAGES / f"console-{name}.png", full_page=name == "saga")
            page.close()


if __name__ == "__main__":
    main()
