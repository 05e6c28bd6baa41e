"""The names that a new service, event or channel may have."""

import json
import re
from collections.abc import Iterator
from keyword import iskeyword
from pathlib import Path
from typing import Any, Final

from operations.errors import UserError, WrongUsageError

SERVICE: Final = re.compile(r"[a-z]{3,20}")
EVENT: Final = re.compile(r"([A-Z][a-z]+){2,6}")
TAKEN: Final = frozenset({"api", "channel", "platform"})
"""Names of a stack without a folder, and of sources of events. The names of the checkout's folders are taken too."""


def check_service(root: Path, name: str) -> None:
    """Raise an error for a name that no service may have, WrongUsageError, or that one has already, UserError."""
    if not SERVICE.fullmatch(name) or iskeyword(name):
        raise WrongUsageError(
            f"{name!r} cannot name a service: a service has 3 to 20 letters, a-z, because its package, its stack and its "
            "events have the same name.",
            "Choose one word, such as `loyalty`.",
        )
    if name in TAKEN or (root / name).is_dir():
        raise WrongUsageError(f"{name!r} is the name of another part of Orderflow.", "Choose another word.")
    if (root / "services" / name).exists():
        raise UserError(f"services/{name} exists already.", "Choose another name, or change that service by hand.")


def check_event(root: Path, name: str) -> None:
    """Raise an error for a name that no event may have, WrongUsageError, or that one has already, UserError."""
    if not EVENT.fullmatch(name) or len(name) > 40:
        raise WrongUsageError(
            f"{name!r} cannot name an event: an event has two to six words in CamelCase and at most 40 letters.",
            "Say what has happened, such as `PointsGiven`.",
        )
    for file, schema in schemas(root):
        if schema["x-detail-type"] == name:
            raise UserError(
                f"{file} has the event {name} already: no two services publish the same type.",
                "Choose another name, or evolve that event: docs/how-to/evolve-an-event.md.",
            )


def schemas(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the schemas of all events of a checkout, each with its file. Raises UserError for one that is no JSON."""
    for file in sorted(root.glob("services/*/schemas/*.json")):
        place = file.relative_to(root)
        try:
            yield place, json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(f"{place} is not JSON, so nothing was written: {error}.", "Correct it, and try again.") from error
