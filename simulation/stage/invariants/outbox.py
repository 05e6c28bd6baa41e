"""The outbox: every event stands in its row first, and the bus accepts it in these words, in all its versions."""

import json
from collections.abc import Mapping
from datetime import date
from importlib import import_module
from typing import Any

from simulation.engine.bus import Bus, Envelope
from simulation.engine.dynamodb import Change
from simulation.stage.conditions import FROM_A_NEWER_VERSION
from simulation.stage.invariants.privacy import Privacy
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.traces import Traces


class Outbox:
    """The events that the rows of one world published."""

    def __init__(self, record: Record, bus: Bus, privacy: Privacy, traces: Traces, older_versions: tuple[str, ...]) -> None:
        self.record = record
        self.bus = bus
        self.privacy = privacy
        self.traces = traces
        self.older_versions = older_versions
        self.published: dict[str, str] = {}
        """By id, every event that ever was in an outbox."""

    def added_events(self, change: Change) -> list[str]:
        """Return the JSON texts of the events that the write put into the outbox. A write must not remove others."""
        before = [part["S"] for part in change.old["pending"]["L"]] if change.old and "pending" in change.old else []
        after = [part["S"] for part in change.new["pending"]["L"]] if change.new and "pending" in change.new else []
        if after[: len(before)] != before:
            self.record.fail("every_event_is_published_and_processed", f"{change.key} took a step that lost pending events")
        unpack = import_module("kernel.outbox_text").unpack
        return [unpack(text) for text in after[len(before) :]]

    def publish(self, key: str, version: int, added: list[str]) -> None:
        """Record the events of a row's new version, each under an id of its own."""
        for text in added:
            event_id = json.loads(text)["detail"]["metadata"]["event_id"]
            if event_id != f"{key}#{version}":
                self.record.fail(
                    "one_version_and_one_event_per_transition", f"{key} version {version} left the event {event_id}"
                )
            if event_id in self.published:
                self.record.fail("one_version_and_one_event_per_transition", f"the event {event_id} was left twice")
            self.published[event_id] = text
            self.privacy.no_personal_data_leaks("event", text)

    def written(self, change: Change) -> bool:
        """Record whether the row has pending events. Return True if the write emptied its outbox."""
        row = (change.table, change.key)
        if change.new is not None and "pending" in change.new:
            self.record.pending.add(row)
            if change.new["pending"]["L"] and "pending_since" not in change.new:
                self.record.fail(
                    "every_event_is_published_and_processed", f"{change.key} has pending events that no sweeper can find"
                )
        elif row in self.record.pending:
            self.record.pending.discard(row)
            return True
        return False

    def accepted(self, event: Envelope, today: date) -> None:
        """Check an event that the bus accepted: a service's event was in an outbox first, in the same words."""
        if event["detail"]["metadata"].get("order_id") == FROM_A_NEWER_VERSION:
            return
        is_channels = event["source"].startswith("orderflow.channel.")
        self.privacy.no_personal_data_leaks("event", json.dumps(event["detail"]), token_allowed=is_channels)
        if is_channels:
            return
        self.traces.published(event["detail"])
        event_id = event["detail"]["metadata"]["event_id"]
        kept = self.published.get(event_id)
        if kept is None or event["detail"] not in self._in_all_versions(json.loads(kept), today):
            self.record.fail(
                "every_event_is_published_and_processed",
                f"the bus accepted {event_id}, which no row ever had pending in these words",
            )

    def check_at_rest(self, today: date) -> None:
        """Check that the bus accepted every event in every version that consumers count on."""
        for event_id in sorted(self.published):
            if event_id not in self.bus.accepted:
                self.record.fail("every_event_is_published_and_processed", f"the bus never accepted {event_id}")
            for detail in self._in_all_versions(json.loads(self.published[event_id]), today):
                version = detail["metadata"]["event_version"]
                if (event_id, version) not in self.bus.accepted_versions:
                    self.record.fail(
                        "every_event_is_published_and_processed", f"the bus never accepted version {version} of {event_id}"
                    )

    def _in_all_versions(self, event: Mapping[str, Any], today: date) -> list[Mapping[str, Any]]:
        """Return the event's detail on the bus, and that of the older versions that consumers may still count on."""
        source, detail_type, detail = event["source"], event["detail-type"], event["detail"]
        versions, published = import_module("kernel.versions"), import_module("kernel.events").published
        older = versions.also_published(source, detail_type, detail, today, self.older_versions)
        return [published(version) for version in (detail, *older)]
