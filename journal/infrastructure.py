"""The journal's stack: rules that ignore replays, delivery streams, one function without a grant, and one bucket."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.constructs.acknowledgement import acknowledge
from cdk.constructs.alarm import Tier, alarm_on_count
from cdk.constructs.bus import bus_of
from cdk.constructs.encryption import let_use_key
from cdk.constructs.function import ServiceFunction
from cdk.constructs.queue import dead_letter_queue, only_from
from cdk.constructs.replay_filter import never_replays
from cdk.service_stack import ServiceStack
from journal.lines import ERRORS, EVENTS
from journal.streams import Matchers, id_matchers
from kernel.naming import SOURCE_PREFIX
from stages import Stage

TIMEOUT_SECONDS = 60
BATCH_SECONDS, BATCH_MEGABYTES = 60, 1
"""When Firehose invokes the function. Both ways, an invocation takes at most 6 MB, and Base64 adds a third."""
OBJECT_SECONDS, OBJECT_MEGABYTES = 60, 64
"""When Firehose writes an object: the least that it accepts with partition keys."""
ERRORS_KEPT = Duration.days(14)
"""As long as a dead letter is kept."""
RUNBOOK = "journal-incomplete"


class JournalStack(ServiceStack):
    """The bucket, and `journal_streams` ways into it. Publishes `bucket-name` and `events-dlq-url`."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage, "journal")
        self._bucket = self._make_bucket()
        self.publish("bucket-name", self._bucket.bucket_name)
        self._function = ServiceFunction(self, "function", package="journal", timeout_seconds=TIMEOUT_SECONDS)
        alarm_on_count(self, "EventsNotJournaled", "the journal leaves out events", RUNBOOK, tier=Tier.FULL)
        self._dead_letters = dead_letter_queue(self, "events", Construct(self, "Events"), runbook=RUNBOOK)
        self._writer = self._role("WriterRole", "firehose")
        self._allow_writer()
        self._deliverer = self._role("DelivererRole", "events")
        ways = [self._way(f"Stream{number}", ids) for number, ids in enumerate(id_matchers(self.settings.journal_streams))]
        only_from(self, self._dead_letters, rules=ways)

    def _make_bucket(self) -> s3.Bucket:
        """Create the bucket. Objects of events expire as the events of the archive do."""
        bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            lifecycle_rules=[
                s3.LifecycleRule(prefix=EVENTS, expiration=Duration.days(self.settings.archive_retention_days)),
                s3.LifecycleRule(prefix=ERRORS, expiration=ERRORS_KEPT),
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(1)),
            ],
            removal_policy=self.removal_policy,
        )
        unlogged = dict.fromkeys(
            ("AwsSolutions-S1", "CKV_AWS_18"), "one role writes it, and operators' reads are data events of CloudTrail"
        )
        unversioned = {"CKV_AWS_21": "no object is ever written again, and the archive has the same events"}
        acknowledge(bucket, unlogged | unversioned)
        return bucket

    def _role(self, name: str, service: str) -> iam.Role:
        """Create a role for a service of AWS that works for this account."""
        account = {"StringEquals": {"aws:SourceAccount": self.account}}
        return iam.Role(self, name, assumed_by=iam.ServicePrincipal(f"{service}.amazonaws.com", conditions=account))

    def _allow_writer(self) -> None:
        """Let the delivery streams write objects below two prefixes, and invoke the function."""
        bucket = self._bucket
        own: tuple[tuple[list[str], list[str]], ...] = (
            (
                ["s3:PutObject", "s3:AbortMultipartUpload"],
                [bucket.arn_for_objects(f"{prefix}*") for prefix in (EVENTS, ERRORS)],
            ),
            (["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [bucket.bucket_arn]),
            (["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"], [self._function.entry.function_arn]),
        )
        for actions, resources in own:
            self._writer.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))
            let_use_key(self, self._writer, *actions)
        resource = bucket.node.default_child
        assert isinstance(resource, s3.CfnBucket)
        name = self.get_logical_id(resource)
        rules = [f"AwsSolutions-IAM5[Resource::<{name}.Arn>/{prefix}*]" for prefix in (EVENTS, ERRORS)]
        acknowledge(self._writer, dict.fromkeys(rules, "the names of objects end in their time"))

    def _way(self, name: str, ids: Matchers | None) -> events.Rule:
        """Create a rule with its delivery stream. The rule takes the events with these ids."""
        part = Construct(self, name)
        stream = firehose.CfnDeliveryStream(
            part,
            "Stream",
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input={"keyType": "AWS_OWNED_CMK"},
            extended_s3_destination_configuration=self._destination(),
        )
        stream.node.add_dependency(self._writer)
        self._deliverer.add_to_policy(
            iam.PolicyStatement(actions=["firehose:PutRecord", "firehose:PutRecordBatch"], resources=[stream.attr_arn])
        )
        rule = events.Rule(
            part,
            "Rule",
            description="journal: every event that is no replay",
            event_bus=bus_of(self),
            event_pattern=events.EventPattern(source=events.Match.prefix(SOURCE_PREFIX)),
        )
        never_replays(rule)
        acknowledge(rule, {"Serverless-EventBusDLQ": "the override below gives its target a dead-letter queue"})
        resource = rule.node.default_child
        assert isinstance(resource, events.CfnRule)
        target = {"Id": "Stream", "Arn": stream.attr_arn, "RoleArn": self._deliverer.role_arn}
        resource.add_property_override("Targets", [{**target, "DeadLetterConfig": {"Arn": self._dead_letters.queue_arn}}])
        if ids is not None:
            resource.add_property_override("EventPattern.id", ids)
        self._dead_letters.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self._dead_letters.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.rule_arn}},
            )
        )
        return rule

    def _destination(self) -> firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty:
        """Return the destination: one object for each hour of events and batch, by the function's results."""
        parameters = {
            "LambdaArn": self._function.entry.function_arn,
            "BufferIntervalInSeconds": str(BATCH_SECONDS),
            "BufferSizeInMBs": str(BATCH_MEGABYTES),
            "NumberOfRetries": "3",
        }
        kind = firehose.CfnDeliveryStream
        processor = kind.ProcessorProperty(
            type="Lambda",
            parameters=[
                kind.ProcessorParameterProperty(parameter_name=name, parameter_value=value)
                for name, value in parameters.items()
            ],
        )
        return kind.ExtendedS3DestinationConfigurationProperty(
            bucket_arn=self._bucket.bucket_arn,
            role_arn=self._writer.role_arn,
            prefix=f"{EVENTS}!{{partitionKeyFromLambda:hour}}/",
            error_output_prefix=f"{ERRORS}!{{firehose:error-output-type}}/!{{timestamp:yyyy-MM-dd}}/",
            compression_format="GZIP",
            buffering_hints=kind.BufferingHintsProperty(interval_in_seconds=OBJECT_SECONDS, size_in_m_bs=OBJECT_MEGABYTES),
            dynamic_partitioning_configuration=kind.DynamicPartitioningConfigurationProperty(
                enabled=True, retry_options=kind.RetryOptionsProperty(duration_in_seconds=300)
            ),
            processing_configuration=kind.ProcessingConfigurationProperty(enabled=True, processors=[processor]),
        )
