"""A domain event as a CloudEvent 1.0 in its JSON form, and back: docs/how-to/exchange-cloudevents.md."""

from collections.abc import Mapping
from typing import Any, Final

from operations.errors import UserError

SPECVERSION: Final = "1.0"
EXTENSIONS: Final = {"correlationid": "correlation_id", "causationid": "causation_id", "traceparent": "traceparent"}
"""Extension attributes, by CloudEvents' rule of lower-case letters and digits, and what they are in our metadata."""


def to_cloudevent(event: Mapping[str, Any]) -> dict[str, object]:
    """Convert an event, as the bus delivers it (`source`, `detail-type`, `detail`), to a CloudEvent."""
    metadata, source, detail_type = event["detail"]["metadata"], event["source"], event["detail-type"]
    return {
        "specversion": SPECVERSION,
        "id": metadata["event_id"],
        "source": source,
        "type": f"{source}.{detail_type}.v{metadata['event_version']}",
        "time": metadata["occurred_at"],
        "datacontenttype": "application/json",
        **({"subject": metadata["order_id"]} if "order_id" in metadata else {}),
        **{extension: metadata[name] for extension, name in EXTENSIONS.items() if name in metadata},
        "data": event["detail"]["data"],
    }


def from_cloudevent(event: Mapping[str, object]) -> dict[str, object]:
    """Convert a CloudEvent of ours to `source`, `detail-type` and `detail`. Raises UserError for any other document."""
    missing = [name for name in ("specversion", "id", "source", "type", "time", "data") if name not in event]
    if missing or event["specversion"] != SPECVERSION:
        raise UserError(
            f"This is not a CloudEvent {SPECVERSION} of Orderflow: check {', '.join(missing) or 'specversion'}.",
            "See docs/how-to/exchange-cloudevents.md.",
        )
    source = event["source"]
    detail_type, _, version = str(event["type"]).removeprefix(f"{source}.").rpartition(".v")
    if not str(event["type"]).startswith(f"{source}.") or not detail_type or not version.isdigit():
        raise UserError(
            f"The type {event['type']!r} is not <source>.<detail-type>.v<version>.",
            "See docs/how-to/exchange-cloudevents.md.",
        )
    metadata = {"event_id": event["id"], "event_version": int(version), "occurred_at": event["time"]}
    if "subject" in event:
        metadata["order_id"] = event["subject"]
    metadata |= {name: event[extension] for extension, name in EXTENSIONS.items() if extension in event}
    return {"source": source, "detail-type": detail_type, "detail": {"metadata": metadata, "data": event["data"]}}
