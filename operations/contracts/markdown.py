"""Markdown in the form that `mdformat` checks, with the options of the repository's `.mdformat.toml`."""

import re
import tomllib
from collections.abc import Iterable, Sequence

from operations.repository import REPOSITORY

CODE = re.compile(r"(`[^`]*`)")


def formatted(text: str) -> str:
    """Return the text wrapped and normalised as `mdformat` writes it."""
    import mdformat

    options = tomllib.loads((REPOSITORY / ".mdformat.toml").read_text())
    return mdformat.text(text, options=options, extensions={"gfm", "frontmatter"})


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with one line for each row."""
    lines = [head, ["--"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def escaped(text: str) -> str:
    """Return a plain text with the characters escaped that Markdown reads as markup; code in backticks stays."""
    parts = CODE.split(text)
    return "".join(part if part.startswith("`") else re.sub(r"([<>\[\]*])", r"\\\1", part) for part in parts)
