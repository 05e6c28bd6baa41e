"""Random bindings of the variables that a JSONata expression reads, so that each of its outcomes occurs often.

A binding is built along the paths in the expression's own text (`$order.lines`), and its leaves are often the expression's
own literals. A new expression of the saga needs no change here.
"""

import re
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, Final

PATH: Final = re.compile(r"\$([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*)(?![\w(])")
LITERAL: Final = re.compile(r"'([^']*)'")
LEAVES: Final = (
    None,
    True,
    False,
    0,
    1,
    -7,
    2500,
    1.5,
    2**53 - 1,
    "",
    "live",
    "ü€ 😀",
    [],
    ["AUTHORIZED"],
    [None],
    [[1, 2], [3]],
    {},
    {"amount": 2500, "currency": "USD"},
    {"amount": None},
    [{"sku": "MUG", "quantity": 2}],
    [{"sku": "MUG", "quantity": 2}, {"sku": "CUP", "quantity": 1}],
)
"""Values of every JSON type, and the shapes that JSONata treats specially: null, lists of one, of none, of lists.

A number beyond 2**53 is left out: JSONata's numbers are floats, so the saga must not compute with it, on AWS neither.
"""


def expressions(definition: Any) -> Iterator[str]:
    """Return each `{% ... %}` of a workflow's definition, at any depth, without its marks."""
    if isinstance(definition, str) and definition.startswith("{%"):
        yield definition.removeprefix("{%").removesuffix("%}").strip()
    elif isinstance(definition, dict | list):
        for part in definition.values() if isinstance(definition, dict) else definition:
            yield from expressions(part)


def binding(expression: str, random: Random) -> dict[str, Any]:
    """Return the variables that the expression reads, by name. Some are absent."""
    literals = LITERAL.findall(expression)
    variables: dict[str, Any] = {}
    for name, fields in PATH.findall(expression):
        if random.random() < 0.04:
            continue
        path = fields.split(".")[1:]
        variables[name] = _at(path, variables.get(name), _leaf(literals, random), random)
    return variables


def _leaf(literals: list[str], random: Random) -> Any:
    leaf = random.choice(literals) if literals and random.random() < 0.6 else random.choice(LEAVES)
    return [leaf, random.choice(LEAVES)] if random.random() < 0.05 else leaf


def _at(path: list[str], known: Any, leaf: Any, random: Random) -> Any:
    """Return a value that has `leaf` at `path`, beside what `known` holds; sometimes the path breaks off."""
    if not path:
        return leaf
    chance = random.random()
    if chance < 0.04:
        return random.choice(LEAVES)
    holder = dict(known) if isinstance(known, Mapping) else {}
    if chance < 0.1:
        return holder
    holder[path[0]] = _at(path[1:], holder.get(path[0]), leaf, random)
    return [holder, {path[0]: random.choice(LEAVES)}] if chance < 0.15 else holder
