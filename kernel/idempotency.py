"""Idempotency keys as they are kept: by their hash, in the scope in which they count. The key itself may be a customer's.

An order keeps the hash. The journal keeps it in the place of a channel's key, marked: the order's id follows from the hash.
"""

import hashlib
import re
from typing import Final

MARK: Final = "sha256:"
_MARKED: Final = re.compile(rf"{MARK}([0-9a-f]{{64}})")


def channel_scope(channel: str) -> str:
    """Return the scope of idempotency keys of a channel's events."""
    return f"channel:{channel}"


def key_hash(scope: str, idempotency_key: str) -> str:
    """Return the SHA-256 over the scope and the key, in hex: what an order keeps of its key."""
    return digest(scope, idempotency_key)


def journaled(scope: str, idempotency_key: str) -> str:
    """Return what the journal keeps of a key: its hash, with a mark before it."""
    return f"{MARK}{key_hash(scope, idempotency_key)}"


def hash_of_journaled(scope: str, kept: str) -> str:
    """Return the hash of a key from the journal. Rows of earlier releases have the key itself."""
    marked = _MARKED.fullmatch(kept)
    return marked[1] if marked else key_hash(scope, kept)


def digest(scope: str, text: str) -> str:
    """Return the SHA-256 over a scope and a text in it, in hex."""
    return hashlib.sha256(f"{scope}\n{text}".encode()).hexdigest()
