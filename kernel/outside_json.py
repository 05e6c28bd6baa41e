"""The one reader of JSON that comes from outside: request bodies, queue messages, webhooks, gateways' answers, files.

It returns values that the rest of the code can use without another check (RFC 7493, I-JSON). Every text fits UTF-8, every name
in an object is unique, and neither a double nor a database changes a number. `1.0`, `2e0` and `1e1` are integers, as JSON
Schema counts them. It raises one error for any text. No other module parses JSON; a test checks that.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from kernel.errors import RejectedError

MAX_BYTES: Final = 1024 * 1024
"""Bytes of UTF-8 that are read unless the caller says otherwise: what an SQS message may have."""
MAX_DEPTH: Final = 64
"""Arrays and objects inside one another; ours have 6, Stripe's 10. Python 3.11 to 3.13 give up between 1,000 and 16,000."""
MAX_INTEGER: Final = 2**53 - 1
"""Beyond it a double, and so JSONata and JavaScript, change an integer."""

_MARK: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)
"""A string, ended or not, or a bracket outside of one."""
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_-]{0,39}[0-9]{0,2}")
"""A member's name that an error may repeat: no number and no address, so that neither gets into a log."""


class OutsideJsonError(RejectedError, ValueError):
    """JSON text that is refused. `where` is the place in the document (`lines[0].sku`, empty for all of it), `reason` says why.

    Neither repeats a value of the text, so both may be logged.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.where = where
        self.reason = reason

    def about(self, name: str) -> str:
        """Return the error as a sentence about the document called `name`."""
        return f"{name}, {self.where}: {self.reason}" if self.where else f"{name} {self.reason}"


@dataclass(frozen=True)
class _Refused:
    """Stands in the parsed document for a part that is refused, until its place is known. `name` is the member it is about."""

    reason: str
    name: str | None = None


def read(text: str | bytes, *, max_bytes: int = MAX_BYTES) -> Any:  # noqa: ANN401 - the caller checks what it expects
    """Return the value of a JSON text. Raises OutsideJsonError."""
    plain = _decoded(text, max_bytes)
    _check_depth(plain)
    try:
        value = json.loads(plain, object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise OutsideJsonError("", f"is not JSON: {error}") from None
    for where, refused in _refused(value):
        raise OutsideJsonError(where, refused.reason)
    return value


def read_object(text: str | bytes, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Return the JSON object of a text. Raises OutsideJsonError, for any other JSON value too."""
    value = read(text, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise OutsideJsonError("", "must be a JSON object")
    return value


def _decoded(text: str | bytes, max_bytes: int) -> str:
    try:
        size = len(text if isinstance(text, bytes) else text.encode())
        if size > max_bytes:
            raise OutsideJsonError("", f"is {size} bytes; at most {max_bytes} are read")
        return text.decode() if isinstance(text, bytes) else text
    except UnicodeError:
        raise OutsideJsonError("", "is not UTF-8 text") from None


def _check_depth(text: str) -> None:
    depth = 0
    for mark in _MARK.finditer(text):
        if mark[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise OutsideJsonError("", f"is nested deeper than {MAX_DEPTH} levels")
        elif mark[0] in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | _Refused:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        return _Refused("is there twice", next(name for name in names if names.count(name) > 1))
    return found


def _integer(digits: str) -> int | _Refused:
    if len(digits) > len(f"-{MAX_INTEGER}") or abs(int(digits)) > MAX_INTEGER:
        return _Refused(f"must be an integer from -{MAX_INTEGER} to {MAX_INTEGER}")
    return int(digits)


def _number(text: str) -> int | float | _Refused:
    """Return an integer if the number is one, else a float, unless a double would make it one."""
    number = float(text)
    if not abs(number) <= MAX_INTEGER:
        return _Refused(f"must be a number from -{MAX_INTEGER} to {MAX_INTEGER}")
    if not number.is_integer():
        return number
    try:
        exact = Decimal(text) == int(number)
    except InvalidOperation:  # an exponent that Decimal does not have
        exact = False
    return int(number) if exact else _Refused("must be a number that a double can hold")


def _constant(name: str) -> _Refused:
    return _Refused(f"must be a number; {name} is not JSON")


def _refused(value: object) -> Iterator[tuple[str, _Refused]]:
    """Yield each refused part with its place, without recursion."""
    left: list[tuple[str, object]] = [("", value)]
    while left:
        where, part = left.pop()
        if isinstance(part, _Refused):
            yield (where if part.name is None else _member(where, part.name)), part
        elif isinstance(part, str):
            if not _is_text(part):
                yield where, _Refused("must be text; half of a surrogate pair is none")
        elif isinstance(part, list):
            left += [(f"{where}[{position}]", item) for position, item in enumerate(part)]
        elif isinstance(part, dict):
            if not all(map(_is_text, part)):
                yield where, _Refused("must have names of text; half of a surrogate pair is none")
            left += [(_member(where, name), item) for name, item in part.items()]


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _member(where: str, name: str) -> str:
    shown = name if _PLAIN_NAME.fullmatch(name) else "(a member)"
    return f"{where}.{shown}" if where else shown
