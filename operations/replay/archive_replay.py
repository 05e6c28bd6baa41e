"""Replay the archive to chosen services: which window, which rules, and how far it is."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NotRequired, TypedDict

from botocore.exceptions import ClientError

from kernel import clock
from kernel.naming import PACED_REPLAY_PREFIX, replay_prefix
from operations.aws import stage_state
from operations.aws.target import Target
from operations.errors import UserError, WrongUsageError
from operations.plural import counted
from operations.polling import wait_for
from operations.window import Window

ARCHIVE_DELAY = timedelta(minutes=10)
"""AWS advises to wait so long before replaying: events reach an archive late."""
ENDED = frozenset({"COMPLETED", "CANCELLED", "FAILED"})
NEVER_REPLAYED = frozenset({"order/start-rule-arn", "platform/staging-rule-arn", "audit/orders-rule-arn"})
"""Rules that cannot be a replay destination. A replay never starts a saga, because the sweeper retries it. The staging queue
receives paced replays only. The audit checks orders after published events, not after replayed ones. The journal publishes no
rule, because it records published events, not replayed ones."""
RULE = "-rule-arn"
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


ListedReplay = TypedDict(
    "ListedReplay",
    {
        "name": str,
        "state": str,
        "reason": str | None,
        "from": str | None,
        "until": str | None,
        "replayed_until": str | None,
        "started": str | None,
        "ended": str | None,
    },
)
"""A replay for the operator. Times are in RFC 3339 (UTC); `from` and `until` are its window."""


class ShownReplay(ListedReplay):
    """A replay with the rules that receive it: their names on the bus (`to`) and their ARNs."""

    to: list[str]
    rule_arns: list[str]


def duration(text: str) -> timedelta:
    """Parse a duration such as `90m`, `2h`, `7d` or `30s`.

    Raises ValueError, and OverflowError for more than a timedelta holds.

    Example:
        >>> duration("90m")
        datetime.timedelta(seconds=5400)
    """
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if not found:
        raise ValueError(f"{text!r} is not a duration such as 90m, 2h or 7d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def latest(target: Target, now: datetime) -> datetime:
    """Return the default end of a window: now, or on AWS the time up to which the archive is complete."""
    return now if target.is_laptop else now - ARCHIVE_DELAY


def window(last: str | None, start: str | None, until: str | None, now: datetime, latest: datetime | None = None) -> Window:
    """Return the window that the options name. Without an end it ends at `latest` (now).

    Raises WrongUsageError if they name none, two, or one that cannot be.
    """
    if (last is None) == (start is None):
        raise WrongUsageError("The window is not clear.", "Give --last 1h, or --from with an optional --until.")
    try:
        end = clock.from_rfc3339(until) if until else latest or now
        begin = clock.from_rfc3339(start) if start else end - duration(last or "")
    except (ValueError, OverflowError) as error:
        raise WrongUsageError(
            f"The window cannot be read: {error}.", "Use a duration such as 2h, or times such as 2026-11-23T08:00:00Z."
        ) from error
    if begin >= end:
        raise WrongUsageError(
            f"The window is empty: it starts {clock.rfc3339(begin)} and ends {clock.rfc3339(end)}.", "Start it earlier."
        )
    if begin >= now:
        raise WrongUsageError(f"The window starts in the future ({clock.rfc3339(begin)}).", "Start it earlier.")
    return Window(begin, min(end, now))


class Archive(TypedDict):
    """The archive of a stage, as EventBridge describes it. It keeps events for ever if `RetentionDays` is 0 or missing."""

    CreationTime: datetime
    RetentionDays: NotRequired[int]


def check_age(chosen: Window, now: datetime, retention_days: int, *, delayed: bool) -> None:
    """Refuse a window that the archive cannot have whole: too old, or (where archiving is `delayed`) too young."""
    if delayed and chosen.end > now - ARCHIVE_DELAY:
        latest = clock.rfc3339(now - ARCHIVE_DELAY)
        raise UserError(
            f"The window ends {clock.rfc3339(chosen.end)}: events younger than 10 minutes may not be archived yet.",
            f"End it earlier (--until {latest}), or wait.",
        )
    if retention_days and chosen.start < now - timedelta(days=retention_days):
        raise UserError(
            f"The window starts {clock.rfc3339(chosen.start)}: the archive keeps {counted(retention_days, 'day')}.",
            "Start it later.",
        )


def rules(target: Target) -> dict[str, dict[str, str]]:
    """Return the rules that a replay may be sent to, by service: their parameter names and ARNs."""
    found: dict[str, dict[str, str]] = {}
    for name, arn in stage_state.parameters(target, RULE).items():
        if name not in NEVER_REPLAYED:
            found.setdefault(name.split("/")[0], {})[name] = arn
    return found


def chosen_rules(available: dict[str, dict[str, str]], services: Iterable[str]) -> list[str]:
    """Return the ARNs of the services' rules. Raises UserError if no service is chosen, or one has no rule."""
    wanted = list(dict.fromkeys(services))
    known = ", ".join(sorted(available)) or "none is deployed"
    if not wanted:
        raise WrongUsageError(
            "No service is chosen to receive the replay.", f"Give --to SERVICE, once or more. Services with rules: {known}."
        )
    for service in wanted:
        if service not in available:
            raise UserError(f"{service!r} has no rule that can receive a replay.", f"Services with rules: {known}.")
    return [arn for service in wanted for arn in available[service].values()]


