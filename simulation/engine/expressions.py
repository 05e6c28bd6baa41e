"""DynamoDB's condition, key-condition, update and projection expressions, each compiled once to plain closures.

Items and values are in wire form (`{"S": "x"}`, `{"N": "1"}`). Held against ministack in test_dynamodb.py.
"""

import pathlib
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from typing import TypedDict, TypeVar


class AttributeValue(TypedDict, total=False):
    """A value in wire form: exactly one of these types, with the value, such as `{"S": "x"}` or `{"N": "1"}`.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
    """

    S: str
    N: str
    B: bytes
    BOOL: bool
    NULL: bool
    L: list["AttributeValue"]
    M: Mapping[str, "AttributeValue"]
    SS: list[str]
    NS: list[str]
    BS: list[bytes]


Item = Mapping[str, AttributeValue]
"""The attributes of an item, by name."""
Names = Mapping[str, str]
"""`ExpressionAttributeNames`: attributes by their `#name`."""
Values = Mapping[str, AttributeValue]
"""`ExpressionAttributeValues`, by their `:name`."""
Condition = Callable[[Item, Names, Values], bool]
"""A compiled condition: whether it holds for an item."""
Value = Callable[[Item, Names, Values], AttributeValue]
"""A compiled value of an update. Raises InvalidExpressionError if the item does not have it."""
Operand = Callable[[Item, Names, Values], AttributeValue | None]
"""A compiled operand: its value, or None if the item does not have it."""
Update = Callable[[Item, Names, Values], dict[str, AttributeValue]]
"""A compiled update: the new item."""
Path = tuple[str | int, ...]
"""The names and positions that lead to a value; the first is a name."""

T = TypeVar("T")
TOKEN = re.compile(r"\s*([#:]?[A-Za-z_][A-Za-z0-9_]*|[#:][A-Za-z0-9_]+|\d+|<>|<=|>=|[=<>(),.\[\]+-])")
COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})


class InvalidExpressionError(ValueError):
    """An expression that DynamoDB refuses with a ValidationException."""


@cache
def reserved_words() -> frozenset[str]:
    """Return DynamoDB's reserved words in capitals: no expression may use them as a name. The list is moto's."""
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
    """Raise InvalidExpressionError unless the expressions use exactly the names and values that are given."""
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


def equal(left: AttributeValue | None, right: AttributeValue | None) -> bool:
    """Return whether two wire values are equal: numbers by their value, sets in any order; False for a missing one."""
    if left is None or right is None:
        return False
    if left == right:
        return True
    if left.keys() != right.keys():
        return False
    if "N" in left:
        return number(left["N"]) == number(right["N"])
    if "SS" in left:
        return set(left["SS"]) == set(right["SS"])
    if "BS" in left:
        return set(left["BS"]) == set(right["BS"])
    if "NS" in left:
        return set(map(number, left["NS"])) == set(map(number, right["NS"]))
    if "L" in left:
        return len(left["L"]) == len(right["L"]) and all(map(equal, left["L"], right["L"]))
    if "M" in left:
        return left["M"].keys() == right["M"].keys() and all(equal(part, right["M"][name]) for name, part in left["M"].items())
    return False


def order(left: AttributeValue | None, right: AttributeValue | None) -> int | None:
    """Return -1, 0 or 1 as `left` is less, equal or greater; None if the two have no order."""
    if left is None or right is None:
        return None
    if "N" in left and "N" in right:
        first, second = number(left["N"]), number(right["N"])
        return int(first > second) - int(first < second)
    if "S" in left and "S" in right:
        return int(left["S"] > right["S"]) - int(left["S"] < right["S"])
    if "B" in left and "B" in right:
        return int(left["B"] > right["B"]) - int(left["B"] < right["B"])
    return None


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

    def value(self) -> Value:
        left = self.term()
        while self.peek() in ("+", "-"):
            left = _arithmetic(left, 1 if self.take() == "+" else -1, self.term())
        return left

    def term(self) -> Value:
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

    def clauses(self) -> list[tuple[str, Path, Value | None]]:
        """Parse the steps of an update: (SET, REMOVE, ADD or DELETE; path; value)."""
        steps: list[tuple[str, Path, Value | None]] = []
        seen: set[str] = set()
        while self.peek():
            kind = self.take().upper()
            if kind not in ("SET", "REMOVE", "ADD", "DELETE") or kind in seen:
                raise InvalidExpressionError(f"syntax error at {kind!r}")
            seen.add(kind)
            while True:
                path = self.path()
                value: Value | None = None
                if kind == "SET":
                    self.take("=")
                    value = self.value()
                elif kind != "REMOVE":
                    value = self.term()
                steps.append((kind, path, value))
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

    def read(item: Item, names: Names, values: Values) -> AttributeValue | None:
        found: AttributeValue | None = {"M": item}
        for part in resolve(path, names):
            if found is None:
                return None
            if isinstance(part, int):
                inside = found.get("L", [])
                found = inside[part] if part < len(inside) else None
            else:
                found = found.get("M", {}).get(part)
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
        if found is None or start is None:
            return False
        return "S" in found and "S" in start and found["S"].startswith(start["S"])

    return check


