"""Every rule of the bus as synthesized, compared with every event and with the declared consumers of the event.

Nothing here is typed by hand: events are the schemas' examples, and consumers are declared in `subscriptions.py`. Two
matchers decide if a pattern matches: ours, and the one of the engine that the laptop's AWS runs on.
"""

import copy
import json
from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from operator import getitem
from typing import Any

import pytest

import stages
from audit.infrastructure import CHECKED_AFTER
from cdk.service_stack import PLATFORM
from kernel import schemas
from kernel.naming import CHANNEL_PREFIX, SERVICES, source_of
from kernel.subscriptions import DetailPattern
from kernel.transitions import TransitionTable
from operations.event_pattern import Pattern
from tests.infrastructure.templates import Assembly, Resource, listed, referred
from tests.support.consumers import FILTERS, SUBSCRIPTIONS, Pair, optional, versions
from tests.support.engine_matcher import opinions

Event = dict[str, Any]
Patterns = dict[tuple[str, str], Pattern]
OF_THE_BUS = (PLATFORM, "journal")
CHECKS = ("audit", "orders")
"""The rule of the auditor's check of orders, which observes and is no consumer: no replay reaches it."""
OF_NO_SERVICE = (*OF_THE_BUS, "audit")
START = ("order", "start")
"""The rule that starts the saga: no consumer's, its target is the workflow."""
CHANNELS = ("marketplace", "a", "shop-2")
ENVELOPE = {"version": "0", "id": "1", "account": "123456789012", "region": "eu-west-1", "time": "2026-11-23T04:05:06Z"}


def samples() -> list[tuple[Pair, Event]]:
    """Every event that there is, as it comes out of the bus: each example of each version, from each of a few channels."""
    return [
        (
            (source, detail_type),
            {**ENVELOPE, "resources": [], "source": sent_by, "detail-type": detail_type, "detail": copy.deepcopy(example)},
        )
        for (source, detail_type, _), schema in schemas.read_schemas().items()
        for sent_by in sorted({source.replace("*", channel) for channel in CHANNELS})
        for example in [*schema["examples"], *answered(schema)]
    ]


