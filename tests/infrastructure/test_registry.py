"""The schema registry's entries and the samples: valid, complete, and of the events that the rules take."""

import json

import pytest
from jsonschema import Draft7Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from kernel.naming import SERVICES
from operations.contracts.event_catalogue import Event, events, newest
from operations.event_pattern import Pattern
from operations.repository import REPOSITORY
from tests.infrastructure.templates import Assembly

EVERY = [pytest.param(event, id=f"{event.stem}.v{event.version}") for event in events()]


@pytest.mark.parametrize("event", EVERY)
def test_sample_is_an_entry_and_consumers_receive_the_event(event: Event, assembly: Assembly) -> None:
    entry = json.loads(
        (REPOSITORY / "docs" / "reference" / "events" / "samples" / f"{event.stem}.v{event.version}.json").read_text()
    )
    delivered = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
    Draft7Validator(event.schema).validate(delivered["detail"])
    assert delivered == event.delivered[0]
    rules = assembly.resources("Events::Rule")
    takers = {
        rule.service
        for rule in rules
        if rule.service in SERVICES
        and "EventBusName" in rule.properties
        and any(map(Pattern(rule.properties["EventPattern"]).matches, event.delivered))
    }
    assert {name.partition("/")[0] for name in event.consumers} <= takers


def test_the_registry_has_the_newest_version_of_every_event_in_its_form(assembly: Assembly) -> None:
    entries = assembly.resources("EventSchemas::Schema")
    assert {entry.properties["SchemaName"] for entry in entries} == {
        f"{event.source.removesuffix('.*')}@{event.detail_type}" for event in newest()
    }
    for entry in entries:
        assert entry.properties["Type"] == "OpenApi3"
        document = json.loads(entry.properties["Content"])
        OpenAPIV30SpecValidator(document).validate()
        aws_event = document["components"]["schemas"]["AWSEvent"]
        assert aws_event["x-amazon-events-detail-type"] == entry.properties["SchemaName"].partition("@")[2]
        assert len(entry.properties["Content"]) <= 100_000, "what the registry takes"
