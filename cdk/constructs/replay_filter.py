"""Whether a rule takes what is replayed: `replay-name` in its pattern, a field that the CDK's EventPattern does not know."""

from typing import Any

from aws_cdk import aws_events as events


def never_replays(rule: events.Rule) -> None:
    """Let the rule take live events only, even of a replay that is sent to it."""
    _match(rule, {"exists": False})


def only_replays(rule: events.Rule, prefix: str) -> None:
    """Let the rule take the events of replays whose name starts so, and no others."""
    _match(rule, {"prefix": prefix})


def _match(rule: events.Rule, matcher: dict[str, Any]) -> None:
    resource = rule.node.default_child
    assert isinstance(resource, events.CfnRule)
    resource.add_property_override("EventPattern.replay-name", [matcher])
