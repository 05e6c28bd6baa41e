"""Which rules of the stage's bus take an event, by their patterns as they are deployed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict
from uuid import uuid4

from kernel import clock, outside_json
from kernel.outside_json import OutsideJsonError
from operations.aws import stage_state
from operations.aws.target import Target
from operations.errors import UserError
from operations.event_pattern import InvalidPatternError, Pattern

RULE = "-rule-arn"
ENTRY = {"Source": "source", "DetailType": "detail-type", "Detail": "detail", "Resources": "resources", "Time": "time"}
"""The fields of an entry of PutEvents, and what they are in the event that comes of it."""


@dataclass(frozen=True)
class Rule:
    """A rule of the bus. `name` is `<service>/<subscription>` for a rule that a stack publishes, else the bus's name for it."""

    name: str
    enabled: bool
    pattern: str
    description: str


class ListedRule(TypedDict):
    """A rule in the response of ListRules."""

    Name: str
    Arn: str
    State: NotRequired[str]
    EventPattern: NotRequired[str]
    Description: NotRequired[str]


class Verdict(TypedDict):
    """The match of a rule and an event: the first field that differs (`mismatches`), one for each branch of an `$or`.

    `refused` is the reason why the rule's pattern cannot be read, else None.
    """

    rule: str
    enabled: bool
    matches: bool
    mismatches: list[dict[str, str]]
    refused: str | None


def rules(target: Target) -> list[Rule]:
    """Return the rules of the stage's bus that have a pattern, by name."""
    published = {arn: name.removesuffix(RULE) for name, arn in stage_state.parameters(target, RULE).items()}
    found = [
        Rule(
            published.get(rule["Arn"], rule["Name"]),
            rule.get("State", "ENABLED") != "DISABLED",
            rule["EventPattern"],
            rule.get("Description", ""),
        )
        for rule in _listed(target)
        if rule.get("EventPattern")
    ]
    return sorted(found, key=lambda rule: rule.name)


def chosen(available: Iterable[Rule], names: Iterable[str]) -> list[Rule]:
    """Return the rules of these names, or all without names. Raises UserError for an unknown name."""
    by_name = {rule.name: rule for rule in available}
    wanted = list(dict.fromkeys(names)) or list(by_name)
    for name in wanted:
        if name not in by_name:
            raise UserError(f"There is no rule {name!r} on the bus.", f"Choose from: {', '.join(by_name) or 'none'}.")
    return [by_name[name] for name in wanted]


def verdict(rule: Rule, event: Mapping[str, object]) -> Verdict:
    """Match the event against the rule's pattern."""
    found: Verdict = {"rule": rule.name, "enabled": rule.enabled, "matches": False, "mismatches": [], "refused": None}
    try:
        mismatches = Pattern(rule.pattern).mismatches(event)
    except InvalidPatternError as error:
        return {**found, "refused": str(error)}
    return {**found, "matches": not mismatches, "mismatches": [vars(mismatch) for mismatch in mismatches]}


def as_delivered(target: Target, document: object, source: str | None = None, detail_type: str | None = None) -> dict[str, Any]:
    """Return the event as the bus delivers it to its rules, with every field that the bus adds.

    `document` is an event like that, or an entry of PutEvents (`Source`, `DetailType`, `Detail`), or a detail alone: then
    `source` and `detail_type` name its publisher and type. They replace the document's own. Raises UserError if it is none of
    these.
    """
    if not isinstance(document, dict):
        raise UserError("The document is not an event.", "Give a JSON object: an event, an entry of PutEvents, or a detail.")
    event = {ENTRY.get(str(name), str(name)): value for name, value in document.items()}
    if not {"source", "detail-type", "detail"} & event.keys():
        event = {"detail": document}
    if isinstance(event.get("detail"), str):
        try:
            event["detail"] = outside_json.read(event["detail"])
        except OutsideJsonError as error:
            raise UserError(error.about("The event's detail") + ".", "Correct the event, then try again.") from error
    event |= {name: value for name, value in {"source": source, "detail-type": detail_type}.items() if value is not None}
    missing = [name for name in ("source", "detail-type", "detail") if name not in event]
    if missing:
        raise UserError(
            f"The event has no {' and no '.join(missing)}.", "Give the whole event, or the detail with --source and --type."
        )
    region, account = target.parameter("platform/bus-arn").split(":")[3:5]
    added = {"version": "0", "id": str(uuid4()), "account": account, "time": clock.rfc3339(clock.now()), "region": region}
    return {**added, "resources": [], **event}


def _listed(target: Target) -> Iterator[ListedRule]:
    pages = target.client("events").get_paginator("list_rules").paginate(EventBusName=target.parameter("platform/bus-name"))
    for page in pages:
        yield from page["Rules"]
