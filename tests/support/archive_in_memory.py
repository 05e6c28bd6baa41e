"""EventBridge's archive in memory, as far as replays go."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

from botocore.exceptions import ClientError

Fields = dict[str, object]
"""The parameters of a request, or the fields of an answer."""
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def refusal(code: str, text: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": text}}, operation)


@dataclass
class Archive:
    """EventBridge, as far as replays go. Each look at a replay brings it one state further."""

    states: list[str] = field(default_factory=lambda: ["STARTING", "RUNNING", "COMPLETED"])
    retention_days: int = 30
    replays: dict[str, Fields] = field(default_factory=dict)
    looks: Counter[str] = field(default_factory=Counter)

    exceptions = SimpleNamespace(ResourceNotFoundException=LookupError)

    def describe_archive(self, **request: str) -> Fields:
        return {**request, "RetentionDays": self.retention_days, "CreationTime": NOW}

    def start_replay(self, **request: object) -> Fields:
        if len(self.replays) == 10:
            raise refusal("LimitExceededException", "10 replays run already", "StartReplay")
        self.replays[str(request["ReplayName"])] = {**request, "State": self.states[0], "ReplayStartTime": NOW}
        return {}

    def describe_replay(self, **request: str) -> Fields:
        name = request["ReplayName"]
        self.replays[name]["State"] = self.states[min(self.looks[name], len(self.states) - 1)]
        self.looks[name] += 1
        return self.replays[name]

    def list_replays(self, **request: str) -> Fields:
        place = int(request.get("NextToken", "0"))
        found = [self.replays[name] for name in sorted(self.replays)]
        more = {"NextToken": str(place + 1)} if place + 1 < len(found) else {}
        return {"Replays": found[place : place + 1], **more}

    def cancel_replay(self, **request: str) -> Fields:
        name = request["ReplayName"]
        if name not in self.replays or self.states[-1] == "COMPLETED":
            raise refusal("IllegalStatusException", f"{name} has ended", "CancelReplay")
        self.states = ["CANCELLING", "CANCELLED"]
        return {}
