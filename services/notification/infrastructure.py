"""The notification service's stack."""

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ses as ses
from constructs import Construct

from cdk.constructs.alarm import Tier, alarm_on_count
from cdk.constructs.facts import ask_facts
from cdk.constructs.function import ServiceFunction
from cdk.constructs.outbox import Outbox
from cdk.constructs.queue import dead_letter_queue, on_failure, only_from
from cdk.constructs.registry import register_schemas
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import ServiceTable
from cdk.service_stack import ServiceStack
from kernel.naming import DUE_INDEX
from kernel.timeouts import DYNAMODB, FUNCTIONS, SES
from services.notification.subscriptions import BOUNCED, COMPLAINED, SUBSCRIPTIONS
from stages import Stage

NOTES, SUPPRESSIONS = "NOTE#", "SUPP#"
CLAIM_UNKNOWN_AFTER_SECONDS = 600
SUBSCRIBER_SECONDS = 90
BATCH = 3
"""So few that the function ends in time even if each message waits for its contact and for SES."""
MAIL_SECONDS = 2 * FUNCTIONS.seconds + SES.seconds + 4 * DYNAMODB.once
"""The longest that a mail takes: its contact, the shipment's facts, SES, its note three times, the suppression."""

COUNTED = {
    "ClaimsNotGivenUp": ("interrupted mails stay claimed", "rows-not-moved", 0),
    "SendingUnknown": ("the sending of a mail is unknown, and it is not repeated", "mail-not-sent", 0),
    "AddressesSuppressed": ("many mails bounce, and SES may close the account", "mail-not-sent", 9),
}
"""The metrics of the service's functions: the fault, its runbook, and how many in five minutes are normal."""


class NotificationStack(ServiceStack):
    """Mails to customers, and the suppression list."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage, "notification")
        register_schemas(self)
        table = ServiceTable(self, due_index=True)
        contact = self.require("order", "contact-arn")
        sender = self.settings.sender
        self.publish("sender-address", sender)
        configuration_set = ses.ConfigurationSet(self, "Mails", reputation_metrics=True)
        subscriber = ServiceFunction(
            self,
            "subscriber",
            timeout_seconds=SUBSCRIBER_SECONDS,
            environment={
                "TABLE_NAME": table.table_name,
                "CONTACT_FUNCTION_ARN": contact,
                "SENDER_ADDRESS": sender,
                "CONFIGURATION_SET": configuration_set.configuration_set_name,
                "SHOP_NAME": self.settings.shop_name,
                "SUPPORT_ADDRESS": self.settings.support_address,
                **({"TRACKING_URL": self.settings.tracking_url} if self.settings.tracking_url else {}),
            },
        )
        table.allow(subscriber, "GetItem", "UpdateItem", rows=(NOTES,))
        table.allow(subscriber, "GetItem", rows=(SUPPRESSIONS,))
        subscriber.allow("lambda:InvokeFunction", on=contact)
        ask_facts(self, subscriber, "shipping")
        subscriber.allow(
            "ses:SendEmail",
            on=[
                *(self.format_arn(service="ses", resource="identity", resource_name=name) for name in identities(sender)),
                self.format_arn(
                    service="ses", resource="configuration-set", resource_name=configuration_set.configuration_set_name
                ),
            ],
            conditions={"StringEquals": {"ses:FromAddress": sender}},
        )
        Subscription(
            self, "notices", SUBSCRIPTIONS["notices"], subscriber, batch_size=BATCH, batch_seconds=BATCH * MAIL_SECONDS
        )
        outbox = Outbox(
            self,
            table,
            rows=(NOTES,),
            row_seconds=2 * DYNAMODB.once,
            sweeper_environment={"CLAIM_UNKNOWN_AFTER_SECONDS": str(CLAIM_UNKNOWN_AFTER_SECONDS)},
            leaves_open_rows=True,
        )
        table.allow_query(outbox.sweeper, DUE_INDEX)
        self._feedback(table, configuration_set)
        for name, (fault, runbook, above) in COUNTED.items():
            alarm_on_count(self, name, fault, runbook, above=above, tier=Tier.FULL)
        commands = ServiceFunction(self, "commands", timeout_seconds=10, environment={"TABLE_NAME": table.table_name})
        table.allow(commands, "GetItem", "UpdateItem", "DeleteItem", rows=(SUPPRESSIONS,))
        self.publish("commands-arn", commands.entry.function_arn)

    def _feedback(self, table: ServiceTable, configuration_set: ses.ConfigurationSet) -> None:
        """Consume SES's bounces and complaints from the account's default bus, the only one that SES publishes to."""
        default_bus = events.EventBus.from_event_bus_arn(
            self, "DefaultBus", self.format_arn(service="events", resource="event-bus", resource_name="default")
        )
        configuration_set.add_event_destination(
            "Feedback",
            destination=ses.EventDestination.event_bus(default_bus),
            events=[ses.EmailSendingEvent.BOUNCE, ses.EmailSendingEvent.COMPLAINT],
        )
        feedback = ServiceFunction(self, "feedback", timeout_seconds=30, environment={"TABLE_NAME": table.table_name})
        table.allow(feedback, "UpdateItem", rows=(SUPPRESSIONS,))
        part = Construct(self, "FeedbackRule")
        dead_letters = dead_letter_queue(self, "feedback", part)
        rule = events.Rule(
            part,
            "Rule",
            description="notification: a bounce or a complaint suppresses the address",
            event_pattern=events.EventPattern(
                source=["aws.ses"],
                detail_type=[BOUNCED, COMPLAINED],
                detail={"mail": {"tags": {"ses:configuration-set": [configuration_set.configuration_set_name]}}},
            ),
            targets=[targets.LambdaFunction(feedback.entry, dead_letter_queue=dead_letters, retry_attempts=5)],
        )
        only_from(self, dead_letters, rules=[rule], function=feedback)
        feedback.entry.configure_async_invoke(retry_attempts=2)
        invoked = feedback.entry.node.find_child("EventInvokeConfig")
        assert isinstance(invoked, lambda_.EventInvokeConfig)
        on_failure(invoked, dead_letters)
        feedback.allow("sqs:SendMessage", on=dead_letters.queue_arn)


def identities(sender: str) -> tuple[str, str]:
    """Return the SES identities that may stand for the address: itself, or its domain."""
    return sender, sender.rsplit("@", 1)[-1]
