"""Put events on the bus as an outside channel does: at most ten a call, the refused ones alone again."""

import json
from collections.abc import Mapping, Sequence

from kernel.identifiers import CHANNEL, CHANNEL_FORM, is_personal, shown
from kernel.naming import CHANNEL_PREFIX
from operations.aws.refusals import NOT_A_PUBLISHER, NOT_ALLOWED
from operations.aws.target import Target
from operations.errors import UserError, WrongUsageError
from operations.plural import counted

MAX_ENTRIES = 10
REFUSED_FOR_GOOD = NOT_ALLOWED | {"NotAuthorizedForSourceException", "NotAuthorizedForDetailTypeException"}
"""Error codes of entries that no repetition publishes: the bus does not let this caller state this."""
TRIES = 5


def source_of(channel: str) -> str:
    """Return the `source` of a channel's events. Raises WrongUsageError if the name is not a valid channel."""
    if not CHANNEL.fullmatch(channel) or is_personal(channel):
        raise WrongUsageError(
            f"{shown(channel)!r} is not a channel name: {CHANNEL_FORM}.", "Use a name such as marketplace-eu."
        )
    return CHANNEL_PREFIX + channel


def publish(target: Target, source: str, detail_type: str, details: Sequence[Mapping[str, object]]) -> list[str]:
    """Put at most ten events on the stage's bus, and return their ids there. Raises UserError if the bus keeps refusing some.

    PutEvents answers 200 even then, and says so in `FailedEntryCount`.
    """
    bus = target.parameter("platform/bus-name")
    entries = [
        {"EventBusName": bus, "Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)} for detail in details
    ]
    client, accepted = target.client("events"), [""] * len(entries)
    waiting, errors = list(range(len(entries))), set[str]()
    for attempt in range(TRIES):
        answer = client.put_events(Entries=[entries[position] for position in waiting])
        errors, refused = set(), []
        for position, result in zip(waiting, answer["Entries"], strict=True):
            if result.get("EventId"):
                accepted[position] = result["EventId"]
            else:
                refused.append(position)
                errors.add(result.get("ErrorCode", "unknown"))
        waiting = refused
        if not waiting:
            return accepted
        if errors & REFUSED_FOR_GOOD:
            break
        target.clock.sleep(0.1 * 2**attempt)
    raise UserError(
        f"The bus refused {len(waiting)} of {counted(len(entries), 'event')} {counted(attempt + 1, 'time')}: "
        f"{', '.join(sorted(errors))}.",
        NOT_A_PUBLISHER
        if errors & REFUSED_FOR_GOOD
        else "Publish the file again: consumers drop the events that were accepted.",
    )
