"""A JSON document that the operator hands to a command: a file, or standard input."""

import sys
from pathlib import Path
from typing import Any, Final

from kernel import outside_json
from kernel.outside_json import OutsideJsonError
from operations.errors import UserError

MAX_BYTES: Final = 64 * 1024 * 1024
"""Of one file: some 100,000 orders."""


def read(file: str) -> Any:
    """The document in `file`, or on standard input for `-`. A `UserError` if there is none."""
    name = "Standard input" if file == "-" else file
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return outside_json.read(text, max_bytes=MAX_BYTES)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error
    except OutsideJsonError as error:
        raise UserError(error.about(name) + ".", "Correct it there, and run the command again.") from error
