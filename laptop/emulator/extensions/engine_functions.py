"""The replacement of engine functions by extensions, with errors if the engine has changed."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

EngineFunction = Callable[..., Any]
"""A function of the engine; the engine does not type it."""
Document = dict[str, Any]
"""A request to the engine, or a record that it keeps, as JSON has it."""


class EngineChangedError(Exception):
    """An engine without a function that an extension replaces: adapt the extension before you raise the pin."""


def wrap(owner: object, name: str, around: Callable[[EngineFunction], EngineFunction]) -> None:
    """Replace `owner.name` by `around(original)`."""
    original = getattr(owner, name, None)
    if original is None:
        raise EngineChangedError(f"{getattr(owner, '__name__', owner)} has no {name}")
    setattr(owner, name, wraps(original)(around(original)))


def resource_type(name: str, **handlers: EngineFunction | bool) -> None:
    """Let CloudFormation provision a type that the engine rejects.

    `create(logical_id, properties, stack)` and `update(physical_id, old, new, stack)` return the physical id and the
    attributes; `delete(physical_id, properties)` returns nothing.
    """
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS[name] = handlers


def answered(answer: tuple[int, dict[str, str], bytes | str]) -> Document:
    """Return the body of an API function's response. Raise its error as the exception that CloudFormation reports."""
    status, _, body = answer
    document: Document = json.loads(body or "{}")
    if status >= 400:
        raise ValueError(document.get("message") or document.get("Message") or str(document))
    return document
