"""The policy of the bus: only the owner of a fact may publish it (ADR 26).

The statements are Denies: a caller's own policy must allow `events:PutEvents` too, and a wide policy is not enough. A
channel's principal that is named by its ARN may be of another account. IAM admits it only if the bus allows it as well.
"""

from collections.abc import Iterator, Mapping, Sequence

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam

from cdk.constructs.bus import published_by
from kernel.naming import CHANNEL_EVENT, CHANNEL_PREFIX, SERVICES, source_of
from stages import Channel

SERVICE_TAG, STAGE_TAG = "aws:PrincipalTag/orderflow:service", "aws:PrincipalTag/orderflow:stage"
"""The condition keys of a caller's role tags. `ServiceStack` tags every role that it makes."""


def state_who_publishes(bus: events.EventBus, stage: str, channels: Sequence[Channel]) -> None:
    """Add the bus's policy. It has at most 10,240 characters: about 3,000 for the services and 350 for each channel."""

    def add(sid: str, effect: iam.Effect, principals: Sequence[iam.IPrincipal], conditions: Mapping[str, object]) -> None:
        bus.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                effect=effect,
                principals=principals,
                actions=["events:PutEvents"],
                resources=[bus.event_bus_arn],
                conditions=conditions,
            )
        )

    for sid, conditions in _denials(Stack.of(bus), stage, channels):
        add(sid, iam.Effect.DENY, [iam.AnyPrincipal()], conditions)
    for position, channel in enumerate(channels):
        arns = [iam.ArnPrincipal(principal) for principal in channel.principals if principal.startswith("arn:")]
        if arns:
            own = {"events:source": f"{CHANNEL_PREFIX}{channel.name}", "events:detail-type": CHANNEL_EVENT}
            add(f"Channel{position}", iam.Effect.ALLOW, arns, {"ForAllValues:StringEquals": own})


def _denials(stack: Stack, stage: str, channels: Sequence[Channel]) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the name and conditions of each Deny statement. EventBridge refuses a call whole if one entry is refused.

    A statement negates its condition on the caller. A negated condition also holds for a caller that lacks the key.
    """
    own = [source_of(service) for service in publishers()]
    by_channel = {f"{CHANNEL_PREFIX}{channel.name}": channel for channel in channels}
    yield "OnlyKnownSources", {"ForAnyValue:StringNotEquals": {"events:source": [*own, *by_channel]}}
    yield "OnlyThisStage", _if_source(own, {"StringNotEquals": {STAGE_TAG: stage}})
    for service, source in zip(publishers(), own, strict=True):
        yield f"Only{service.title()}", _if_source([source], {"StringNotEquals": {SERVICE_TAG: service}})
    if by_channel:
        orders_only = {"ForAnyValue:StringNotEquals": {"events:detail-type": [CHANNEL_EVENT]}}
        yield "ChannelsPlaceOrders", _if_source(list(by_channel), orders_only)
    for position, (source, channel) in enumerate(by_channel.items()):
        arns = [_arn(stack, principal) for principal in channel.principals]
        yield f"OnlyChannel{position}", _if_source([source], {"ArnNotEquals": {"aws:PrincipalArn": arns}})


def publishers() -> list[str]:
    """Return the services that have an event of their own."""
    return [service for service in SERVICES if published_by(service)]


def _if_source(sources: list[str], conditions: Mapping[str, object]) -> dict[str, object]:
    """Return the conditions of a call with one of the sources. EventBridge itself, which replays the archive, is exempt."""
    not_aws = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    return {"ForAnyValue:StringEquals": {"events:source": sources}, **conditions, **not_aws}


def _arn(stack: Stack, principal: str) -> str:
    """Return the ARN of a principal. `role/NAME` is a role of the stage's own account."""
    return principal if principal.startswith("arn:") else stack.format_arn(service="iam", region="", resource=principal)
