"""Every page and section that is made from the code: written by `orderctl docs build`, compared by `--check`."""

import re
from collections.abc import Mapping
from pathlib import Path

from typer.core import TyperGroup

from kernel.naming import SERVICES
from operations.contracts.markdown import formatted
from operations.repository import REPOSITORY
from orderctl.reference import (
    alarms,
    capacity,
    command_line,
    costs,
    decisions,
    errors,
    invariants,
    metrics,
    objectives,
    performance,
    permissions,
    settings,
    states,
)

FOLDER = Path("docs/reference")
DECISIONS = Path("docs/explanation/decisions/README.md")
MADE = "<!-- Made from {} by `orderctl docs build`: change that. -->\n\n"
STATES = re.compile(r"(<!-- states: .*? -->\n).*?(<!-- end of states -->)", re.DOTALL)


class NoPlaceError(LookupError):
    """A README that has no place for its state tables."""


def documents(root: TyperGroup, folder: Path = REPOSITORY) -> dict[Path, str]:
    """Return each page by its path in the repository. `root` is the command line; the READMEs are read from `folder`."""
    made = {
        FOLDER / "cli.md": MADE.format("orderctl/commands") + command_line.page(root),
        FOLDER / "stage-settings.md": MADE.format("stages/stage.schema.json") + settings.page(),
        DECISIONS: MADE.format("the records") + decisions.page(),
        FOLDER / "errors.md": MADE.format("the error classes") + errors.page(),
        FOLDER / "alarms.md": MADE.format("operations/alarms/inventory.json") + alarms.page(),
        FOLDER / "objectives.md": MADE.format("cdk/objectives.py") + objectives.page(),
        FOLDER / "metrics.md": MADE.format("services/*/domain/metrics.py") + metrics.page(),
        FOLDER / "capacity.md": MADE.format("operations/economics") + capacity.page(),
        FOLDER / "cost.md": MADE.format("operations/economics") + costs.page(),
        FOLDER / "performance.md": MADE.format("data/benchmarks.json") + performance.page(),
        FOLDER / "permissions.md": MADE.format("operations/permissions") + permissions.page(),
        FOLDER / "invariants.md": MADE.format("audit/catalogue.py") + invariants.page(),
    }
    for service in SERVICES:
        path = Path("services") / service / "README.md"
        made[path] = _with_states((folder / path).read_text(), service)
    return {path: formatted(text) for path, text in made.items()}


def differences(made: Mapping[Path, str], folder: Path = REPOSITORY) -> list[Path]:
    """Return the pages that `build` would write. `made` is the text of each page, as `documents` returns it."""
    return sorted(path for path, text in made.items() if not (folder / path).exists() or (folder / path).read_text() != text)


def build(made: Mapping[Path, str], folder: Path = REPOSITORY) -> list[Path]:
    """Write the pages that are missing or out of date, and return their paths."""
    written = differences(made, folder)
    for path in written:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(made[path])
    return written


def _with_states(readme: str, service: str) -> str:
    """Return the README with its state tables made anew. Raises NoPlaceError if it does not mark their place."""
    if not STATES.search(readme):
        raise NoPlaceError(f"services/{service}/README.md does not mark the place of its states")
    return STATES.sub(lambda found: f"{found[1]}\n{states.section(service)}\n{found[2]}", readme)