def answered(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the first example with each other value of each enumerated field and of each boolean of its data."""
    for name, part in schema["properties"]["data"]["properties"].items():
        for value in part.get("enum", (True, False) if part.get("type") == "boolean" else ()):
            example = copy.deepcopy(schema["examples"][0])
            example["data"][name] = value
            yield example


def mutations(event: Event) -> Iterator[Event]:
    """Yield the event with each of its fields changed in every way that a pattern could mistake, and replayed."""
    yield event
    yield {**event, "replay-name": "monday"}
    for path, value in leaves(event):
        for changed in (
            f"{value}x",
            f"x{value}",
            str(value)[:-1],
            str(value).upper(),
            "",
            None,
            [],
            [value],
            [None, value],
            {"in": value},
        ):
            yield changed_at(event, path, changed)
        yield changed_at(event, path, None, gone=True)
    for name in ("detail", "source", "detail-type"):
        for changed in (None, "", [event[name]], {}, [], [[event[name]], 1]):
            yield {**event, name: changed}


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif not isinstance(value, list):
        yield path, value


def changed_at(event: Event, path: tuple[str, ...], value: Any, *, gone: bool = False) -> Event:
    changed = copy.deepcopy(event)
    part = changed
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    if gone:
        del part[path[-1]]
    return changed


@pytest.fixture
def rules(assembly: Assembly) -> dict[tuple[str, str], Resource]:
    """Every rule with a pattern, by (service, name): the name under which its stack publishes it, else its logical id."""
    published = {
        (parameter.service, referred(parameter.properties["Value"])): parameter.properties["Name"].rpartition("/")[2]
        for parameter in assembly.resources("SSM::Parameter")
        if parameter.properties["Name"].endswith("-rule-arn")
    }
    return {
        (rule.service, published.get((rule.service, rule.id), rule.id).removesuffix("-rule-arn")): rule
        for rule in assembly.resources("Events::Rule")
        if "EventBusName" in rule.properties
    }


@pytest.fixture
def patterns(rules: dict[tuple[str, str], Resource]) -> Patterns:
    return {name: Pattern(rule.properties["EventPattern"]) for name, rule in rules.items()}


def test_every_rule_is_of_a_consumer_or_the_saga_or_the_platform(patterns: Patterns, assembly: Assembly) -> None:
    assert {name for name in patterns if name[0] not in OF_NO_SERVICE} == {*SUBSCRIPTIONS, START}
    assert all(
        "EventBusName" in rule.properties or rule.properties["EventPattern"]["source"] == ["aws.ses"]
        for rule in assembly.resources("Events::Rule")
        if "EventPattern" in rule.properties
    )


@pytest.mark.parametrize(("service", "name"), SUBSCRIPTIONS)
def test_a_consumers_rule_takes_the_events_that_it_declares_and_no_others(patterns: Patterns, service: str, name: str) -> None:
    """Live, and out of the archive."""
    for kind, event in samples():
        for given in (event, {**event, "replay-name": "monday"}):
            because = patterns[service, name].mismatches(given)
            declared = kind in SUBSCRIPTIONS[service, name] and passes(FILTERS.get((service, name), {}), given)
            assert (not because) == declared, (kind, [str(one) for one in because])


def passes(filtered: DetailPattern, event: Event) -> bool:
    """Whether the event has one of the values in each field of a consumer's filter."""
    return all(
        event["detail"][part].get(field) in values for part, fields in filtered.items() for field, values in fields.items()
    )


@pytest.mark.parametrize(("service", "name"), FILTERS)
def test_filter_of_a_consumer_names_fields_that_it_reads(service: str, name: str) -> None:
    named = {f"{part}.{field}" for part, fields in FILTERS[service, name].items() for field in fields}
    assert all(named <= set(fields) for fields in SUBSCRIPTIONS[service, name].values())


def test_the_check_of_orders_takes_its_events_live_and_never_replayed(patterns: Patterns) -> None:
    taken = {kind for kind, event in samples() if patterns[CHECKS].matches(event)}
    assert taken == CHECKED_AFTER
    assert not any(patterns[CHECKS].matches({**event, "replay-name": "monday"}) for _, event in samples())


def test_saga_starts_on_the_newest_version_of_a_live_order_without_a_waiting_caller(patterns: Patterns) -> None:
    taken = [event for _, event in samples() if patterns[START].matches(event)]
    assert taken == [
        event
        for kind, event in samples()
        if kind == (source_of("order"), "OrderPlaced")
        and event["detail"]["data"]["respond"] == "async"
        and event["detail"]["metadata"]["event_version"] == schemas.newest_version(*kind)
    ]
    assert taken
    assert not any(patterns[START].matches({**event, "replay-name": "monday"}) for event in taken)


@pytest.mark.parametrize("envelope", [{}, {"replay-name": "monday"}], ids=["live", "replayed"])
def test_a_rule_of_no_service_is_about_the_bus_and_not_about_some_event(patterns: Patterns, envelope: Event) -> None:
    """It takes all of them or none: a consumer of some events is a service, and declares them."""
    for name in (name for name in patterns if name[0] in OF_THE_BUS):
        taken = [kind for kind, event in samples() if patterns[name].matches({**event, **envelope})]
        assert len(taken) in (0, len(samples())), (name, taken)


def test_two_matchers_agree_on_every_rule_and_every_event_and_changes_of_it(
    rules: dict[tuple[str, str], Resource],
) -> None:
    """Of each kind of event, one sample is changed in every way."""
    changed_ones = dict(reversed(samples()))
    events = [
        *(given for _, event in samples() for given in (event, {**event, "replay-name": "monday"})),
        *(changed for event in changed_ones.values() for changed in mutations(event)),
    ]
    deployed = {name: rule.properties["EventPattern"] for name, rule in rules.items()}
    theirs = dict(zip(deployed, opinions(list(deployed.values()), events), strict=True))
    ours = {name: [Pattern(pattern).matches(event) for event in events] for name, pattern in deployed.items()}
    for name in deployed:
        different = [event for event, our, their in zip(events, ours[name], theirs[name], strict=True) if our != their]
        assert different == [], name
        assert name[0] in OF_NO_SERVICE or 0 < sum(ours[name]) < len(events), name


def test_field_that_a_rule_passes_on_is_required_by_schema_or_pattern(
    rules: dict[tuple[str, str], Resource], patterns: Patterns
) -> None:
    handed = {
        (name, path.removeprefix("$.detail."))
        for name, rule in rules.items()
        for target in rule.properties["Targets"]
        for path in target.get("InputTransformer", {}).get("InputPathsMap", {}).values()
    }
    assert {name for name, _ in handed} == {START}
    for name, field in handed:
        for kind, event in ((kind, event) for kind, event in samples() if patterns[name].matches(event)):
            version = event["detail"]["metadata"]["event_version"]
            (schema,) = (schema for schema in versions(kind) if schema["x-version"] == version)
            assert not optional(schema, field) or not patterns[name].matches(_without(field, event)), (name, kind, field)


def _without(field: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return the event without the field."""
    found = copy.deepcopy(event)
    *path, last = field.split(".")
    reduce(getitem, path, found["detail"]).pop(last, None)
    return found


def in_schemas() -> set[Pair]:
    return {key[:2] for key in schemas.read_schemas()}


def test_schemas_and_code_know_the_same_events() -> None:
    """Every event of a transition has a schema; every schema is of a transition's event, or of a channel's."""
    published = {
        (table.source, step.publishes)
        for service in SERVICES
        for table in vars(import_module(f"services.{service}.domain.states")).values()
        if isinstance(table, TransitionTable)
        for step in table.transitions
        if step.publishes
    }
    assert in_schemas() == published | {pair for pair in in_schemas() if pair[0].endswith("*")}
    assert {pair for events in SUBSCRIPTIONS.values() for pair in events} <= in_schemas()


def test_sources_and_types_of_rules_exist(rules: dict[tuple[str, str], Resource]) -> None:
    """A pattern that names an unpublished type would wait for ever."""
    for field, known in (("source", {pair[0] for pair in in_schemas()}), ("detail-type", {pair[1] for pair in in_schemas()})):
        for name, rule in rules.items():
            named = {one for one in rule.properties["EventPattern"].get(field, []) if isinstance(one, str)}
            assert named <= known, (name, field)


def test_bus_accepts_only_the_sources_of_the_schemas(assembly: Assembly) -> None:
    """test_permissions.py checks the permissions of each caller."""
    policy = assembly.one("Events::EventBusPolicy", PLATFORM, "BuscdkOnlyKnownSources")
    known = policy.properties["Statement"]["Condition"]["ForAnyValue:StringNotEquals"]["events:source"]
    channels = {f"{CHANNEL_PREFIX}{channel.name}" for channel in stages.load("dev").channels}
    assert set(known) == {pair[0] for pair in in_schemas()} - {f"{CHANNEL_PREFIX}*"} | channels


@pytest.mark.parametrize("service", SERVICES)
def test_a_publisher_may_publish_the_events_of_its_services_schemas_and_no_others(assembly: Assembly, service: str) -> None:
    types = sorted(detail_type for source, detail_type in in_schemas() if source == source_of(service))
    leaves_to_publish = [
        statement
        for function in assembly.resources("Lambda::Function", service=service)
        for statement in assembly.statements(function)
        if "events:PutEvents" in listed(statement["Action"])
    ]
    assert leaves_to_publish
    for leave in leaves_to_publish:
        ((operator, keys),) = leave["Condition"].items()
        assert operator == "ForAllValues:StringEquals"
        assert {key: listed(values) for key, values in keys.items()} == {
            "events:source": [source_of(service)],
            "events:detail-type": types,
        }, json.dumps(leave)
