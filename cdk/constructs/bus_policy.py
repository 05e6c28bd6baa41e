"""Who may put which events on the bus: only the owner of a fact states it (ADR 26).

The statements are Denies, so a caller's own policy must allow `events:PutEvents` too, and a wide one is not enough. A channel's
principal that is named by its ARN may be of another account, which IAM lets in only if the bus allows it as well.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam

from kernel.naming import CHANNEL_EVENT, CHANNEL_PREFIX, SERVICES, source_of
from stages import Channel

SERVICE_TAG, STAGE_TAG = "aws:PrincipalTag/orderflow:service", "aws:PrincipalTag/orderflow:stage"
"""What IAM knows of a caller's role by its tags; `ServiceStack` tags every role that it makes."""


def state_who_publishes(bus: events.EventBus, stage: str, channels: Sequence[Channel]) -> None:
    """Add the bus's policy: 10,240 characters at most, of which a channel takes about 350 and the services 3,000."""

    def add(sid: str, effect: iam.Effect, principals: Sequence[iam.IPrincipal], conditions: dict[str, Any]) -> None:
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


def _denials(stack: Stack, stage: str, channels: Sequence[Channel]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The statements' names and conditions. A call is refused whole if one of its entries is.

    What a statement asks of the caller is negated, and a negated condition holds for a caller that lacks the key.
    """
    own = [source_of(service) for service in SERVICES]
    by_channel = {f"{CHANNEL_PREFIX}{channel.name}": channel for channel in channels}
    yield "OnlyKnownSources", {"ForAnyValue:StringNotEquals": {"events:source": [*own, *by_channel]}}
    yield "OnlyThisStage", _if_source(own, {"StringNotEquals": {STAGE_TAG: stage}})
    for service, source in zip(SERVICES, own, strict=True):
        yield f"Only{service.title()}", _if_source([source], {"StringNotEquals": {SERVICE_TAG: service}})
    if by_channel:
        orders_only = {"ForAnyValue:StringNotEquals": {"events:detail-type": [CHANNEL_EVENT]}}
        yield "ChannelsPlaceOrders", _if_source(list(by_channel), orders_only)
    for position, (source, channel) in enumerate(by_channel.items()):
        arns = [_arn(stack, principal) for principal in channel.principals]
        yield f"OnlyChannel{position}", _if_source([source], {"ArnNotEquals": {"aws:PrincipalArn": arns}})


def _if_source(sources: list[str], conditions: dict[str, Any]) -> dict[str, Any]:
    """The conditions of a call with one of the sources. EventBridge itself, which replays the archive, is no caller of ours."""
    not_aws = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    return {"ForAnyValue:StringEquals": {"events:source": sources}, **conditions, **not_aws}


def _arn(stack: Stack, principal: str) -> str:
    """The ARN of a principal, which `role/NAME` is of the stage's own account."""
    return principal if principal.startswith("arn:") else stack.format_arn(service="iam", region="", resource=principal)
