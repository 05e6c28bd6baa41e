"""`python -m tests.console.screenshots`: the pictures of the page in the documentation, made of the orders of the tests."""

import json
from pathlib import Path
from typing import Final

from playwright.sync_api import expect

from kernel.schemas import read_schemas
from tests.console.conftest import watched
from tests.support.audited_stage import STORIES
from tests.support.browser import launched
from tests.support.console_stage import NOW, ConsoleStage
from tests.support.served_console import served

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
RETURNED: Final = STORIES[13]
CAPTURE_REFUSED: Final = STORIES[24]
ORDERED: Final = STORIES[0]
SIZE: Final = {"width": 1320, "height": 820}
WHOLE: Final = ("home", "saga", "replay", "dead-letters", "cost", "faults")
"""Views that are shown to their end."""
LIVE: Final = ("home", "bus")
"""Views that show an order which is placed while they are open."""
DRAWN: Final = ".rows .row, svg .mark[role=button], .saga, tbody tr, svg.flow, svg.histogram"
"""The content of a view, whichever it is."""
REASON: Final = "no such SKU"


def main() -> None:
    """Write a picture of each view, and of one order."""
    stage = ConsoleStage()
    placed = stage.place_all()
    event = read_schemas()["orderflow.channel.*", "OrderPlaced", 1]["examples"][0]
    letter = {"source": "orderflow.channel.shop", "detail-type": "OrderPlaced", "detail": event}
    stage.queues.bury("order/intake", json.dumps(letter), reason=REASON)
    views = {
        "home": "home",
        "orders": "orders",
        "order": f"orders/{placed[STORIES.index(RETURNED)]}",
        "saga": f"saga/{placed[STORIES.index(CAPTURE_REFUSED)]}",
        "bus": "bus",
        "replay": "replay?to=notification,shipping",
        "dead-letters": "dead-letters/order%2Fintake",
        "cost": "cost",
        "faults": "faults",
    }
    IMAGES.mkdir(exist_ok=True)
    with served(stage) as address, launched() as browser:
        for name, view in views.items():
            page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            page.clock.set_fixed_time(NOW)
            page.goto(f"{address}/#/{view}")
            if name in LIVE:
                watched(stage)
                stage.place(ORDERED)
            expect(
                page.locator(".rows .row, svg .mark[role=button], .saga, tbody tr, svg.flow, svg.histogram").first
            ).to_be_visible()
            page.wait_for_timeout(2500)  # until nothing is marked as new
            page.screenshot(path=IMAGES / f"console-{name}.png", full_page=name in WHOLE)
            page.close()


if __name__ == "__main__":
    main()
