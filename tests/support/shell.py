"""Lines of a document, run in a shell as a reader would paste them."""

import os
import subprocess
import sys
from pathlib import Path

from operations.aws.target import Target
from operations.repository import REPOSITORY


def shell(target: Target, line: str, *, fails: bool = False, folder: Path = REPOSITORY, **variables: str) -> str:
    """Run a line in `folder` on `target` and return its standard output. It must succeed, or fail."""
    binaries = str(Path(sys.executable).parent)
    environment = {**os.environ, **variables, "PATH": os.pathsep.join([binaries, os.environ["PATH"]]), "COLUMNS": "200"}
    environment["AWS_ENDPOINT_URL"] = target.reachable()
    done = subprocess.run(
        ["bash", "-ec", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert (done.returncode != 0) is fails, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout
