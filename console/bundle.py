"""The page's own scripts as one module, made when the server starts: they load by one request and are compressed together.

The scripts stay modules for their readers and for every tool. A source map shows each one in the browser's debugger, with its
comments and line numbers. Source of its format: https://tc39.es/ecma426/
"""

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

ENTRY: Final = "app.js"
MAP: Final = f"{ENTRY}.map"
LIBRARIES: Final = "vendor/"
IMPORT: Final = re.compile(r'import (?:\{ (?P<names>[^}]+) \}|(?P<default>\w+)) from "(?P<path>\.[^"]+)";')
EXPORT: Final = re.compile(r"export (?P<rest>(?:async )?(?:const|function|class) (?P<name>\w+).*)")
DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class ScriptError(Exception):
    """A script that is not written as the page's scripts are."""


@dataclass
class Bundle:
    """The module, and its source map. `scripts` are the scripts' texts by their paths: `views/home.js`."""

    scripts: Mapping[str, str]
    code: str = ""
    source_map: str = ""
    _lines: list[tuple[str, tuple[int, int] | None]] = field(default_factory=list)
    _order: list[str] = field(default_factory=list)
    _libraries: dict[str, str] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._add(ENTRY)
        unused = set(self.scripts) - set(self._order)
        if unused:
            raise ScriptError(f"no script imports {', '.join(sorted(unused))}")
        head = [(f'import * as {name} from "./{path}";', None) for path, name in self._libraries.items()]
        lines = [*head, ("const $ = {};", None), *self._lines, (f"//# sourceMappingURL={MAP}", None)]
        self.code = "".join(f"{text}\n" for text, _ in lines)
        self.source_map = json.dumps(
            {
                "version": 3,
                "sources": self._order,
                "sourcesContent": [self.scripts[path] for path in self._order],
                "names": [],
                "mappings": ";".join(_mappings([place for _, place in lines])),
            }
        )

    def _add(self, path: str) -> None:
        """Append a script, after those that it imports, as a function of its own that returns what it exports."""
        if path in self._order:
            return
        if path in self._open:
            raise ScriptError(f"scripts import each other in a circle: {' → '.join([*self._open, path])}")
        if path not in self.scripts:
            raise ScriptError(f"{self._open[-1] if self._open else 'the page'} imports {path}, which does not exist")
        self._open.append(path)
        small = stripped(self.scripts[path]).splitlines()
        body = [self._imported(path, line) for line in small]
        self._open.pop()
        self._order.append(path)
        exported = [found["name"] for line in small if (found := EXPORT.match(line))]
        self._lines.append((f'$["{path}"] = (() => {{', None))
        at = len(self._order) - 1
        self._lines += [(EXPORT.sub(r"\g<rest>", line), (at, number)) for number, line in enumerate(body)]
        self._lines.append((f"return {{ {', '.join(exported)} }}; }})();", None))

    def _imported(self, path: str, line: str) -> str:
        """Return a line, with an import as a constant."""
        if not line.startswith("import "):
            if line.startswith("export ") and not EXPORT.match(line):
                raise ScriptError(f"{path} exports something that has no name of its own: {line}")
            return line
        found = IMPORT.fullmatch(line)
        if found is None:
            raise ScriptError(f"{path} imports in another form than the other scripts do: {line}")
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(path), found["path"]))
        if wanted.startswith(LIBRARIES):
            source = self._libraries.setdefault(wanted, f"library{len(self._libraries)}")
        else:
            self._add(wanted)
            source = f'$["{wanted}"]'
        if found["default"]:
            return f"const {found['default']} = {source}.default;"
        return f"const {{ {found['names'].replace(' as ', ': ')} }} = {source};"


def stripped(script: str) -> str:
    """Return a script of the page without its comment lines and its indentation. Each line keeps its number.

    A line is a comment from its first character on, or not at all, so no line within a text begins with `//` or `/*`.
    """
    lines, in_comment = [], False
    for line in map(str.strip, script.splitlines()):
        is_comment = in_comment or line.startswith(("//", "/*"))
        in_comment = is_comment and not line.startswith("//") and not line.endswith("*/")
        lines.append("" if is_comment else line)
    return "\n".join(lines) + "\n"


def _mappings(places: list[tuple[int, int] | None]) -> Iterator[str]:
    """Yield the mapping of each line to its script and line, as differences to the one before."""
    script = line = 0
    for place in places:
        if place is None:
            yield ""
            continue
        yield "".join(map(_vlq, (0, place[0] - script, place[1] - line, 0)))
        script, line = place


def _vlq(number: int) -> str:
    """Return a number in Base64 VLQ: five bits a digit, the lowest first, and the sign in the first one."""
    rest, text = abs(number) << 1 | (number < 0), ""
    while True:
        digit, rest = rest & 31, rest >> 5
        text += DIGITS[digit | 32 * bool(rest)]
        if not rest:
            return text
