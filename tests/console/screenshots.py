"""`python -m tests.console.screenshots`: the pictures of the page in the documentation, made of the orders of the tests."""

from pathlib import Path
from typing import Final

from playwright.sync_api import expect

from tests.support.audited_stage import STORIES
from tests.support.browser import launched
from tests.support.console_stage import NOW, ConsoleStage
from tests.support.served_console import served

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
RETURNED: Final = STORIES[13]
CAPTURE_REFUSED: Final = STORIES[24]
ORDERED: Final = STORIES[0]
SIZE: Final = {"width": 1320, "height": 820}
WHOLE: Final = ("saga", "cost", "faults")
"""Views that are shown to their end."""


def main() -> None:
    """Write the pictures of the views: of all orders, of one order, and of the way of another one through the saga."""
    stage = ConsoleStage()
    placed = stage.place_all()
    views = {
        "orders": "orders",
        "order": f"orders/{placed[STORIES.index(RETURNED)]}",
        "saga": f"saga/{placed[STORIES.index(CAPTURE_REFUSED)]}",
        "bus": "bus",
        "cost": "cost",
        "faults": "faults",
    }
    IMAGES.mkdir(exist_ok=True)
    with served(stage) as address, launched() as browser:
        for name, view in views.items():
            page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            page.clock.set_fixed_time(NOW)
            page.goto(f"{address}/#/{view}")
            if name == "bus":
                while not stage.bus.watchers:
                    page.wait_for_timeout(50)
                stage.place(ORDERED)
            expect(page.locator(".rows .row, svg .mark[role=button], .saga, tbody tr").first).to_be_visible()
            page.wait_for_timeout(2500)  # until nothing is marked as new
            page.screenshot(path=IMAGES / f"console-{name}.png", full_page=name in WHOLE)
            page.close()


if __name__ == "__main__":
    main()
