"""The platform: the bus with its policy, the archive of all domain events, the alarm topic."""

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk.service_stack import PLATFORM, ServiceStack
from services.kernel.names import CHANNEL_PREFIX, SERVICES, source_of

ARCHIVE_DAYS = 90
"""How far back a replay can reach. Dedupe records never expire, so they outlive it."""


class PlatformStack(ServiceStack):
    """What the five services stand on. Publishes `bus-name`, `bus-arn`, `archive-arn`, `alarm-topic-arn`."""

    def __init__(self, scope: Construct, stage: str) -> None:
        super().__init__(scope, stage, PLATFORM)
        bus = events.EventBus(self, "Bus", description="Orderflow's domain events")
        bus.add_to_resource_policy(
            iam.PolicyStatement(
                sid="OnlyKnownSources",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["events:PutEvents"],
                resources=[bus.event_bus_arn],
                conditions={
                    "StringNotLike": {"events:source": [*(source_of(service) for service in SERVICES), f"{CHANNEL_PREFIX}*"]}
                },
            )
        )
        archive = events.CfnArchive(
            self,
            "Archive",
            source_arn=bus.event_bus_arn,
            description="All domain events; what a replay replays",
            event_pattern={"source": [{"prefix": "orderflow."}]},
            retention_days=Duration.days(ARCHIVE_DAYS).to_days(),
        )
        topic = sns.Topic(self, "Alarms", display_name=f"Orderflow {stage} alarms", enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayTell",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        self.publish("bus-name", bus.event_bus_name)
        self.publish("bus-arn", bus.event_bus_arn)
        self.publish("archive-arn", archive.attr_arn)
        self.publish("alarm-topic-arn", topic.topic_arn)
        CfnOutput(self, "BusArn", value=bus.event_bus_arn)
