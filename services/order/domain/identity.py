"""Deterministic identity: an order's id comes from its scope and idempotency key, so that a repeat finds the first order."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Final

from kernel.idempotency import channel_scope as channel_scope
from kernel.idempotency import digest
from kernel.idempotency import key_hash as key_hash


def customer_scope(customer_id: str) -> str:
    """Return the scope of idempotency keys for a customer's own requests (the API)."""
    return f"customer:{customer_id}"


HEX_DIGITS: Final = 64
HASH_BYTES: Final = 18
"""How many bytes of a hash a row keeps: 24 characters of base64, without padding. Rows of version 0.2 keep it all, in hex."""


def shortened(in_hex: str) -> str:
    """Return a SHA-256 as a row keeps it: the first bytes, in base64url. A row has three, and is to fit into a kilobyte."""
    return base64.urlsafe_b64encode(bytes.fromhex(in_hex)[:HASH_BYTES]).decode()


def is_hash(kept: str, in_hex: str) -> bool:
    """Return whether a row keeps this SHA-256, shortened or in hex."""
    return kept in (shortened(in_hex), in_hex)


def scope_hash(scope: str, key_hash: str) -> str:
    """Return the SHA-256, in hex, over the scope and the hash that a row keeps of its key: it shows where the key was used."""
    return digest(scope, key_hash)


def order_id(scope: str, idempotency_key: str) -> str:
    """Return `ord-` and 26 letters and digits: 130 bits of SHA-256 over the scope and the key."""
    return order_id_of(key_hash(scope, idempotency_key))


def order_id_of(key_hash: str) -> str:
    """Return the id of the order with this hash of its key, in hex or as a row keeps it."""
    in_bytes = bytes.fromhex(key_hash) if len(key_hash) == HEX_DIGITS else base64.urlsafe_b64decode(key_hash)
    return "ord-" + base64.b32encode(in_bytes).decode()[:26].lower()


def placed_event_id(of_order: str) -> str:
    """Return the event id of the order's OrderPlaced, which causes every event of the saga."""
    return f"ORDER#{of_order}#1"


def request_hash(request: Mapping[str, object]) -> str:
    """Return the SHA-256 of a request, in hex, independent of the order of its fields."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
