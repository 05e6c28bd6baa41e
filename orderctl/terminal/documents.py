"""JSON documents for a command: a file, or standard input."""

import sys
from pathlib import Path
from typing import Final

from kernel import outside_json
from kernel.outside_json import OutsideJsonError
from operations.errors import UserError

MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest file, in bytes: about 100,000 orders."""


def read(file: str) -> object:
    """Return the document in `file`, or on standard input for `-`. Raises UserError if it cannot be read."""
    name = "Standard input" if file == "-" else file
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        document: object = outside_json.read(text, max_bytes=MAX_BYTES)
        return document
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error
    except OutsideJsonError as error:
        raise UserError(error.about(name) + ".", "Correct it, then run the command again.") from error
