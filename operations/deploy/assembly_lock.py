"""The locks that the CDK CLI keeps in an assembly's folder, and their removal once their process has ended.

The CLI writes `synth.lock` with its process id while it synthesizes, and `read.<process id>.<count>.lock` while it deploys.
It takes each existing process for a CLI at work: also one that has ended and is not reaped yet, and one with a reused id.
An `orderctl up` that is killed and repeated meets both.
"""

from pathlib import Path

import psutil

from operations.errors import UserError
from operations.polling import wait_for


def wait_until_free(assembly: Path, deadline_seconds: float = 60) -> None:
    """Wait until no CDK CLI works on `assembly`, and remove the locks that ended ones have left there.

    Raises UserError if one still works on it after `deadline_seconds`.
    """
    working = wait_for(lambda: _working(assembly), lambda pids: not pids, deadline_seconds)
    if working:
        raise UserError(
            f"The CDK of an interrupted command still works on {assembly} (process {', '.join(map(str, working))}).",
            "Wait until it has ended, or end that process, then repeat the command.",
        )


def _working(assembly: Path) -> list[int]:
    """Return the ids of the CLIs that hold a lock. Removes each lock without a CLI."""
    working = []
    for lock in (assembly / "synth.lock", *assembly.glob("read.*.lock")):
        pid = _holder(lock)
        if pid is not None and _is_cdk(pid):
            working.append(pid)
        else:
            lock.unlink(missing_ok=True)
    return working


def _holder(lock: Path) -> int | None:
    try:
        text = lock.read_text() if lock.name == "synth.lock" else lock.name.split(".")[1]
        return int(text)
    except (FileNotFoundError, ValueError):
        return None


def _is_cdk(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and any("cdk" in word for word in process.cmdline())
    except psutil.Error:
        return False
