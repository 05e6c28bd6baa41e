"""Follow a runbook as an operator does: its commands, from its very text."""

import os
import subprocess
import sys
from pathlib import Path

from orderctl.target import Target

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
PROMPT = "$ "


def commands(name: str) -> list[str]:
    """The commands that a runbook tells to give, in order: what follows a prompt in its console blocks."""
    inside, found = False, []
    for line in map(str.strip, (RUNBOOKS / f"{name}.md").read_text().splitlines()):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith(PROMPT):
            found.append(line.removeprefix(PROMPT))
    return found


def follow(name: str, target: Target, **variables: str) -> list[str]:
    """Give every command of a runbook; what each printed. Each must succeed. `variables` are those it says to set."""
    binaries = str(Path(sys.executable).parent)
    environment = {**os.environ, **variables, "PATH": os.pathsep.join([binaries, os.environ["PATH"]]), "COLUMNS": "200"}
    environment["AWS_ENDPOINT_URL"] = target.reachable()
    printed = []
    for command in commands(name):
        done = subprocess.run(
            ["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{name}: {command}\n{done.stdout}{done.stderr}"
        printed.append(done.stdout)
    return printed
