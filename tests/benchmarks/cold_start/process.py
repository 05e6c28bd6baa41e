"""A process that is measured: its instructions by cachegrind, and its CPU time."""

import os
import re
import shutil
import statistics
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

INSTRUCTIONS = re.compile(r"I\s+refs:\s+([\d,]+)")
LAMBDA = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_SESSION_TOKEN": "x",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
}
"""The variables that Lambda sets, and a fixed seed, so that each run counts the same."""


@dataclass(frozen=True)
class Start:
    """A process to measure: an interpreter, the folders of its modules, its code, and its variables."""

    python: Path
    folders: tuple[Path, ...]
    code: str
    variables: Mapping[str, str]

    @property
    def command(self) -> list[str]:
        """The command line. The working directory is no place of modules."""
        return [str(self.python), "-P", "-c", self.code]

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables."""
        return {**LAMBDA, **self.variables, "PYTHONPATH": os.pathsep.join(map(str, self.folders))}


def can_count() -> bool:
    """Return True if the machine has valgrind."""
    return shutil.which("valgrind") is not None


def instructions(start: Start) -> int:
    """Return how many instructions the process executes. Raises RuntimeError with its output if it fails."""
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    done = subprocess.run([*valgrind, *start.command], env=start.environment, capture_output=True, text=True, check=False)
    counted = INSTRUCTIONS.search(done.stderr)
    if done.returncode or not counted:
        raise RuntimeError(f"{start.code}\n{done.stderr}")
    return int(counted[1].replace(",", ""))


def cpu_milliseconds(start: Start, tries: int = 3) -> float:
    """Return the median CPU time of the process, user and system."""
    taken = []
    for _ in range(tries):
        process = os.posix_spawn(start.command[0], start.command, start.environment)
        _, status, usage = os.wait4(process, 0)
        if status:
            raise RuntimeError(start.code)
        taken.append((usage.ru_utime + usage.ru_stime) * 1000)
    return statistics.median(taken)
