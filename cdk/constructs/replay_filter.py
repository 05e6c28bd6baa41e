"""Rules for or against replayed events: `replay-name` in a pattern, a field that the CDK's EventPattern does not have."""

from collections.abc import Mapping

from aws_cdk import aws_events as events


def never_replays(rule: events.Rule) -> None:
    """Let the rule match live events only, even if a replay is sent to it."""
    _match(rule, {"exists": False})


def only_replays(rule: events.Rule, prefix: str) -> None:
    """Let the rule match only the events of replays whose name starts with `prefix`."""
    _match(rule, {"prefix": prefix})


def _match(rule: events.Rule, matcher: Mapping[str, object]) -> None:
    resource = rule.node.default_child
    assert isinstance(resource, events.CfnRule)
    resource.add_property_override("EventPattern.replay-name", [matcher])
