"""The seed and the share that a commit draws: each commit searches elsewhere, and a commit always in the same place.

`make test-whole` runs all shares, and docs/explanation/reliability.md lists further targets.
"""

import os
import subprocess
from typing import Final

from operations.repository import REPOSITORY
from simulation.stage.share import Share, parse

SHARES: Final = 4
VARIABLE: Final = "ORDERFLOW_SHARE"
"""An environment variable with the share to run instead, such as `1/1`."""


def seed() -> str:
    """Return the beginning of the commit's id, or `1` outside a repository."""
    command = ["git", "rev-parse", "--verify", "--quiet", "HEAD"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout.strip()[:12] or "1"


def share() -> Share:
    """Return the share of all cases to run: the commit's, or the one that the environment names."""
    if given := os.environ.get(VARIABLE):
        return parse(given)
    return Share(1 + int(seed(), 16) % SHARES, SHARES)
