"""The comparisons of a pattern, each in words and as a test of one value. They match strings only, unless stated."""

import ipaddress
import json
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeGuard

from operations.event_pattern.refusal import InvalidPatternError

Takes = Callable[[object], bool]


@dataclass(frozen=True)
class Comparison:
    """A comparison: in words (`to start with "us-"`), and as a test of one value of an event."""

    words: str
    takes: Takes

    def __str__(self) -> str:
        return self.words


def equal_to(wanted: object) -> Comparison:
    """Return the test for equality of JSON values: 300 equals 300.0, and true does not equal 1."""
    return Comparison(json.dumps(wanted), lambda value: _same(value, wanted))


def prefix(at: str, operand: object) -> Comparison:
    """Return the test of `{"prefix": "us-"}`, or `{"prefix": {"equals-ignore-case": "US-"}}`."""
    return _affix(at, operand, "to start with", str.startswith)


def suffix(at: str, operand: object) -> Comparison:
    """Return the test of `{"suffix": ".png"}`, or `{"suffix": {"equals-ignore-case": ".PNG"}}`."""
    return _affix(at, operand, "to end with", str.endswith)


def equals_ignore_case(at: str, operand: object) -> Comparison:
    """Return the test of `{"equals-ignore-case": "alice"}`."""
    wanted = _text(at, operand)
    return _strings(f"{json.dumps(wanted)} in any case", lambda value: value.lower() == wanted.lower())


def wildcard(at: str, operand: object) -> Comparison:
    """Return the test of `{"wildcard": "dir/*.png"}`. A backslash escapes an asterisk or a backslash."""
    pieces = _pieces(at, _text(at, operand))
    return _strings(f"to be like {json.dumps(operand)}", lambda value: _is_like(value, pieces))


def wildcards(at: str, wanted: object) -> Iterator[list[str]]:
    """Yield the texts between the asterisks of each wildcard of a field, also under `anything-but`."""
    if isinstance(wanted, list):
        for one in wanted:
            yield from wildcards(at, one)
    elif isinstance(wanted, Mapping):
        for name, operand in wanted.items():
            if name == "anything-but":
                yield from wildcards(at, operand)
            elif name == "wildcard":
                texts = operand if isinstance(operand, list) else [operand]
                yield from (_pieces(at, text) for text in texts if isinstance(text, str) and _is_wildcard(text))


def _is_wildcard(text: str) -> bool:
    """Return whether the text is a wildcard that `_pieces` can read; its operator refuses any other."""
    try:
        _pieces("", text)
    except InvalidPatternError:
        return False
    return True


def numeric(at: str, operand: object) -> Comparison:
    """Return the test of `{"numeric": [">", 10, "<=", 20]}`: one comparison of numbers, or a lower and then an upper bound."""
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise InvalidPatternError(at, 'must be an array of a comparison and a number, or of two of both: [">", 0, "<=", 5]')
    bounds = list(zip(operand[::2], operand[1::2], strict=True))
    for position, (sign, number) in enumerate(bounds):
        allowed = COMPARISONS if len(bounds) == 1 else (">", ">=") if position == 0 else ("<", "<=")
        if not isinstance(sign, str) or sign not in allowed:
            raise InvalidPatternError(
                at, f"{json.dumps(sign)} is not one of {', '.join(allowed)} (a range has its lower bound first)"
            )
        if not _is_number(number):
            raise InvalidPatternError(at, f"{json.dumps(number)} after {sign} must be a number")
    if any(low >= high for (_, low), (_, high) in pairwise(bounds)):
        raise InvalidPatternError(at, f"no number is between {bounds[0][1]} and {bounds[1][1]}")
    return Comparison(
        " and ".join(f"{sign} {number}" for sign, number in bounds),
        lambda value: _is_number(value) and all(COMPARISONS[sign](value, number) for sign, number in bounds),
    )


def cidr(at: str, operand: object) -> Comparison:
    """Return the test of `{"cidr": "10.0.0.0/24"}`, IPv4 or IPv6."""
    block = _text(at, operand)
    address, slash, bits = block.partition("/")
    if not slash or not bits.isdecimal():
        raise InvalidPatternError(at, f"{json.dumps(block)} must be an address, a slash and the mask's bits: 10.0.0.0/24")
    try:
        network = ipaddress.ip_network(block, strict=False)
    except ValueError as error:
        raise InvalidPatternError(at, f"is not a block of addresses: {error}") from None
    if int(bits) == network.max_prefixlen:
        raise InvalidPatternError(
            at, f"the mask must be under {network.max_prefixlen} bits; give {json.dumps(address)} itself instead"
        )

    def inside(value: str) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return _strings(f"to be an address in {block}", inside)


