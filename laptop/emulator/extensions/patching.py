"""How an extension takes the place of a function of the engine, and notices that the engine has changed."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any


class EngineChangedError(Exception):
    """The engine no longer has what an extension builds on: look at the extension before raising the pin."""


def wrap(owner: Any, name: str, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put `around(original)` in the place of `owner.name`."""
    original = getattr(owner, name, None)
    if original is None:
        raise EngineChangedError(f"{getattr(owner, '__name__', owner)} has no {name}")
    setattr(owner, name, wraps(original)(around(original)))


def resource_type(name: str, **handlers: Callable[..., Any] | bool) -> None:
    """Let CloudFormation provision a type it refuses.

    `create(logical_id, properties, stack)` and `update(physical_id, old, new, stack)` return the physical id and the
    attributes; `delete(physical_id, properties)` returns nothing.
    """
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS[name] = handlers


def answered(answer: tuple[int, dict[str, str], bytes | str]) -> dict[str, Any]:
    """Return the body of an API function's response. Raise its error as the exception that CloudFormation reports."""
    status, _, body = answer
    document: dict[str, Any] = json.loads(body or "{}")
    if status >= 400:
        raise ValueError(document.get("message") or document.get("Message") or str(document))
    return document
