"""The texts that the prose check reads, cut into passages with the file and line each one stands in."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.quality.prose.passage import CODE, Comment, Kind, Passage, blocks_of, without_code
from tests.quality.prose.structured import of_hash_comments, of_javascript, of_json, of_star_comments, of_yaml

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
STRUCTURED = (".yaml", ".yml", ".json", ".js", ".toml", ".in", ".pml", ".css", "Makefile", ".ci/run")
NOT_WRITTEN = re.compile(r"console/static/vendor/|data/|docs/reference/|package-lock\.json|tests/infrastructure/__snapshots__/")
"""Files of these kinds that are made from others, or that others wrote."""
FEWEST_WORDS = 4
"""A shorter string of a module is a name."""
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_PARAGRAPH = re.compile(r"\n\s*\n|\n(?=[\s-])")
_SECTION = re.compile(r"^\s*(Args|Arguments|Attributes|Example|Examples|Raises|Returns|Source|Sources|Yields|Note):\s*$")
_ENTRY = re.compile(r"^\s+[`*\w]+( \([^)]*\))?: ")


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
    others = [name for name in tracked(STRUCTURED) if not NOT_WRITTEN.match(name)]
    return [*pages, *code, *mails, *others]


def passages(path: str, source: str) -> list[Passage]:
    """Return the passages of one file, by the end of its name."""
    for ends, read in READERS.items():
        if path.endswith(ends):
            return list(read(path, source))
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
    """Yield the docstrings, comments, error messages and other texts of a module; of a test, not the other texts."""
    yield from blocks_of(path, _comments(source))
    left: list[tuple[ast.AST, Kind]] = [(ast.parse(source), Kind.TEXT)]
    while left:
        node, kind = left.pop()
        match node:
            case ast.Expr(value=ast.Constant(value=str(docstring))):
                yield from of_markdown(path, "\n".join(_apart(docstring)), Kind.DOCSTRING, node.lineno - 1)
                continue
            case ast.JoinedStr(values=parts):
                joined = "".join(str(part.value) if isinstance(part, ast.Constant) else CODE for part in parts)
                yield from _text(path, node, joined, kind)
                continue
            case ast.Constant(value=str(text)):
                yield from _text(path, node, text, kind)
            case ast.Raise():
                kind = Kind.ERROR
            case ast.keyword(arg="help"):
                kind = Kind.HELP
        left += [(child, kind) for child in ast.iter_child_nodes(node)]


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


def _comments(source: str) -> Iterator[Comment]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            yield Comment(line, token.string.lstrip("#").strip(), not token.line[:column].strip())


def _text(path: str, node: ast.expr, text: str, kind: Kind) -> Iterator[Passage]:
    """Yield a string of a module if a person reads it: a message or a help, or some words that are not all capitals."""
    if kind is Kind.TEXT and (path.startswith("tests/") or text.count(" ") < FEWEST_WORDS - 1 or text.isupper()):
        return
    if " " in text:
        for paragraph in _PARAGRAPH.split(text):
            yield Passage(path, node.lineno, node.end_lineno or node.lineno, kind, without_code(" ".join(paragraph.split())))


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


READERS: Final[Mapping[str | tuple[str, ...], Callable[[str, str], Iterator[Passage]]]] = {
    ".md": of_markdown,
    ".py": of_python,
    (".yaml", ".yml"): of_yaml,
    ".json": of_json,
    ".js": of_javascript,
    ("Makefile", ".toml", ".in", ".ci/run"): of_hash_comments,
    (".pml", ".css"): of_star_comments,
}
"""How to read a file, by the end of its name. All others are mails."""
