"""The prose in files that are neither Markdown, Python nor mail: YAML, JSON, JavaScript, and the comments of all others."""

import json
import re
from collections.abc import Iterator
from typing import Final

import yaml

from tests.quality.prose.passage import CODE, Comment, Kind, Passage, blocks_of, without_code

TEXT_KEYS: Final = (
    "about",
    "Cause",
    "Comment",
    "description",
    "Description",
    "DisplayName",
    "summary",
    "title",
    "why",
    "$comment",
)
"""The keys of YAML and JSON with a text for a reader."""
_JSON_TEXT = re.compile(rf'"(?:{"|".join(map(re.escape, TEXT_KEYS))})"\s*:\s*(?P<text>"(?:[^"\\]|\\.)*")')
_HASH = re.compile(r"^(?P<before>|.*?\s)#+\s(?P<text>.*)$")
_STARS = re.compile(r"/\*(?P<text>.*?)\*/", re.DOTALL)
_SLASHES = re.compile(r"^(?P<before>.*?)(?<!:)//\s(?P<text>.*)$")
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")
_SHOWN = re.compile(r'"(?P<string>(?:[^"\\\n]|\\.)*)"|`(?P<template>[^`<>\n]*)`|>(?P<element>[^<>`]*)<')
_IS_CODE = re.compile(r"[{};=]|&&|\(\)|\bM\d")
FEWEST_WORDS: Final = 4
"""A shorter text of JavaScript is a name, a class of CSS or a label."""


def of_yaml(path: str, source: str) -> Iterator[Passage]:
    """Yield the comments and the texts of a YAML file."""
    yield from of_hash_comments(path, source)
    for document in yaml.compose_all(source, Loader=yaml.CSafeLoader):
        yield from _of_node(path, document)


def of_json(path: str, source: str) -> Iterator[Passage]:
    """Yield the texts of a JSON file."""
    for found in _JSON_TEXT.finditer(source):
        line = _line(source, found.start())
        yield Passage(path, line, line, Kind.TEXT, without_code(json.loads(found["text"])))


def of_javascript(path: str, source: str) -> Iterator[Passage]:
    """Yield the comments of a JavaScript file, and the strings and elements that a person reads."""
    yield from _of_comments(path, source, _SLASHES)
    yield from of_star_comments(path, source)
    shown = _PLACEHOLDER.sub(lambda found: CODE + "\n" * found[0].count("\n"), source)
    for found in _SHOWN.finditer(shown):
        text = " ".join((found["string"] or found["template"] or found["element"] or "").split())
        if text.count(" ") >= FEWEST_WORDS - 1 and not _IS_CODE.search(text):
            yield Passage(path, _line(shown, found.start()), _line(shown, found.end()), Kind.LABEL, text)


def of_hash_comments(path: str, source: str) -> Iterator[Passage]:
    """Yield the comments of a Makefile, a shell script or a TOML file."""
    yield from _of_comments(path, source, _HASH)


def _of_comments(path: str, source: str, form: re.Pattern[str]) -> Iterator[Passage]:
    found = ((number, form.match(line)) for number, line in enumerate(source.splitlines(), start=1))
    comments = (Comment(number, one["text"], not one["before"].strip()) for number, one in found if one)
    yield from blocks_of(path, comments)


def of_star_comments(path: str, source: str) -> Iterator[Passage]:
    """Yield the comments between stars: of a model for Spin, a style sheet or JavaScript."""
    for found in _STARS.finditer(source):
        first = _line(source, found.start())
        for paragraph in re.split(r"\n[ *]*\n|\n *\* {2,}", found["text"]):
            text = " ".join(re.sub(r"^ *\* ?", "", paragraph, flags=re.MULTILINE).split()).strip("- ")
            yield Passage(path, first, _line(source, found.end()), Kind.COMMENT, without_code(text))


def _of_node(path: str, node: yaml.Node | None) -> Iterator[Passage]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value in TEXT_KEYS and isinstance(value, yaml.ScalarNode):
                first, last = value.start_mark.line + 1, value.end_mark.line + 1
                yield Passage(path, first, last, Kind.TEXT, without_code(" ".join(value.value.split())))
            yield from _of_node(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _of_node(path, value)


def _line(source: str, place: int) -> int:
    return source.count("\n", 0, place) + 1
