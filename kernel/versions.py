"""An event's versions. Today's code knows the newest; older ones are upcast where they come in, and published beside it.

How one version becomes the next stands beside the publisher's schemas, in `schemas/versions.py`: `UPCASTS` and `DOWNCASTS`, by
(detail-type, version), functions from one version's `data` to the next's or the last's.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from datetime import date
from importlib import import_module
from typing import Any

from kernel import schemas
from kernel.errors import RetryableError
from kernel.events import Detail

Data = Mapping[str, Any]
Casts = Mapping[tuple[str, int], Callable[[Any], Data]]
"""From the version that is named to the next. Each function states the data of both versions."""
Downcasts = Mapping[tuple[str, int], Callable[[Any], Data | None]]
"""From the version that is named to the one before; None where that one has no words for it."""


class UnknownVersionError(RetryableError):
    """An event of a newer version than this code knows. It can be published when the newer code is deployed again."""


def upcast(source: str, detail_type: str, detail: Detail) -> Detail:
    """Upcast the event's detail to the newest version that is known here. The event must have passed its schema."""
    newest = schemas.newest_version(source, detail_type)
    while (version := int(detail["metadata"]["event_version"])) < newest:
        casts: Casts = import_module(_module(source, detail_type)).UPCASTS
        detail = _in_version(detail, version + 1, casts[detail_type, version](detail["data"]))
    return detail


def also_published(source: str, detail_type: str, detail: Detail, today: date, declared: Container[str]) -> Iterator[Detail]:
    """Yield the older versions of an event that are published beside it: those that the stage has `declared`.

    A name is `OrderCancelled.v1`, as the setting `older_versions` has it.
    """
    for found in older(source, detail_type, detail, today):
        if f"{detail_type}.v{found['metadata']['event_version']}" in declared:
            yield found


def older(source: str, detail_type: str, detail: Detail, today: date) -> Iterator[Detail]:
    """Yield the older versions of an event that may be published beside it, until the day in their schemas, inclusive.

    An older version that cannot express the event is left out. Raises UnknownVersionError for an event of a newer version than
    this code knows, which was written before a rollback.
    """
    newest = schemas.newest_version(source, detail_type)
    if int(detail["metadata"]["event_version"]) > newest:
        event_id, version = detail["metadata"]["event_id"], detail["metadata"]["event_version"]
        text = f"{event_id} is {detail_type} of version {version}, and this code knows version {newest} at most"
        raise UnknownVersionError(f"{text}: deploy the code that wrote it")
    while (version := int(detail["metadata"]["event_version"])) > 1:
        casts: Downcasts = import_module(_module(source, detail_type)).DOWNCASTS
        data = casts[detail_type, version](detail["data"])
        if data is None:
            return
        detail = _in_version(detail, version - 1, data)
        if today.isoformat() <= schemas.published_until(source, detail_type, version - 1):
            yield detail


def _in_version(detail: Detail, version: int, data: Data) -> Detail:
    return {"metadata": {**detail["metadata"], "event_version": version}, "data": data}


def _module(source: str, detail_type: str) -> str:
    return f"services.{schemas.owner_of(source, detail_type)}.schemas.versions"
