"""The amounts in the guides: each is a figure that `orderctl cost` prints."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner

from orderctl.cli import app

REPOSITORY: Final = Path(__file__).parents[2]
DEPLOY: Final = REPOSITORY / "docs" / "how-to" / "deploy.md"
AMOUNT: Final = re.compile(r"([0-9.,]+) (?:USD|US dollars)")
WRITTEN: Final = [
    REPOSITORY / "README.md",
    *(REPOSITORY / "docs" / "how-to").rglob("*.md"),
    *(REPOSITORY / "docs" / "tutorial").rglob("*.md"),
    *(REPOSITORY / "docs" / "explanation").glob("*.md"),
]
"""The pages that people write. Those of docs/reference are made from the figures, and a decision keeps those of its day."""


@cache
def printed() -> dict[str, Any]:
    """Return what `orderctl cost -o json` prints."""
    done = CliRunner().invoke(app, ["cost", "-o", "json"])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def costs_of_the_guide() -> dict[str, float]:
    """Return each cost that the guide to the deployment has, by its words."""
    alarms = {found["tier"]: found["usd"] for found in printed()["alarms"]}
    key = {found["of"]: found["usd"] for found in printed()["key_month"]}
    return {
        "deploy every stack | {} USD": sum(found["usd"] for found in printed()["idle_month"]),
        "{} USD for the alarms of the tier `essential`": alarms["essential"],
        "{} USD for the dashboards of a stage that keeps its data": printed()["dashboards_month"],
        "{} USD for the alarms by which traffic goes back": alarms["rollback"],
        "what the key costs: {} USD a month": key["the key"],
    }


def test_guide_to_the_deployment_has_the_printed_costs() -> None:
    text = DEPLOY.read_text(encoding="utf-8")
    for words, usd in costs_of_the_guide().items():
        pattern = re.escape(words).replace(r"\{\}", "([0-9.]+)")
        found = re.search(pattern, text)
        assert found, f"{DEPLOY.name} has no {words}"
        assert float(found[1]) == round(usd, 2), f"`orderctl cost` prints {usd:.2f}: {found[0]}"


def test_no_page_that_people_write_has_another_amount() -> None:
    """A page with an amount needs a test as this one, because no page is made anew when a price changes."""
    known = {f"{usd:.2f}" for usd in costs_of_the_guide().values()}
    found = {
        (path.name, amount)
        for path in WRITTEN
        for amount in AMOUNT.findall(path.read_text(encoding="utf-8"))
        if path != DEPLOY or f"{float(amount):.2f}" not in known
    }
    assert found == set()
