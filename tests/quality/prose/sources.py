"""The texts that the prose check reads, cut into passages with the file and line each one stands in."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html.parser import HTMLParser
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

REPOSITORY = Path(__file__).parents[3]
PACKAGES = (
    "app.py",
    "audit/",
    "cdk/",
    "console/",
    "journal/",
    "kernel/",
    "laptop/",
    "operations/",
    "orderctl/",
    "services/",
    "simulation/",
    "stages/",
    "tests/",
)
GENERATED = re.compile(
    r"docs/reference/cli\.md|services/\w+/schemas/models\.py|simulation/known_bugs/bugs/|simulation/known_bugs/.*\.patch"
)
MAIL_TEMPLATES = re.compile(r"services/notification/.*templates/.*\.(txt|html)")
MADE_PAGES = ("docs/reference/cli.md", "docs/reference/errors.md")
"""Help texts and docstrings once more; they are checked in the code."""
COMMAND_LINE = "orderctl/"
CODE = "CODE"
"""The word that stands for a code span or a placeholder."""
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_DIRECTIVE = re.compile(r"noqa|type:|pragma|prose:|nosec|!|fmt:|ruff:|-\*-")
_SECTION = re.compile(r"^\s*(Args|Arguments|Attributes|Example|Examples|Raises|Returns|Source|Sources|Yields|Note):\s*$")
_ENTRY = re.compile(r"^\s+[`*\w]+( \([^)]*\))?: ")


class Kind(StrEnum):
    """Where a passage stands."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    CELL = "table cell"
    DOCSTRING = "docstring"
    COMMENT = "comment"
    HELP = "help text"
    ERROR = "error message"
    MAIL = "mail"


@dataclass(frozen=True)
class Passage:
    """Some sentences without mark-up, from line `first` to line `last` (from 1) of a file."""

    path: str
    first: int
    last: int
    kind: Kind
    text: str


def tracked(suffixes: tuple[str, ...]) -> list[str]:
    """Return the committed files with one of these suffixes, as paths from the top of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return sorted(name for name in set(listed.stdout.splitlines()) if name.endswith(suffixes) and (REPOSITORY / name).is_file())


def checked_files() -> list[str]:
    """Return every file that the prose check reads."""
    code = [name for name in tracked((".py",)) if name.startswith(PACKAGES) and not GENERATED.match(name)]
    mails = [name for name in tracked((".txt", ".html")) if MAIL_TEMPLATES.match(name)]
    pages = [name for name in tracked((".md",)) if name not in MADE_PAGES]
    return [*pages, *code, *mails]


def passages(path: str, source: str) -> list[Passage]:
    """Return the passages of one file, by its suffix."""
    if path.endswith(".md"):
        return list(of_markdown(path, source))
    if path.endswith(".py"):
        return list(of_python(path, source))
    return list(of_mail(path, source))


def of_markdown(path: str, source: str, kind: Kind = Kind.PARAGRAPH, offset: int = 0) -> Iterator[Passage]:
    """Yield the paragraphs, headings and cells of a Markdown text that begins after line `offset` of its file."""
    first = last = 0
    block = kind
    for token in _MARKDOWN.parse(source):
        if token.map is not None:
            first, last = token.map
        if token.type in ("heading_open", "th_open"):
            block = Kind.HEADING if kind is Kind.PARAGRAPH else kind
        elif token.type == "td_open":
            block = Kind.CELL if kind is Kind.PARAGRAPH else kind
        elif token.type == "paragraph_open":
            block = kind
        elif token.type == "inline":
            yield Passage(path, offset + first + 1, offset + last, block, _plain(token))


def of_python(path: str, source: str) -> Iterator[Passage]:
    """Yield the docstrings, comments, help texts and error messages of a module."""
    tree = ast.parse(source)
    for line, docstring in _docstrings(tree):
        text = "\n".join(_apart(docstring))
        yield from of_markdown(path, text, Kind.DOCSTRING, line - 1)
    yield from _comments(path, source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from _texts(path, node.exc, Kind.ERROR)
        if isinstance(node, ast.keyword) and node.arg == "help" and path.startswith(COMMAND_LINE):
            yield from _texts(path, node.value, Kind.HELP)


def of_mail(path: str, source: str) -> Iterator[Passage]:
    """Yield the paragraphs of a mail template, text or HTML."""
    if path.endswith(".html"):
        reader = _Paragraphs()
        reader.feed(source)
        paragraphs = [(line, line, text) for line, text in reader.paragraphs()]
    else:
        paragraphs = list(_blocks(source))
    for first, last, text in paragraphs:
        yield Passage(path, first, last, Kind.MAIL, re.sub(r"\$\{?\w+\}?", CODE, text))


def _plain(token: Token) -> str:
    """Return the text of an inline token, each code span as the word `CODE`, a line for each forced break."""
    parts = []
    for child in token.children or []:
        if child.type == "code_inline":
            parts.append(CODE)
        elif child.type == "softbreak":
            parts.append(" ")
        elif child.type == "hardbreak" or (child.type == "html_inline" and child.content.startswith("<br")):
            parts.append("\n")
        elif child.type == "text":
            parts.append(child.content)
    return "".join(parts)


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each string that is a statement: of modules, classes, functions and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def _apart(text: str) -> Iterator[str]:
    """Yield a docstring's lines without indentation, its sections and their entries as paragraphs of their own."""
    lines = text.splitlines()
    rest = [line for line in lines[1:] if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in rest), default=0)
    for number, line in enumerate(lines):
        cut = line.strip() if number == 0 else line[margin:]
        if _SECTION.match(cut):
            yield ""
        elif _ENTRY.match(cut):
            yield f"- {cut.strip()}"
        else:
            yield cut


