"""The schemas that were released, and what today's are to them: the contract that CI keeps.

They are kept in a file, and not looked up in the repository's history: a checkout may have none, and a release is a decision.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernel import schemas
from kernel.naming import CHANNEL_PREFIX
from operations.contracts.diff import Change, Schema, changes
from operations.errors import UserError, WrongUsageError
from operations.repository import REPOSITORY

FILE: Final = REPOSITORY / "docs" / "reference" / "events" / "released-schemas.json"
Key = tuple[str, str, int]
Schemas = Mapping[Key, Schema]


@dataclass(frozen=True)
class Verdict:
    """The verdict on one version of an event: `new`, `removed`, `unchanged`, `compatible` or `breaking`."""

    key: Key
    kind: str
    changes: tuple[Change, ...] = ()

    @property
    def name(self) -> str:
        """`OrderPlaced v1 of orderflow.order`."""
        source, detail_type, version = self.key
        return f"{detail_type} v{version} of {source}"

    @property
    def advice(self) -> str:
        """The next step, in words for a newcomer."""
        source, detail_type, version = self.key
        service = "order" if source.startswith(CHANNEL_PREFIX) else source.rpartition(".")[2]
        stem = f"Channel{detail_type}" if source.startswith(CHANNEL_PREFIX) else detail_type
        if self.kind == "removed":
            return f"Restore the file: the archive holds its events. To stop publishing it, add v{version + 1} beside it."
        return (
            "The archive holds its events, and services that are deployed on their own read them. "
            f"Undo the change, or put it in services/{service}/schemas/{stem}.v{version + 1}.json beside this one."
        )


def verdicts(old: Schemas, new: Schemas) -> list[Verdict]:
    """Compare each version of each event with the old schemas."""
    found = []
    for key in sorted({*old, *new}):
        if key not in old:
            found.append(Verdict(key, "new"))
        elif key not in new:
            found.append(Verdict(key, "removed"))
        else:
            made = tuple(changes(old[key], new[key]))
            kind = "breaking" if any(change.breaks for change in made) else "compatible" if made else "unchanged"
            found.append(Verdict(key, kind, made))
    return found


def broken(found: list[Verdict]) -> str:
    """Describe each break by field, and how to resolve it. Return an empty text if nothing breaks."""
    lines = []
    for verdict in found:
        if verdict.kind not in ("breaking", "removed"):
            continue
        lines.append(f"{verdict.name} is {verdict.kind}:")
        lines += [
            f"  {change.field or 'the event'}: {change.what} (breaks {' and '.join(sorted(change.breaks))})"
            for change in verdict.changes
            if change.breaks
        ]
        lines.append(f"  {verdict.advice}")
    return "\n".join(lines)


def read(file: Path = FILE) -> dict[Key, Schema]:
    """Read the released schemas."""
    return {_key(schema): schema for schema in json.loads(file.read_text())}


def of_revision(revision: str) -> dict[Key, Schema]:
    """Return the schemas of a git revision. Raises WrongUsageError if git does not know it."""
    listed = _git("ls-tree", "-r", "--name-only", revision, "services")
    paths = [path for path in listed.splitlines() if "/schemas/" in path and path.endswith(".json")]
    found = [json.loads(_git("show", f"{revision}:{path}")) for path in paths]
    return {_key(schema): schema for schema in found}


def release(file: Path = FILE) -> list[Verdict]:
    """Release today's schemas, and return their verdicts. Raises UserError if one breaks its contract."""
    today = schemas.read_schemas()
    found = verdicts(read(file) if file.exists() else {}, today)
    if text := broken(found):
        raise UserError("Nothing was released, because a schema breaks its contract.", text)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([today[key] for key in sorted(today)], indent=1, sort_keys=True) + "\n")
    return found


def _key(schema: Schema) -> Key:
    return schema["x-source"], schema["x-detail-type"], int(schema["x-version"])


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)  # nosec B607
    if done.returncode != 0:
        raise WrongUsageError(f"git {' '.join(arguments[:2])} failed: {done.stderr.strip()}", "Check the git revision.")
    return done.stdout
