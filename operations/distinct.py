"""Distinct texts, counted exactly in bounded memory."""

import sqlite3
from hashlib import blake2b
from types import TracebackType
from typing import Final, Self

DIGEST_BYTES: Final = 16


class Distinct:
    """The texts seen so far, as digests in a temporary file, so that memory stays small however many there are.

    Example:
        >>> with Distinct() as seen:
        ...     [seen.add(text) for text in ("a", "b", "a")]
        [True, True, False]
    """

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)  # an empty name: a temporary file that SQLite deletes
        self._file.executescript("PRAGMA journal_mode = OFF; CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID; BEGIN")

    def add(self, *parts: object) -> bool:
        """Remember a text, given in parts. Return True if it is new."""
        digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=DIGEST_BYTES).digest()
        return self._file.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount == 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