def check(target: Target, chosen: Window, now: datetime) -> None:
    """Check that the stage's archive has the whole window. Raises UserError."""
    check_age(chosen, now, _archive(target).get("RetentionDays", 0), delayed=not target.is_laptop)


def created(target: Target) -> datetime:
    """Return the moment from which the stage's archive has events."""
    return _archive(target)["CreationTime"]


def _archive(target: Target) -> Archive:
    arn = target.parameter("platform/archive-arn")
    found: Archive = target.client("events").describe_archive(ArchiveName=arn.rsplit("/", 1)[1])
    return found


def start(
    target: Target, chosen: Window, rule_arns: list[str], now: datetime, *, paced: bool = False, catch_up: bool = False
) -> str:
    """Start the replay of a window that was checked; its name shows consumers if it catches up."""
    name = f"{replay_prefix(paced=paced, catch_up=catch_up)}{target.stage}-{now.astimezone(UTC):%Y%m%dT%H%M%S%f}"
    try:
        target.client("events").start_replay(
            ReplayName=name,
            EventSourceArn=target.parameter("platform/archive-arn"),
            EventStartTime=chosen.start,
            EventEndTime=chosen.end,
            Destination={"Arn": target.parameter("platform/bus-arn"), "FilterArns": rule_arns},
        )
    except ClientError as error:
        raise UserError(
            f"The replay was not started: {error.response['Error'].get('Message')}.",
            "List the replays with `orderctl replay list`.",
        ) from error
    return name


def show(target: Target, name: str) -> ShownReplay:
    """Describe the replay: its `state`, window, progress, and `to` which rules. Raises UserError if there is none."""
    client = target.client("events")
    try:
        found = client.describe_replay(ReplayName=name)
    except client.exceptions.ResourceNotFoundException as error:
        raise UserError(f"There is no replay {name}.", "List the replays with `orderctl replay list`.") from error
    arns = found.get("Destination", {}).get("FilterArns", [])
    return {**_shown(found), "to": [arn.rsplit("/", 1)[1] for arn in arns], "rule_arns": arns}


def listed(target: Target) -> list[ListedReplay]:
    """Return the replays of the stage's archive, the newest first."""
    archive, client = target.parameter("platform/archive-arn"), target.client("events")
    found: list[ListedReplay] = []
    more: dict[str, str] = {}
    while True:
        answer = client.list_replays(EventSourceArn=archive, **more)
        for replay in answer["Replays"]:  # some engines leave the window out of the list
            whole = "EventStartTime" in replay
            found.append(_shown(replay if whole else client.describe_replay(ReplayName=replay["ReplayName"])))
        if not answer.get("NextToken"):
            return sorted(found, key=lambda replay: str(replay["started"]), reverse=True)
        more = {"NextToken": answer["NextToken"]}


def paced_running(target: Target) -> bool:
    """Return whether a paced replay is still filling the staging queue."""
    return any(replay["name"].startswith(PACED_REPLAY_PREFIX) and replay["state"] not in ENDED for replay in listed(target))


def cancel(target: Target, name: str) -> None:
    """Stop a replay; what it has sent stays sent. Raises UserError if it has ended."""
    try:
        target.client("events").cancel_replay(ReplayName=name)
    except ClientError as error:
        raise UserError(
            f"The replay {name} was not cancelled: {error.response['Error'].get('Message')}.",
            f"See its state with `orderctl replay status {name}`.",
        ) from error


def follow(target: Target, name: str, deadline_seconds: float, seen: Callable[[ShownReplay], None]) -> ShownReplay:
    """Follow a replay until it is completed. Raises UserError if it ends otherwise, or runs at the deadline."""

    def observe() -> ShownReplay:
        replay = show(target, name)
        seen(replay)
        return replay

    replay = wait_for(observe, lambda replay: replay["state"] in ENDED, deadline_seconds, target.clock)
    if replay["state"] not in ENDED:
        raise UserError(
            f"The replay {name} is still running after {deadline_seconds:g} s.",
            f"Follow it with `orderctl replay status {name} --wait`.",
        )
    if replay["state"] == "FAILED":
        raise UserError(f"The replay {name} failed: {replay['reason']}.", "Start it again: consumers drop duplicates.")
    if replay["state"] == "CANCELLED":
        raise UserError(f"The replay {name} was cancelled.", "The events that it had sent stay sent.")
    return replay


def progress(replay: Mapping[str, object]) -> str:
    """Describe the progress of a replay: `RUNNING, until 2026-11-23T04:05:06.000Z of 2026-11-23T05:00:00.000Z`."""
    reached = f", until {replay['replayed_until']} of {replay['until']}" if replay["replayed_until"] else ""
    return f"{replay['state']}{reached}"


def _shown(replay: Mapping[str, Any]) -> ListedReplay:
    def moment(key: str) -> str | None:
        value = replay.get(key)
        return clock.rfc3339(value) if value else None

    return {
        "name": replay["ReplayName"],
        "state": replay["State"],
        "reason": replay.get("StateReason"),
        "from": moment("EventStartTime"),
        "until": moment("EventEndTime"),
        "replayed_until": moment("EventLastReplayedTime"),
        "started": moment("ReplayStartTime"),
        "ended": moment("ReplayEndTime"),
    }
