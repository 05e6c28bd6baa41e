"""DynamoDB's condition, key-condition, update and projection expressions, each compiled once to plain closures.

Items and values are in wire form (`{"S": "x"}`, `{"N": "1"}`). Held against ministack in test_dynamodb.py.
"""

import pathlib
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from typing import Any

Item = Mapping[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Condition = Callable[[Item, Names, Values], bool]
Operand = Callable[[Item, Names, Values], Any]
Update = Callable[[Item, Names, Values], dict[str, Any]]
Path = tuple[str | int, ...]

TOKEN = re.compile(r"\s*([#:]?[A-Za-z_][A-Za-z0-9_]*|[#:][A-Za-z0-9_]+|\d+|<>|<=|>=|[=<>(),.\[\]+-])")
COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})


class InvalidExpressionError(ValueError):
    """An expression that DynamoDB refuses with a ValidationException."""


@cache
def reserved_words() -> frozenset[str]:
    """DynamoDB's reserved words, in capitals: no expression may use them as a name. The list is moto's."""
    spec = find_spec("moto")
    assert spec is not None
    assert spec.origin is not None
    text = (pathlib.Path(spec.origin).parent / "dynamodb" / "parsing" / "reserved_keywords.txt").read_text()
    return frozenset(word.strip().upper() for word in text.splitlines() if word.strip())


@cache
def tokens(text: str) -> tuple[str, ...]:
    """Split the expression into tokens. Raises InvalidExpressionError."""
    found, position = [], 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = TOKEN.match(stripped, position)
        if match is None:
            raise InvalidExpressionError(f"syntax error near {stripped[position:]!r}")
        found.append(match.group(1))
        position = match.end()
    return tuple(found)


def check_used(expressions: tuple[str, ...], names: Names, values: Values) -> None:
    """Every name and value that is given must be used, and every one used be given. Raises InvalidExpressionError."""
    used = _placeholders(expressions)
    given = names.keys() | values.keys()
    if given != used:
        if given - used:
            raise InvalidExpressionError(f"unused in expressions: {sorted(given - used)}")
        raise InvalidExpressionError(f"used in expressions but not defined: {sorted(used - given)}")


@cache
def _placeholders(expressions: tuple[str, ...]) -> frozenset[str]:
    return frozenset(token for text in expressions for token in tokens(text) if token[0] in "#:")


def number(value: str) -> Decimal | int:
    """Convert a wire number to one that computes exactly."""
    try:
        return int(value)
    except ValueError:
        return Decimal(value)


def wire_number(value: Decimal | int) -> str:
    """Return a number in DynamoDB's canonical text."""
    if isinstance(value, int):
        return str(value)
    if value == value.to_integral_value():
        return str(int(value))
    return format(value.normalize(), "f")


def equal(left: Any, right: Any) -> bool:
    """Whether two wire values are equal; 1 and 1.0 are."""
    if left is None or right is None:
        return False
    if left == right:
        return True
    ((left_type, left_value),) = left.items()
    ((right_type, right_value),) = right.items()
    if left_type != right_type:
        return False
    if left_type == "N":
        return number(left_value) == number(right_value)
    if left_type in ("SS", "BS"):
        return set(left_value) == set(right_value)
    if left_type == "NS":
        return {number(part) for part in left_value} == {number(part) for part in right_value}
    if left_type == "L":
        return len(left_value) == len(right_value) and all(map(equal, left_value, right_value))
    if left_type == "M":
        return left_value.keys() == right_value.keys() and all(equal(left_value[key], right_value[key]) for key in left_value)
    return False


