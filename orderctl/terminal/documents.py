"""JSON documents for a command: a file, or standard input."""

import sys
from pathlib import Path
from typing import Final

from kernel import outside_json
from kernel.outside_json import OutsideJsonError
from operations import errors
from operations.errors import UserError

MAX_BYTES: Final = 64 * 1024 * 1024
"""The largest file, in bytes: about 100,000 orders."""
STDIN: Final = Path("-")


def read(file: Path) -> object:
    """Return the document in `file`, or on standard input for `-`. Raises WrongUsageError if it cannot be read, UserError if
    it is no JSON.
    """
    name = "Standard input" if file == STDIN else str(file)
    try:
        text = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
        document: object = outside_json.read(text, max_bytes=MAX_BYTES)
        return document
    except OSError as error:
        raise errors.unreadable(name, error) from error
    except OutsideJsonError as error:
        raise UserError(error.about(name) + ".", "Correct it, then run the command again.") from error