def _comments(path: str, source: str) -> Iterator[Passage]:
    """Yield the comments; lines that follow one another, with nothing but a comment each, are one passage."""
    block: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, column = token.start
        text = token.string.lstrip("#").strip()
        alone = not token.line[:column].strip()
        if block and not (alone and line == last + 1):
            yield Passage(path, first, last, Kind.COMMENT, _without_code(" ".join(block)))
            block = []
        if not text or _DIRECTIVE.match(text):
            continue
        if not block:
            first = line
        block.append(text)
        last = line if alone else -1
        if not alone:
            yield Passage(path, line, line, Kind.COMMENT, _without_code(" ".join(block)))
            block = []
    if block:
        yield Passage(path, first, last, Kind.COMMENT, _without_code(" ".join(block)))


def _texts(path: str, node: ast.expr, kind: Kind) -> Iterator[Passage]:
    """Yield the texts in an expression, each placeholder of an f-string as the word `CODE`."""
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else CODE for part in node.values]
        yield Passage(path, node.lineno, node.end_lineno or node.lineno, kind, _without_code("".join(parts)))
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str) and " " in node.value:
            yield Passage(path, node.lineno, node.end_lineno or node.lineno, kind, _without_code(node.value))
    else:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr | ast.keyword):
                yield from _texts(path, child.value if isinstance(child, ast.keyword) else child, kind)


def _without_code(text: str) -> str:
    return re.sub(r"``?[^`]*``?", CODE, text)


def _blocks(source: str) -> Iterator[tuple[int, int, str]]:
    """Yield the first line, the last line and the text of each paragraph of a plain text."""
    block: list[str] = []
    for number, line in enumerate([*source.splitlines(), ""], start=1):
        if line.strip():
            block.append(line.strip())
        elif block:
            yield number - len(block), number - 1, " ".join(block)
            block = []


class _Paragraphs(HTMLParser):
    """The text of an HTML page, apart at its block elements."""

    BLOCKS = frozenset({"p", "li", "h1", "h2", "h3", "td", "div", "title", "ul", "table", "tr"})

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[tuple[int, str]] = []
        self._hidden = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden = tag in ("style", "script")
        self._apart(tag)

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False
        self._apart(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._parts.append((self.getpos()[0], data))

    def _apart(self, tag: str) -> None:
        if tag in self.BLOCKS:
            self._parts.append((0, ""))

    def paragraphs(self) -> Iterator[tuple[int, str]]:
        """Yield the line and the text of each block element."""
        block: list[tuple[int, str]] = []
        for line, text in [*self._parts, (0, "")]:
            if line:
                block.append((line, text))
            elif block:
                joined = " ".join("".join(part for _, part in block).split())
                if joined:
                    yield block[0][0], joined
                block = []
