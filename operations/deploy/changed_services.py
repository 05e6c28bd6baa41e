"""The services that a change of files changes: a pipeline deploys these, each by itself."""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Final

from cdk import bundling
from kernel.naming import SERVICES
from operations.errors import WrongUsageError
from operations.repository import REPOSITORY

SHARED: Final = ("cdk", "kernel", "requirements", "stages")
"""The folders that are in the stacks of all services."""
SHARED_FILES: Final = frozenset({"app.py", "cdk.json", "package.json", "package-lock.json"})
NOT_DEPLOYED: Final = ".md"
PLATFORM: Final = "platform"


def since(commit: str) -> list[str]:
    """Return the paths that differ between the commit and the current one. Raises WrongUsageError for an unknown commit."""
    command = ["git", "diff", "--name-only", "--no-renames", commit, "HEAD", "--"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # nosec B603
    if done.returncode:
        raise WrongUsageError(f"git finds no commit {commit!r}.", "Name one that this clone has.")
    return done.stdout.splitlines()


def of(paths: Iterable[str], services: Sequence[str]) -> list[str]:
    """Return the services, of these, that a change of the paths changes.

    A path in the folder of a service changes this service, and each service with the path in its bundle, such as the schemas of
    the events that it consumes. A shared path changes all of them. No stack has a page of documentation.
    """
    changed = [path for path in map(PurePosixPath, paths) if path.suffix != NOT_DEPLOYED]
    if any(path.parts[0] in SHARED or str(path) in SHARED_FILES for path in changed):
        return list(services)
    return [service for service in services if service != PLATFORM and _is_changed(service, changed)]


def _is_changed(service: str, changed: Iterable[PurePosixPath]) -> bool:
    folder = PurePosixPath("services", service) if service in SERVICES else PurePosixPath(service)
    bundled = set(bundling.sources(service))
    return any(path.is_relative_to(folder) or REPOSITORY / path in bundled for path in changed)
