"""One line for each event of a tail: the bus has an event once in each version that is published side by side."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

REMEMBERED: Final = 10_000
"""The latest events that are remembered."""


class SeenVersions:
    """The events that were seen, by id and replay, and the versions of each."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self.remembered = remembered
        self._seen: OrderedDict[tuple[object, ...], set[object]] = OrderedDict()

    def is_another_version(self, event: Mapping[str, Any]) -> bool:
        """Return True if the event was seen, and not in this version. A repeat of a version is an event of its own."""
        metadata = metadata_of(event)
        if "event_id" not in metadata or "event_version" not in metadata:
            return False
        key = (event.get("source"), event.get("detail-type"), str(metadata["event_id"]), event.get("replay-name"))
        versions = self._seen.setdefault(key, set())
        self._seen.move_to_end(key)
        if len(self._seen) > self.remembered:
            self._seen.popitem(last=False)
        version = str(metadata["event_version"])
        is_another = bool(versions) and version not in versions
        versions.add(version)
        return is_another


def metadata_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metadata of an event on the bus, which may be anything; empty if it has none."""
    detail = event.get("detail")
    metadata = detail.get("metadata") if isinstance(detail, dict) else None
    return metadata if isinstance(metadata, dict) else {}
