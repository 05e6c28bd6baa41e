"""The journal: it takes what the archive takes, keeps it as long, and its function calls no service."""

import pytest
from aws_cdk import App

from journal.infrastructure import JournalStack
from stages import Stage
from tests.infrastructure.templates import Assembly, Resource, listed, read, referred


def bucket(assembly: Assembly) -> Resource:
    return assembly.one("S3::Bucket", "journal", "Bucket")


def destinations(assembly: Assembly) -> list[dict[str, object]]:
    streams = assembly.resources("KinesisFirehose::DeliveryStream", service="journal")
    return [stream.properties["ExtendedS3DestinationConfiguration"] for stream in streams]


def test_journal_gets_the_events_of_the_archive_and_no_replays(assembly: Assembly) -> None:
    archive = assembly.one("Events::Archive", "platform", "Archive").properties["EventPattern"]
    rules = assembly.resources("Events::Rule", service="journal")
    patterns = [rule.properties["EventPattern"] for rule in rules]
    assert len(patterns) == Stage("dev", ephemeral=True).journal_streams
    for pattern in patterns:
        assert {name: value for name, value in pattern.items() if name != "id"} == archive | {
            "replay-name": [{"exists": False}]
        }


def test_each_rule_has_a_stream_and_the_dead_letter_queue(assembly: Assembly) -> None:
    targets = [
        target for rule in assembly.resources("Events::Rule", service="journal") for target in rule.properties["Targets"]
    ]
    streams = {stream.id for stream in assembly.resources("KinesisFirehose::DeliveryStream", service="journal")}
    assert {referred(target["Arn"]) for target in targets} == streams
    (queue,) = assembly.resources("SQS::Queue", service="journal")
    assert {referred(target["DeadLetterConfig"]["Arn"]) for target in targets} == {queue.id}


def test_journal_keeps_events_as_long_as_the_archive(assembly: Assembly) -> None:
    archive = assembly.one("Events::Archive", "platform", "Archive").properties["RetentionDays"]
    assert days(assembly) == {"events/": archive, "errors/": 14}


def days(assembly: Assembly) -> dict[str, int]:
    rules = bucket(assembly).properties["LifecycleConfiguration"]["Rules"]
    return {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}


def test_bucket_is_encrypted_and_private(assembly: Assembly) -> None:
    properties = bucket(assembly).properties
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]
    (policy,) = assembly.resources("S3::BucketPolicy", service="journal")
    (statement,) = policy.properties["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_objects_are_compressed_and_of_one_hour(assembly: Assembly) -> None:
    for destination in destinations(assembly):
        assert destination["Prefix"] == "events/!{partitionKeyFromLambda:hour}/"
        assert destination["CompressionFormat"] == "GZIP"


def test_function_of_the_journal_calls_no_service(assembly: Assembly) -> None:
    function = assembly.one("Lambda::Function", "journal", "Function")
    allowed = {action for statement in assembly.statements(function) for action in listed(statement["Action"])}
    assert {action for action in allowed if not action.startswith(("logs:", "xray:"))} == set()


def test_one_setting_is_the_retention_of_archive_and_journal(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cdk.out")
    app = App(outdir=str(folder))
    JournalStack(app, Stage("dev", ephemeral=True, archive_retention_days=7))
    app.synth()
    assert days(read(folder))["events/"] == 7
