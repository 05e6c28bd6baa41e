"""The pictures of the page in the documentation, made of the orders of the tests.

`python -m tests.console.screenshots` makes them. With `--judge FOLDER`, it makes pictures for a judgement by eye there: each
view at three widths, in both themes, with no order, with 10 and with 10,000.
"""

import argparse
import itertools
import json
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, expect

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
EMPTY: Final = f"{DRAWN}, .empty, [role=alert]"
REASON: Final = "no such SKU"
NUMBERS: Final = (0, 10, 10_000)
WIDTHS: Final = (390, 820, 1320)
THEMES: Final = ("light", "dark")


def write() -> None:
    """Write a picture of each view, and of one order, for the documentation."""
    stage = ConsoleStage()
    placed = stage.place_all()
    bury(stage)
    returned, refused = (placed[STORIES.index(story)] for story in (RETURNED, CAPTURE_REFUSED))
    with served(stage) as address, launched() as browser:
        for name, view in views(returned, refused).items():
            page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            page.clock.set_fixed_time(NOW)
            page.goto(f"{address}/#/{view}")
            if name in LIVE:
                watched(stage)
                stage.place(ORDERED)
            expect(page.locator(DRAWN).first).to_be_visible()
            page.wait_for_timeout(2500)  # until nothing is marked as new
            page.screenshot(path=IMAGES / f"console-{name}.png", full_page=name in WHOLE)
            page.close()


def bury(stage: ConsoleStage) -> None:
    """Put a dead letter into a queue."""
    event = read_schemas()["orderflow.channel.*", "OrderPlaced", 1]["examples"][0]
    letter = {"source": "orderflow.channel.shop", "detail-type": "OrderPlaced", "detail": event}
    stage.queues.bury("order/intake", json.dumps(letter), reason=REASON)


def views(one: str, another: str) -> dict[str, str]:
    """Return the address of each view by its name: `one` is the order of its view, and `another` that of the saga."""
    return {
        "home": "home",
        "orders": "orders",
        "order": f"orders/{one}",
        "saga": f"saga/{another}",
        "bus": "bus",
        "replay": "replay?to=notification,shipping",
        "dead-letters": "dead-letters/order%2Fintake",
        "cost": "cost",
        "faults": "faults",
    }


def judged(folder: Path) -> None:
    """Write the pictures for a judgement by eye: `orders-10000-390-dark.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    with launched() as browser:
        for number in NUMBERS:
            stage = ConsoleStage()
            placed = stage.place_all(STORIES[:number])
            if placed:
                bury(stage)
                stage.fill(number)
            order_id = placed[0] if placed else "ord-none"
            with served(stage) as address:
                for (name, view), width, theme in itertools.product(views(order_id, order_id).items(), WIDTHS, THEMES):
                    take(browser, f"{address}/#/{view}", width, theme, folder / f"{name}-{number}-{width}-{theme}.png")


def take(browser: Browser, address: str, width: int, theme: str, file: Path) -> None:
    """Write a picture of the view at an address."""
    page = browser.new_page(viewport={"width": width, "height": SIZE["height"]}, color_scheme=theme)  # type: ignore[arg-type]
    page.clock.set_fixed_time(NOW)
    page.goto(address)
    expect(page.locator(EMPTY).first).to_be_visible()
    expect(page.get_by_text("being read")).to_have_count(0)
    page.screenshot(path=file)
    page.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judge", type=Path, metavar="FOLDER")
    folder = parser.parse_args().judge
    if folder is None:
        write()
    else:
        judged(folder)
