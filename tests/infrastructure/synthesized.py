"""Synthesize two stages for `make lint`, and print what cdk-nag finds in them; exit with 1 if it finds anything.

The stages are `dev`, and one with every adapter, all alarms, an own key and shifted traffic.
Usage: `python -m tests.infrastructure.synthesized FOLDER`.
"""

import sys
from pathlib import Path

import stages
from tests.infrastructure import nag_report
from tests.infrastructure.conftest import SHIFTING, synthesize

STAGES = {"dev": stages.load("dev"), "shifting": SHIFTING}


def main(folder: Path) -> int:
    """Return the status to exit with."""
    found = [
        finding
        for name, stage in STAGES.items()
        for finding in nag_report.findings(synthesize(folder / name, stage, checked=True).folder)
    ]
    print("\n".join(found) or "cdk-nag: no findings")  # noqa: T201
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
