"""Synthesize the stage with every adapter and all alarms into a folder: `python -m tests.infrastructure.synthesized FOLDER`."""

import sys
from pathlib import Path

from tests.infrastructure.conftest import LASTING, synthesize

if __name__ == "__main__":
    synthesize(Path(sys.argv[1]), LASTING)
