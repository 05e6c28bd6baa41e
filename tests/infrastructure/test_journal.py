"""The journal: it takes what the archive takes, keeps it as long, and may do nothing but write it down."""

import pytest
from aws_cdk import App

from journal.infrastructure import JournalStack
from stages import Stage
from tests.infrastructure.templates import Assembly, Resource, listed, read


def writer(assembly: Assembly) -> Resource:
    return assembly.one("Lambda::Function", "journal", "Function")


def test_journal_gets_the_events_of_the_archive_and_no_replays(assembly: Assembly) -> None:
    archive = assembly.one("Events::Archive", "platform", "Archive").properties["EventPattern"]
    rule = assembly.one("Events::Rule", "journal", "EventsSubscription").properties["EventPattern"]
    assert rule == archive | {"replay-name": [{"exists": False}]}


def test_journal_keeps_events_as_long_as_the_archive(assembly: Assembly) -> None:
    archive = assembly.one("Events::Archive", "platform", "Archive").properties["RetentionDays"]
    assert writer(assembly).properties["Environment"]["Variables"]["RETENTION_DAYS"] == str(archive)
    (table,) = assembly.resources("DynamoDB::Table", service="journal")
    assert table.properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_journal_may_write_its_table_and_nothing_else(assembly: Assembly) -> None:
    allowed = {
        action
        for statement in assembly.statements(writer(assembly))
        for action in listed(statement["Action"])
        if not action.startswith(("logs:", "xray:", "sqs:"))
    }
    assert allowed == {"dynamodb:BatchWriteItem"}


def test_one_setting_is_the_retention_of_archive_and_journal(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cdk.out")
    app = App(outdir=str(folder))
    JournalStack(app, Stage("dev", ephemeral=True, archive_retention_days=7))
    app.synth()
    assert writer(read(folder)).properties["Environment"]["Variables"]["RETENTION_DAYS"] == "7"
