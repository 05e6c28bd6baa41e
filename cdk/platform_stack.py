"""The platform: the bus with its policy, the archive of all domain events, the schema registry, the staging of paced replays,
the alarm topic, the dashboards."""

from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_events as events
from aws_cdk import aws_eventschemas as eventschemas
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk.constructs.acknowledgement import acknowledge
from cdk.constructs.alarm import ALARM_TOPIC
from cdk.constructs.bus_log import BusLog
from cdk.constructs.bus_policy import state_who_publishes
from cdk.constructs.dashboard import add_dashboards
from cdk.constructs.encryption import make_encryption_key
from cdk.constructs.paced_replay_queue import Staging
from cdk.constructs.queue import dead_letter_queue, only_from
from cdk.constructs.receipts import make_key
from cdk.service_stack import PLATFORM, ServiceStack
from kernel.naming import SOURCE_PREFIX
from stages import LAPTOP_ACCOUNT, Stage

SLACK = "slack:"
"""How an alarm receiver that is a channel of Slack begins: `slack:WORKSPACE/CHANNEL`."""


class PlatformStack(ServiceStack):
    """The resources that the five services share. Publishes `bus-name`, `bus-arn`, `archive-arn`, `alarm-topic-arn`,
    `schema-registry-name`, `receipt-key-arn`; and `encryption-key-arn`, if the stage has a key of its own."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage, PLATFORM)
        make_encryption_key(self)
        bus = self._bus()
        self.publish("bus-name", bus.event_bus_name)
        self.publish("bus-arn", bus.event_bus_arn)
        self.publish("archive-arn", self._archive(bus).attr_arn)
        self.publish("alarm-topic-arn", self._alarm_topic().topic_arn)
        registry = eventschemas.CfnRegistry(
            self, "SchemaRegistry", description="The domain events' schemas, put in by each service"
        )
        self.publish("schema-registry-name", registry.attr_registry_name)
        add_dashboards(self, bus.event_bus_name)
        make_key(self)
        Staging(self, bus)
        only_from(self, dead_letter_queue(self, "quarantine", Construct(self, "Quarantine")), operator=True)

    def _bus(self) -> events.EventBus:
        """Create the bus, which accepts an event only from the owner of its source, and logs what it cannot deliver."""
        bus = events.EventBus(
            self,
            "Bus",
            description="Orderflow's domain events",
            log_config=events.LogConfig(level=events.Level.ERROR, include_detail=events.IncludeDetail.NONE),
        )
        if not self.settings.ephemeral and self.settings.account != LAPTOP_ACCOUNT:
            BusLog(self, bus)
        state_who_publishes(bus, self.stage, self.settings.channels)
        return bus

    def _archive(self, bus: events.EventBus) -> events.CfnArchive:
        """Create the archive by its L1: `EventBus.archive` asks for a name and emits an empty KmsKeyIdentifier."""
        archive = events.CfnArchive(
            self,
            "Archive",
            source_arn=bus.event_bus_arn,
            description="All domain events; what a replay replays",
            event_pattern={"source": [{"prefix": SOURCE_PREFIX}]},
            retention_days=self.settings.archive_retention_days,
        )
        archive.apply_removal_policy(self.removal_policy)
        return archive

    def _alarm_topic(self) -> sns.ITopic:
        """Create the topic without a key: CloudWatch cannot use the AWS managed key. An alarm has no personal data.

        If the receiver is a topic, it is that one; its own policy must let CloudWatch publish.
        """
        receiver = self.settings.alarm_receiver or ""
        if receiver.startswith("arn:"):
            return sns.Topic.from_topic_arn(self, ALARM_TOPIC, receiver)
        topic = sns.Topic(self, ALARM_TOPIC, display_name=f"Orderflow {self.stage} alarms", enforce_ssl=True)
        acknowledge(topic, {"CKV_AWS_26": "CloudWatch cannot use the AWS managed key, and an alarm has no personal data"})
        if receiver.startswith(SLACK):
            self._chat(topic, *receiver.removeprefix(SLACK).split("/"))
        elif receiver:
            subscription = topic.add_subscription(subscriptions.EmailSubscription(receiver))
            acknowledge(subscription, {"Serverless-SNSRedrivePolicy": "SNS mails again by itself, and a queue has no reader"})
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayTell",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        return topic

    def _chat(self, topic: sns.Topic, workspace: str, channel: str) -> None:
        """Let Amazon Q, to which the account must have connected the workspace, post alarms into a channel of Slack.

        Its role allows nothing: it posts what the topic sends, and answers no command. The name is required by AWS.
        """
        chatbot.SlackChannelConfiguration(
            self,
            "AlarmChat",
            slack_channel_configuration_name=f"orderflow-{self.stage}-alarms",
            slack_workspace_id=workspace,
            slack_channel_id=channel,
            notification_topics=[topic],
        )
