"""A function's environment as one typed value, checked at cold start."""

import os
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import TypeVar

from kernel.errors import BugError

T = TypeVar("T")


class MissingSettingError(BugError):
    """The function was deployed without an environment variable that it needs."""


def from_environment(kind: type[T], environ: Mapping[str, str] | None = None) -> T:
    """Fill a dataclass from the variables named like its fields in capitals. Convert `int` and `float` fields.

    Raises MissingSettingError naming the variable.
    """
    found = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for item in fields(kind):  # type: ignore[arg-type]
        name = item.name.upper()
        if name in found:
            convert = {int: int, float: float, "int": int, "float": float}.get(item.type, str)
            values[item.name] = convert(found[name])
        elif item.default is MISSING and item.default_factory is MISSING:
            raise MissingSettingError(f"{name} is not set; {kind.__module__} needs it (its stack's infrastructure.py sets it)")
    return kind(**values)
