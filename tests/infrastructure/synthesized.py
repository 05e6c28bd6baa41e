"""Synthesize the stage with every adapter, all alarms and shifted traffic.

Usage: `python -m tests.infrastructure.synthesized FOLDER`.
"""

import sys
from pathlib import Path

from tests.infrastructure.conftest import SHIFTING, synthesize

if __name__ == "__main__":
    synthesize(Path(sys.argv[1]), SHIFTING)
