"""A JSON document that the operator hands to a command: a file, or standard input."""

import json
import sys
from pathlib import Path
from typing import Any

from orderctl.errors import UserError


def read(file: str) -> Any:
    """The document in `file`, or on standard input for `-`. A `UserError` if there is none."""
    try:
        return json.loads(sys.stdin.read() if file == "-" else Path(file).read_text())
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"{file} is not JSON: {error}.") from error
