"""The log file of a process that was started."""

from pathlib import Path


def last_lines(log: Path, count: int = 25) -> str:
    """Return the end of a log file, for a message about what went wrong."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return ""
