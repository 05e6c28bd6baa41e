"""The contract of a service as its sources declare it: `contract.py`, `subscriptions.py` and the schemas of the events."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

from cdk.stack_contract import Contract
from kernel.naming import SERVICES, SOURCE_PREFIX
from kernel.subscriptions import Subscriptions

SERVICES_FOLDER = Path(__file__).parents[1] / "services"
Named = Mapping[str, tuple[int, ...]]


def of_service(service: str, older_versions: Collection[str] = ()) -> Contract:
    """Return the contract of a service of a stage that also publishes `older_versions`, such as `OrderCancelled.v1`.

    Every other stack, such as the platform's, has an empty one.
    """
    if service not in SERVICES:
        return Contract()
    declared = import_module(f"services.{service}.contract")
    answers: Named = declared.ANSWERS
    calls: Mapping[str, Named] = declared.CALLS
    versions = _versions_of_events()
    return Contract(
        calls={f"{owner}.{name}": sent for owner, named in calls.items() for name, sent in named.items()},
        answers={f"{service}.{name}": accepted for name, accepted in answers.items()},
        publishes={
            event: [number for number in known if number == max(known) or f"{event.split('.')[1]}.v{number}" in older_versions]
            for event, known in versions.items()
            if event.startswith(f"{service}.")
        },
        consumes={event: versions[event] for event in _consumed(service)},
    )


def _consumed(service: str) -> Iterator[str]:
    """Yield the events of other services that the service subscribes to. Each version with a schema is upcast."""
    subscriptions: Subscriptions = import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS
    events = {event for subscribed in subscriptions.values() for event in subscribed}
    for source, detail_type in sorted(events):
        if (publisher := source.removeprefix(SOURCE_PREFIX)) in SERVICES:
            yield f"{publisher}.{detail_type}"


@cache
def _versions_of_events() -> dict[str, list[int]]:
    """Return the versions that have a schema, by event."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for path in sorted(SERVICES_FOLDER.glob("*/schemas/*.json")):
        schema = json.loads(path.read_text())
        found[f"{schema['x-source'].removeprefix(SOURCE_PREFIX)}.{schema['x-detail-type']}"].append(schema["x-version"])
    return {event: sorted(versions) for event, versions in sorted(found.items())}