def anything_but(at: str, operand: object) -> Comparison:
    """Return the test of `{"anything-but": X}`, for a value that exists.

    X is a string or a number, a list of either, or `{"prefix": ...}`, `{"suffix": ...}`, `{"equals-ignore-case": ...}`,
    `{"wildcard": ...}` of a string or a list of strings.
    """
    refused = [excluded for one in _listed(at, operand) for excluded in _excluded(at, one, in_list=isinstance(operand, list))]
    words = " nor ".join(map(str, refused))
    return Comparison(f"anything but {words}", lambda value: not any(test.takes(value) for test in refused))


def exactly(at: str, operand: object) -> Comparison:
    """Return the test of `{"exactly": "Alice"}`, Event Ruler's long form of a string."""
    return equal_to(_text(at, operand))


OPERATORS: Mapping[str, Callable[[str, object], Comparison]] = {
    "prefix": prefix,
    "suffix": suffix,
    "equals-ignore-case": equals_ignore_case,
    "wildcard": wildcard,
    "numeric": numeric,
    "cidr": cidr,
    "anything-but": anything_but,
    "exactly": exactly,
}
"""The test of each operator. `exists` is absent, because it tests the field and not a value."""
NEGATED = {"prefix": prefix, "suffix": suffix, "equals-ignore-case": equals_ignore_case, "wildcard": wildcard}
"""The operators that `anything-but` may negate."""
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _excluded(at: str, operand: object, *, in_list: bool) -> list[Comparison]:
    if not isinstance(operand, Mapping):
        if not isinstance(operand, str) and not _is_number(operand):
            raise InvalidPatternError(at, f"{json.dumps(operand)} is neither a string nor a number")
        return [equal_to(operand)]
    names = list(operand)
    if in_list or len(names) != 1 or names[0] not in NEGATED:
        raise InvalidPatternError(at, f"must be strings, numbers, or an object with one of {', '.join(NEGATED)}")
    (name,), (inner,) = names, operand.values()
    found = []
    for one in _listed(f"{at}.{name}", inner):
        text = _text(f"{at}.{name}", one)
        if not text and name in ("prefix", "suffix"):
            raise InvalidPatternError(f"{at}.{name}", "must not be empty")
        found.append(NEGATED[name](f"{at}.{name}", text))
    return found


def _listed(at: str, operand: object) -> list[object]:
    """Return a list of one kind of value. A single value becomes a list of one."""
    if not isinstance(operand, list):
        return [operand]
    if not operand:
        raise InvalidPatternError(at, "is an empty array, which AWS refuses")
    if len({isinstance(one, str) for one in operand}) > 1:
        raise InvalidPatternError(at, "must be all strings or all numbers")
    return operand


def _affix(at: str, operand: object, words: str, fits: Callable[[str, str], bool]) -> Comparison:
    if not isinstance(operand, Mapping):
        wanted = _text(at, operand)
        return _strings(f"{words} {json.dumps(wanted)}", lambda value: fits(value, wanted))
    if list(operand) != ["equals-ignore-case"]:
        raise InvalidPatternError(at, 'must be a string, or {"equals-ignore-case": "..."}')
    lower = _text(f"{at}.equals-ignore-case", operand["equals-ignore-case"]).lower()
    return _strings(f"{words} {json.dumps(lower)} in any case", lambda value: fits(value.lower(), lower))


def _pieces(at: str, pattern: str) -> list[str]:
    """Return the parts between the asterisks."""
    pieces, position = [""], 0
    while position < len(pattern):
        character, following = pattern[position], pattern[position + 1 : position + 2]
        if character == "\\":
            if following not in ("*", "\\"):
                raise InvalidPatternError(at, f"the backslash at {position + 1} may escape * and \\ only")
            pieces[-1] += following
            position += 1
        elif character == "*":
            if following == "*":
                raise InvalidPatternError(at, f"two asterisks in a row at {position + 1}")
            pieces.append("")
        else:
            pieces[-1] += character
        position += 1
    return pieces


def _is_like(value: str, pieces: list[str]) -> bool:
    """Return whether the value has the pieces in order, the first at its start and the last at its end."""
    first, *middle = pieces
    if not middle:
        return value == first
    last = middle.pop()
    if not value.startswith(first):
        return False
    position = len(first)
    for piece in middle:
        found = value.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return value.endswith(last) and position <= len(value) - len(last)


def _strings(words: str, takes: Callable[[str], bool]) -> Comparison:
    return Comparison(words, lambda value: isinstance(value, str) and takes(value))


def _text(at: str, operand: object) -> str:
    if not isinstance(operand, str):
        raise InvalidPatternError(at, f"must be a string, not {json.dumps(operand)}")
    return operand


def _same(value: object, wanted: object) -> bool:
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
