"""The report of the check of one order."""

from collections.abc import Iterator

Broken = Iterator[tuple[str, str]]
"""The codes of broken invariants (`audit.catalogue`), each with a text that says how it is broken."""
