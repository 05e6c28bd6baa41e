"""A passage: some sentences with the file and the line that each one stands in."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CODE: Final = "CODE"
"""The word that stands for a code span or a placeholder."""
_DIRECTIVE = re.compile(r"noqa|type:|pragma|prose:|nosec|!|fmt:|ruff:|-\*-")


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
    TEXT = "text"
    LABEL = "label"


@dataclass(frozen=True)
class Passage:
    """Some sentences without mark-up, from line `first` to line `last` (from 1) of a file."""

    path: str
    first: int
    last: int
    kind: Kind
    text: str


@dataclass(frozen=True)
class Comment:
    """The text of a comment; whether its line has nothing else."""

    line: int
    text: str
    is_alone: bool


def blocks_of(path: str, comments: Iterable[Comment]) -> Iterator[Passage]:
    """Yield the comments as passages: lines that follow one another, with a comment alone, are one; an item is one too."""
    block: list[Comment] = []
    for comment in comments:
        follows = block and comment.is_alone and block[-1].is_alone and comment.line == block[-1].line + 1
        if block and (not follows or comment.text.startswith("- ")):
            yield _joined(path, block)
            block = []
        if comment.text and not _DIRECTIVE.match(comment.text):
            block.append(comment)
    if block:
        yield _joined(path, block)


def without_code(text: str) -> str:
    """Return the text with each code span as the word `CODE`."""
    return re.sub(r"``?[^`]*``?", CODE, text)


def _joined(path: str, block: list[Comment]) -> Passage:
    text = without_code(" ".join(comment.text for comment in block))
    return Passage(path, block[0].line, block[-1].line, Kind.COMMENT, text)
