"""EventBridge's matching, as far as our rules use it: exact values, prefix, exists."""

from collections.abc import Mapping
from typing import Any


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether a rule with this pattern takes the event."""
    for name, wanted in pattern.items():
        found = event.get(name)
        if isinstance(wanted, Mapping):
            if not isinstance(found, Mapping) or not matches(wanted, found):
                return False
        elif not any(_fits(one, name in event, found) for one in wanted):
            return False
    return True


def _fits(wanted: Any, is_there: bool, found: Any) -> bool:
    match wanted:
        case {"prefix": prefix}:
            return isinstance(found, str) and found.startswith(prefix)
        case {"exists": expected}:
            return is_there is expected
        case {**other}:
            raise NotImplementedError(f"our rules do not use {sorted(other)} yet")
    return is_there and found == wanted