def order(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None where the two cannot be compared."""
    if left is None or right is None:
        return None
    ((left_type, left_value),) = left.items()
    ((right_type, right_value),) = right.items()
    if left_type != right_type or left_type not in ("S", "N", "B"):
        return None
    if left_type == "N":
        left_value, right_value = number(left_value), number(right_value)
    return int(left_value > right_value) - int(left_value < right_value)


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def keyword(self) -> str:
        return self.peek().upper()

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token.upper() != expected):
            raise InvalidExpressionError(
                f"syntax error at {token or 'the end'!r}" + (f", expected {expected}" if expected else "")
            )
        self.position += 1
        return token

    def end(self) -> None:
        if self.position < len(self.tokens):
            raise InvalidExpressionError(f"syntax error at {self.peek()!r}")

    def path(self) -> Path:
        parts: list[str | int] = [self.take()]
        if not (parts[0][0] == "#" or parts[0][0].isalpha() or parts[0][0] == "_"):  # type: ignore[index]
            raise InvalidExpressionError(f"syntax error at {parts[0]!r}, expected a path")
        while self.peek() in (".", "["):
            if self.take() == ".":
                parts.append(self.take())
            else:
                parts.append(int(self.take()))
                self.take("]")
        for part in parts:
            if isinstance(part, str) and part.upper() in reserved_words():
                raise InvalidExpressionError(f"attribute name is a reserved keyword: {part}")
        return tuple(parts)

    # conditions: or > and > not > one

    def either(self) -> Condition:
        first = self.both()
        while self.keyword() == "OR":
            self.take()
            first = _or(first, self.both())
        return first

    def both(self) -> Condition:
        first = self.negation()
        while self.keyword() == "AND":
            self.take()
            first = _and(first, self.negation())
        return first

    def negation(self) -> Condition:
        if self.keyword() == "NOT":
            self.take()
            inner = self.negation()
            return lambda item, names, values: not inner(item, names, values)
        return self.one()

    def one(self) -> Condition:
        if self.peek() == "(":
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        following = self.tokens[self.position + 1] if self.position + 1 < len(self.tokens) else ""
        if following == "(" and self.peek() in _FUNCTIONS:
            return self.function()
        left = self.operand()
        if self.peek() in COMPARATORS:
            return _COMPARE[self.take()](left, self.operand())
        if self.keyword() == "BETWEEN":
            self.take()
            low = self.operand()
            self.take("AND")
            return _between(left, low, self.operand())
        if self.keyword() == "IN":
            self.take()
            self.take("(")
            options = [self.operand()]
            while self.peek() == ",":
                self.take()
                options.append(self.operand())
            self.take(")")
            return _in(left, options)
        raise InvalidExpressionError(f"syntax error at {self.peek()!r}")

    def function(self) -> Condition:
        name = self.take()
        self.take("(")
        first = self.operand()
        second = None
        if self.peek() == ",":
            self.take()
            second = self.operand()
        self.take(")")
        return _FUNCTIONS[name](first, second)

    def operand(self) -> Operand:
        token = self.peek()
        if token.startswith(":"):
            self.take()
            return lambda item, names, values: values[token]
        if token == "size" and self.tokens[self.position + 1 : self.position + 2] == ("(",):
            self.take()
            self.take("(")
            inner = self.operand()
            self.take(")")
            return _size(inner)
        return _reader(self.path())

    # updates

    def value(self) -> Operand:
        left = self.term()
        while self.peek() in ("+", "-"):
            left = _arithmetic(left, 1 if self.take() == "+" else -1, self.term())
        return left

    def term(self) -> Operand:
        token = self.peek()
        if self.tokens[self.position + 1 : self.position + 2] == ("(",):
            self.take()
            self.take("(")
            if token == "if_not_exists":
                path = _reader(self.path())
                self.take(",")
                fallback = self.value()
                self.take(")")
                return _if_not_exists(path, fallback)
            if token == "list_append":
                first = self.value()
                self.take(",")
                second = self.value()
                self.take(")")
                return _list_append(first, second)
            raise InvalidExpressionError(f"invalid function name {token}")
        if token.startswith(":"):
            self.take()
            return lambda item, names, values: values[token]
        return _present(_reader(self.path()))

    def clauses(self) -> list[tuple[str, Path, Operand | None]]:
        """Parse the steps of an update: (SET, REMOVE, ADD or DELETE; path; operand)."""
        steps: list[tuple[str, Path, Operand | None]] = []
        seen: set[str] = set()
        while self.peek():
            kind = self.take().upper()
            if kind not in ("SET", "REMOVE", "ADD", "DELETE") or kind in seen:
                raise InvalidExpressionError(f"syntax error at {kind!r}")
            seen.add(kind)
            while True:
                path = self.path()
                operand: Operand | None = None
                if kind == "SET":
                    self.take("=")
                    operand = self.value()
                elif kind != "REMOVE":
                    operand = self.operand()
                steps.append((kind, path, operand))
                if self.peek() != ",":
                    break
                self.take()
        return steps


def _reader(path: Path) -> Operand:
    if len(path) == 1:
        only = path[0]
        assert isinstance(only, str)
        if only[0] == "#":
            return lambda item, names, values: item.get(names[only])
        return lambda item, names, values: item.get(only)

    def read(item: Item, names: Names, values: Values) -> Any:
        found: Any = {"M": item}
        for part in resolve(path, names):
            if isinstance(part, int):
                inside = found.get("L")
                found = inside[part] if inside is not None and part < len(inside) else None
            else:
                found = found.get("M", {}).get(part)
            if found is None:
                return None
        return found

    return read


def resolve(path: Path, names: Names) -> Path:
    """Return the path with its `#names` resolved."""
    return tuple(names[part] if isinstance(part, str) and part[0] == "#" else part for part in path)


def _or(left: Condition, right: Condition) -> Condition:
    return lambda item, names, values: left(item, names, values) or right(item, names, values)


def _and(left: Condition, right: Condition) -> Condition:
    return lambda item, names, values: left(item, names, values) and right(item, names, values)


def _equal(left: Operand, right: Operand) -> Condition:
    return lambda item, names, values: equal(left(item, names, values), right(item, names, values))


def _unequal(left: Operand, right: Operand) -> Condition:
    return lambda item, names, values: not equal(left(item, names, values), right(item, names, values))


def _ordered(accepted: frozenset[int]) -> Callable[[Operand, Operand], Condition]:
    def comparison(left: Operand, right: Operand) -> Condition:
        return lambda item, names, values: order(left(item, names, values), right(item, names, values)) in accepted

    return comparison


_COMPARE: dict[str, Callable[[Operand, Operand], Condition]] = {
    "=": _equal,
    "<>": _unequal,
    "<": _ordered(frozenset({-1})),
    "<=": _ordered(frozenset({-1, 0})),
    ">": _ordered(frozenset({1})),
    ">=": _ordered(frozenset({0, 1})),
}


def _between(value: Operand, low: Operand, high: Operand) -> Condition:
    def check(item: Item, names: Names, values: Values) -> bool:
        found = value(item, names, values)
        return order(low(item, names, values), found) in (-1, 0) and order(found, high(item, names, values)) in (-1, 0)

    return check


def _in(value: Operand, options: list[Operand]) -> Condition:
    def check(item: Item, names: Names, values: Values) -> bool:
        found = value(item, names, values)
        return any(equal(found, option(item, names, values)) for option in options)

    return check


def _exists(path: Operand, second: Operand | None) -> Condition:
    return lambda item, names, values: path(item, names, values) is not None


def _not_exists(path: Operand, second: Operand | None) -> Condition:
    return lambda item, names, values: path(item, names, values) is None


def _begins_with(path: Operand, prefix: Operand | None) -> Condition:
    assert prefix is not None

    def check(item: Item, names: Names, values: Values) -> bool:
        found, start = path(item, names, values), prefix(item, names, values)
        return found is not None and "S" in found and "S" in start and found["S"].startswith(start["S"])

    return check


def _contains(path: Operand, part: Operand | None) -> Condition:
    assert part is not None

    def check(item: Item, names: Names, values: Values) -> bool:
        found, wanted = path(item, names, values), part(item, names, values)
        if found is None or wanted is None:
            return False
        if "S" in found:
            return "S" in wanted and wanted["S"] in found["S"]
        if "L" in found:
            return any(equal(element, wanted) for element in found["L"])
        ((kind, members),) = found.items()
        return kind in ("SS", "NS", "BS") and any(equal({kind[0]: member}, wanted) for member in members)

    return check


def _attribute_type(path: Operand, kind: Operand | None) -> Condition:
    assert kind is not None

    def check(item: Item, names: Names, values: Values) -> bool:
        found = path(item, names, values)
        return found is not None and kind(item, names, values)["S"] in found

    return check


_FUNCTIONS: dict[str, Callable[[Operand, Operand | None], Condition]] = {
    "attribute_exists": _exists,
    "attribute_not_exists": _not_exists,
    "begins_with": _begins_with,
    "contains": _contains,
    "attribute_type": _attribute_type,
}


def _size(path: Operand) -> Operand:
    def size(item: Item, names: Names, values: Values) -> Any:
        found = path(item, names, values)
        if found is None:
            return None
        ((kind, value),) = found.items()
        return None if kind in ("N", "BOOL", "NULL") else {"N": str(len(value.encode() if kind == "S" else value))}

    return size


def _present(read: Operand) -> Operand:
    def value(item: Item, names: Names, values: Values) -> Any:
        found = read(item, names, values)
        if found is None:
            raise InvalidExpressionError("the expression refers to an attribute that does not exist in the item")
        return found

    return value


def _if_not_exists(path: Operand, fallback: Operand) -> Operand:
    def value(item: Item, names: Names, values: Values) -> Any:
        found = path(item, names, values)
        return fallback(item, names, values) if found is None else found

    return value


def _list_append(first: Operand, second: Operand) -> Operand:
    def value(item: Item, names: Names, values: Values) -> Any:
        left, right = first(item, names, values), second(item, names, values)
        if "L" not in left or "L" not in right:
            raise InvalidExpressionError("incorrect operand type for list_append")
        return {"L": left["L"] + right["L"]}

    return value


def _arithmetic(left: Operand, sign: int, right: Operand) -> Operand:
    def value(item: Item, names: Names, values: Values) -> Any:
        first, second = left(item, names, values), right(item, names, values)
        if "N" not in first or "N" not in second:
            raise InvalidExpressionError("incorrect operand type for operator + or -")
        return {"N": wire_number(number(first["N"]) + sign * number(second["N"]))}

    return value


@cache
def condition(text: str) -> Condition:
    """Compile a condition (or key condition). Raises InvalidExpressionError."""
    parser = _Parser(text)
    compiled = parser.either()
    parser.end()
    return compiled


@cache
def update(text: str) -> Update:
    """Compile an update, which makes a new item of the old one. Raises InvalidExpressionError."""
    steps = _Parser(text).clauses()
    if not steps:
        raise InvalidExpressionError("the update expression is empty")

    targets = [(kind, _top_level(path), operand) for kind, path, operand in steps]

    def apply(item: Item, names: Names, values: Values) -> dict[str, Any]:
        changed = dict(item)
        found = [
            (kind, names[name] if name[0] == "#" else name, operand(item, names, values) if operand else None)
            for kind, name, operand in targets
        ]
        if len({name for _, name, _ in found}) < len(found):
            raise InvalidExpressionError("two document paths overlap")
        for kind, name, value in found:
            if kind == "SET":
                changed[name] = value
                continue
            left = None if kind == "REMOVE" else _added(item, name, value) if kind == "ADD" else _deleted(item, name, value)
            if left is None:
                changed.pop(name, None)
            else:
                changed[name] = left
        return changed

    return apply


@cache
def updated_attributes(text: str) -> tuple[str, ...]:
    """Return the top-level attributes that an update touches, with `#names` unresolved."""
    return tuple(_top_level(path) for _, path, _ in _Parser(text).clauses())


def _top_level(path: Path) -> str:
    if len(path) > 1:
        raise NotImplementedError(f"updates of nested paths such as {path}: no service makes them yet")
    return str(path[0])


def _added(item: Item, name: str, value: Any) -> Any:
    old = item.get(name)
    ((kind, added),) = value.items()
    if kind not in ("N", "SS", "NS", "BS"):
        raise InvalidExpressionError("incorrect operand type for ADD")
    if old is None:
        return value
    if kind not in old:
        raise InvalidExpressionError("an operand in the update expression has an incorrect data type")
    if kind == "N":
        return {"N": wire_number(number(old["N"]) + number(added))}
    return {kind: old[kind] + [member for member in added if member not in old[kind]]}


def _deleted(item: Item, name: str, value: Any) -> Any:
    old = item.get(name)
    ((kind, removed),) = value.items()
    if old is None:
        return None
    if kind not in old or kind not in ("SS", "NS", "BS"):
        raise InvalidExpressionError("an operand in the update expression has an incorrect data type")
    left = [member for member in old[kind] if member not in removed]
    return {kind: left} if left else None


@cache
def projection(text: str) -> tuple[Path, ...]:
    """Return the paths of a projection expression. Raises InvalidExpressionError."""
    parser = _Parser(text)
    paths = [parser.path()]
    while parser.peek() == ",":
        parser.take()
        paths.append(parser.path())
    parser.end()
    return tuple(paths)
