"""Gap: the engine copies a row several times for each write, with Python's copy for objects of any class.

Rows are plain JSON, and plain copies of them take a fifth of that time.
"""

import copy
from types import SimpleNamespace

from laptop.emulator.extensions.engine_functions import EngineChangedError


def register() -> None:
    """Have the engine copy plain values in the plain way, and all others as before."""
    from ministack.services import dynamodb

    if getattr(dynamodb, "copy", None) is not copy:
        raise EngineChangedError("the engine copies rows in another way")
    dynamodb.copy = SimpleNamespace(**{**vars(copy), "deepcopy": copied})


def copied(value: object) -> object:
    """Return a copy of the value that shares no dictionary and no list with it."""
    if type(value) is dict:
        return {key: copied(part) for key, part in value.items()}
    if type(value) is list:
        return [copied(part) for part in value]
    return value if type(value) is str else copy.deepcopy(value)
