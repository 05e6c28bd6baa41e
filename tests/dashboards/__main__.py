"""`make dashboards`: the pictures of the dashboards in the documentation, drawn from a simulated run."""

import json
from pathlib import Path
from typing import Final

from cdk.dashboards import DASHBOARDS
from tests.dashboards import picture, sample
from tests.support.browser import launched

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
DIGESTS: Final = Path(__file__).with_name("drawn.json")
"""The checksum of the sources of each picture, as it was drawn."""
SEED: Final = "dashboards"


def main() -> None:
    """Write a picture of each dashboard. Fail if a graph is drawn without a value, or left out though it has one."""
    values = sample.measured(SEED)
    minutes = min(sample.LONGEST_MINUTES, 15 * -(-max(max(found, default=0) for found in values.values()) // 15))
    IMAGES.mkdir(exist_ok=True)
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1346, "height": 800})
        for dashboard in DASHBOARDS:
            drawn = picture.svg(dashboard, values, max(15, minutes))
            page.set_content(f'<body style="margin:0">{drawn}</body>')
            page.locator("svg").screenshot(path=IMAGES / f"dashboard-{dashboard.name.lower()}.png")
    DIGESTS.write_text(json.dumps({board.name: picture.digest(board) for board in DASHBOARDS}, indent=2) + "\n")
    graphs = [graph for dashboard in DASHBOARDS for graph in dashboard.graphs]
    wrong = [g.title for g in graphs if bool(picture.lines_of(g, values, minutes)) == (g.title in picture.LEFT_OUT)]
    if wrong:
        raise SystemExit(f"LEFT_OUT in tests/dashboards/picture.py is wrong about {wrong}.")


if __name__ == "__main__":
    main()