def _contains(path: Operand, part: Operand | None) -> Condition:
    assert part is not None

    def check(item: Item, names: Names, values: Values) -> bool:
        found, wanted = path(item, names, values), part(item, names, values)
        if found is None or wanted is None:
            return False
        if "S" in found:
            return "S" in wanted and wanted["S"] in found["S"]
        return any(equal(member, wanted) for member in _members(found))

    return check


def _members(value: AttributeValue) -> list[AttributeValue]:
    """Return the members of a list or a set, each as a value; none of any other value."""
    if "L" in value:
        return value["L"]
    if "SS" in value:
        return [{"S": member} for member in value["SS"]]
    if "NS" in value:
        return [{"N": member} for member in value["NS"]]
    return [{"B": member} for member in value.get("BS", [])]


def _attribute_type(path: Operand, kind: Operand | None) -> Condition:
    assert kind is not None

    def check(item: Item, names: Names, values: Values) -> bool:
        found, wanted = path(item, names, values), kind(item, names, values)
        return found is not None and wanted is not None and wanted["S"] in found

    return check


_FUNCTIONS: dict[str, Callable[[Operand, Operand | None], Condition]] = {
    "attribute_exists": _exists,
    "attribute_not_exists": _not_exists,
    "begins_with": _begins_with,
    "contains": _contains,
    "attribute_type": _attribute_type,
}


def _size(path: Operand) -> Operand:
    def size(item: Item, names: Names, values: Values) -> AttributeValue | None:
        found = path(item, names, values)
        length = None if found is None else _length(found)
        return None if length is None else {"N": str(length)}

    return size


def _length(value: AttributeValue) -> int | None:
    """Return the bytes of a text or binary, or the number of parts; None of a value that has no size."""
    if "S" in value:
        return len(value["S"].encode())
    if "B" in value:
        return len(value["B"])
    if "M" in value:
        return len(value["M"])
    return len(_members(value)) if value.keys() & {"L", "SS", "NS", "BS"} else None


def _present(read: Operand) -> Value:
    def value(item: Item, names: Names, values: Values) -> AttributeValue:
        found = read(item, names, values)
        if found is None:
            raise InvalidExpressionError("the expression refers to an attribute that does not exist in the item")
        return found

    return value


def _if_not_exists(path: Operand, fallback: Value) -> Value:
    def value(item: Item, names: Names, values: Values) -> AttributeValue:
        found = path(item, names, values)
        return fallback(item, names, values) if found is None else found

    return value


def _list_append(first: Value, second: Value) -> Value:
    def value(item: Item, names: Names, values: Values) -> AttributeValue:
        left, right = first(item, names, values), second(item, names, values)
        if "L" not in left or "L" not in right:
            raise InvalidExpressionError("incorrect operand type for list_append")
        return {"L": left["L"] + right["L"]}

    return value


def _arithmetic(left: Value, sign: int, right: Value) -> Value:
    def value(item: Item, names: Names, values: Values) -> AttributeValue:
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

    targets = [(kind, _top_level(path), value) for kind, path, value in steps]

    def apply(item: Item, names: Names, values: Values) -> dict[str, AttributeValue]:
        changed = dict(item)
        found = [
            (kind, names[name] if name[0] == "#" else name, value(item, names, values) if value else None)
            for kind, name, value in targets
        ]
        if len({name for _, name, _ in found}) < len(found):
            raise InvalidExpressionError("two document paths overlap")
        for kind, name, value in found:
            left = value
            if value is not None and kind != "SET":
                left = _added(item, name, value) if kind == "ADD" else _deleted(item, name, value)
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
        raise NotImplementedError(f"updates of nested paths such as {path} are not supported here")
    return str(path[0])


def _added(item: Item, name: str, value: AttributeValue) -> AttributeValue:
    """Return the attribute with the number added, or with the members of the set."""
    if not value.keys() & {"N", "SS", "NS", "BS"}:
        raise InvalidExpressionError("incorrect operand type for ADD")
    old = item.get(name)
    if old is None:
        return value
    if "N" in value and "N" in old:
        return {"N": wire_number(number(old["N"]) + number(value["N"]))}
    if "SS" in value and "SS" in old:
        return {"SS": _united(old["SS"], value["SS"])}
    if "NS" in value and "NS" in old:
        return {"NS": _united(old["NS"], value["NS"])}
    if "BS" in value and "BS" in old:
        return {"BS": _united(old["BS"], value["BS"])}
    raise InvalidExpressionError("an operand in the update expression has an incorrect data type")


def _deleted(item: Item, name: str, value: AttributeValue) -> AttributeValue | None:
    """Return the attribute without the members of the set; None if no member is left."""
    old = item.get(name)
    if old is None:
        return None
    left: AttributeValue
    if "SS" in value and "SS" in old:
        left = {"SS": [member for member in old["SS"] if member not in value["SS"]]}
    elif "NS" in value and "NS" in old:
        left = {"NS": [member for member in old["NS"] if member not in value["NS"]]}
    elif "BS" in value and "BS" in old:
        left = {"BS": [member for member in old["BS"] if member not in value["BS"]]}
    else:
        raise InvalidExpressionError("an operand in the update expression has an incorrect data type")
    return left if _members(left) else None


def _united(old: list[T], added: list[T]) -> list[T]:
    return old + [member for member in added if member not in old]


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
