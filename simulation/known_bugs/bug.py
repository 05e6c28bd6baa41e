"""A known bug: what it breaks, and the few lines of the services that it changes.

A bug is a file `bugs/<name>.yaml`:

```yaml
about: A void that finds no payment answers VOIDED and leaves no tombstone.
adapters: true                 # hunt it where Stripe and EasyPost are; absent: where the sandboxes are
caught_by: [M4]                # the invariants that must see it, here cancelled_order_keeps_no_money; absent: any may
changes:
  - file: services/payment/use_cases/processor.py
    inside: PaymentProcessor.void  # a function, a class, `Class.method`, or a state of the workflow; absent: the whole file
    replace: |                 # stands exactly once inside it, at whatever indentation
      row = self.payments.create_or_apply(order_id, intend, causation)
    by: |
      if self.payments.get(order_id) is None:
          return {"outcome": "VOIDED"}
      row = self.payments.create_or_apply(order_id, intend, causation)
```

So a bug survives whatever moves around the lines that it is about.
"""

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import yaml

BUGS: Final = Path(__file__).parent / "bugs"


class MisplacedBugError(ValueError):
    """The lines that the bug replaces do not stand exactly once where it says."""


@dataclass(frozen=True)
class Replacement:
    """Lines of one file, and the wrong ones that take their place. `inside` is empty for the whole file."""

    file: str
    replace: str
    by: str
    inside: str = ""


@dataclass(frozen=True)
class KnownBug:
    """A bug by its file's name; `about` says what it breaks."""

    name: str
    about: str
    changes: tuple[Replacement, ...]
    adapters: bool = False
    caught_by: tuple[str, ...] = ()

    def put_into(self, folder: Path) -> None:
        """Change the copy of the project in `folder`. Raises MisplacedBugError."""
        for change in self.changes:
            path = folder / change.file
            path.write_text(changed(path.read_text(), change))


def known_bugs(names: Sequence[str] = ()) -> list[KnownBug]:
    """Return all bugs, or those that are named, by name."""
    return [_read(path) for path in sorted(BUGS.glob("*.yaml")) if not names or path.stem in names]


def changed(text: str, change: Replacement) -> str:
    """Return the file's text with the change made. Raises MisplacedBugError."""
    lines = text.splitlines()
    wanted = change.replace.splitlines()
    begin, end = _scope(text, change)
    found = [at for at in range(begin, end - len(wanted) + 1) if _same(lines[at : at + len(wanted)], wanted)]
    if len(found) != 1:
        where = f"{change.file}, {change.inside}" if change.inside else change.file
        raise MisplacedBugError(f"these lines stand {len(found)} times in {where}, not once:\n{change.replace}")
    at = found[0]
    margin = _margin(lines[at : at + len(wanted)])
    wrong = [f"{margin}{line}" if line else "" for line in change.by.splitlines()]
    return "\n".join([*lines[:at], *wrong, *lines[at + len(wanted) :]]) + "\n"


def _read(path: Path) -> KnownBug:
    read = yaml.safe_load(path.read_text())
    changes = tuple(Replacement(**change) for change in read["changes"])
    return KnownBug(path.stem, read["about"], changes, read.get("adapters", False), tuple(read.get("caught_by", ())))


def _same(lines: Sequence[str], wanted: Sequence[str]) -> bool:
    return textwrap.dedent("\n".join(lines)) == "\n".join(wanted)


def _margin(lines: Sequence[str]) -> str:
    return min((line[: len(line) - len(line.lstrip())] for line in lines if line.strip()), key=len)


def _scope(text: str, change: Replacement) -> tuple[int, int]:
    """Return the first line of the scope, and the line after its last."""
    if not change.inside:
        return 0, len(text.splitlines())
    scopes = _definitions(ast.parse(text)) if change.file.endswith(".py") else _states(text)
    for name, begin, end in scopes:
        if name == change.inside:
            return begin, end
    raise MisplacedBugError(f"{change.file} has no {change.inside}")


def _definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int, int]]:
    """Yield each function and class by its dotted name, with its decorators."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}{node.name}"
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            assert node.end_lineno is not None
            yield name, first - 1, node.end_lineno
            yield from _definitions(node, f"{name}.")


def _states(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each state of a workflow, also those of its branches, by its name: the key above a `Type`."""
    lines = text.splitlines()
    for at, (line, below) in enumerate(pairwise(lines)):
        key = re.fullmatch(r"( +)(\w+):(?: *#.*)?", line)
        if key is None or not below.lstrip().startswith("Type: "):
            continue
        inner = (row for row in range(at + 1, len(lines)) if lines[row].strip())
        end = next((row for row in inner if len(lines[row]) - len(lines[row].lstrip()) <= len(key[1])), len(lines))
        yield key[2], at, end
