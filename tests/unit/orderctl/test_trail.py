"""The trail of the command line: each command that changes something on a stage leaves its record, or says why it does not."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from operations.aws.signed_http import Answer
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage, LockedClient
from tests.support.documented_commands import commands
from tests.support.orderctl_run import run_on
from tests.support.trail_in_memory import ACTOR

WHY: Final = "the bank called"
MOMENT: Final = "2026-11-23T12:00:00Z"
WINDOW: Final = f"--from 2026-11-23T11:30:00Z --until {MOMENT}"
CATALOGUE: Final = "catalogue.csv"
COUNTERS: Final = dict.fromkeys(("available", "held", "sold", "replenished", "waiting"), 1)


class Tables(LockedClient):
    """DynamoDB, as far as its tables are restored: a copy has the rows of its table, and exists already."""

    def describe_table(self, *, TableName: str) -> dict[str, dict[str, Any]]:  # noqa: N803
        """Return a table that is ready."""
        keys = [{"AttributeName": "pk"}]
        return {"Table": {**super().describe_table(TableName=TableName)["Table"], "TableStatus": "ACTIVE", "KeySchema": keys}}

    def restore_table_to_point_in_time(self, *, SourceTableName: str, TargetTableName: str, **_: object) -> None:  # noqa: N803
        """Make a copy of a table."""
        self.tables.tables[TargetTableName] = self.tables.tables[SourceTableName]

    def delete_table(self, *, TableName: str) -> None:  # noqa: N803
        """Accept the end of a copy."""


@dataclass(frozen=True)
class Stage(ConsoleStage):
    """A stage in memory that also counts stock, and restores tables."""

    tables: type[Tables] = Tables

    def client(self, service: str, **config: object) -> Any:
        """Return the client in memory."""
        if service == "dynamodb":
            return self.tables(self.stage_in_memory.tables, self.lock)
        return super().client(service, **config)

    def call(self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the counters of a SKU."""
        if method == "GET" and "/stock/" in url:
            return Answer(200, {}, json.dumps({"sku": url.rpartition("/")[2], **COUNTERS}))
        return super().call(method, url, body, headers)


@dataclass(frozen=True)
class Act:
    """A command and the act that it records, both with `{about}`: what `begin` returns, which makes it on the stage.

    An act that a service's own function carries out is that function's command, and the function logs it.
    """

    line: str
    recorded: str
    begin: Callable[[Stage], str] = lambda stage: ""
    has_order: bool = False


def waiting(stage: Stage) -> str:
    """Let an order wait for stock, and return its id."""
    return stage.place(STORIES[43])


def booked(stage: Stage) -> str:
    """Let an order wait for the booking of its parcel, and return its id."""
    return stage.place(STORIES[0], 10)


def letter(stage: Stage) -> str:
    """Put a message about an order into a dead-letter queue, and return the order's id."""
    order_id = stage.place(STORIES[0])
    published = next(put for put in stage.bus.published if put.metadata.get("order_id") == order_id)
    stage.queues.bury("notification/notices", json.dumps(published.event))
    return order_id


def replayed(stage: Stage) -> str:
    """Let a replay run, and return its name."""
    stage.events.states = ["RUNNING"]
    run_on(stage, f"replay start {WINDOW} --to notification")
    stage.trail.commands.clear()
    [name] = stage.events.replays
    return name


def copied(stage: Stage) -> str:
    """Restore the tables."""
    run_on(stage, f"tables restore {MOMENT}")
    stage.trail.commands.clear()
    return ""


ACTS: Final = {
    "orders resume": Act("{about}", "orders resume", waiting, has_order=True),
    "orders retry-refund": Act("{about}", "retry_refund", waiting, has_order=True),
    "orders settle-refund": Act("{about} --reference T-1", "settle_refund", waiting, has_order=True),
    "shipments advance": Act("{about}", "shipments advance", booked, has_order=True),
    "catalogue set": Act(CATALOGUE, "set_prices"),
    "stock replenish": Act("MUG=5", "replenish"),
    "stock watch": Act("MUG --below 1", "watch"),
    "stock split": Act("MUG --shards 2", "split"),
    "mails suppress": Act("alice@example.com", "suppress"),
    "mails allow": Act("alice@example.com", "allow"),
    "replay start": Act(f"{WINDOW} --to notification", "replay start {replay}", lambda stage: stage.place(STORIES[0])),
    "replay resume": Act("--to notification", "replay resume to notification"),
    "replay cancel": Act("{about}", "replay cancel {about}", replayed),
    "dlq redrive": Act("notification/notices --all", "dlq redrive notification/notices", letter, has_order=True),
    "dlq drop": Act("notification/notices --all", "dlq drop notification/notices", letter, has_order=True),
    "tables restore": Act(MOMENT, f"tables restore {MOMENT}"),
    "tables put-back": Act(f"{MOMENT} --yes", f"tables put-back {MOMENT}", copied),
    "tables drop": Act(f"{MOMENT} --yes", f"tables drop {MOMENT}", copied),
    "contacts mark": Act("", "contacts mark"),
}
"""The commands that leave a record."""
NOT_RECORDED: Final = {
    "it only reads": (
        *("status", "env", "doctor", "trace", "history", "diff", "changed", "audit", "capacity", "cost"),
        *("orders show", "orders list"),
        *("shipments show", "catalogue list", "stock list", "stock show", "mails preview", "mails suppressed", "faults list"),
        *("rules list", "rules test", "replay matrix", "replay plan", "replay status", "replay list", "dlq list", "dlq show"),
        *("alarms list", "tables compare", "schemas diff", "stages list", "stages show", "stages check"),
    ),
    "it writes files of this repository": (
        *("schemas build", "schemas release", "docs build", "new service", "new event", "new channel", "stages new"),
    ),
    "it is about the laptop's AWS only": ("up", "down", "demo", "faults start", "faults stop"),
    "the order API logs the caller; the row of an order keeps it": (
        *("orders place", "orders smoke", "orders cancel", "contacts put", "customers erase"),
    ),
    "the row of an order keeps its channel; the policy of the bus fixes a channel's principals (ADR 56)": (
        *("events publish", "orders import"),
    ),
    "CloudTrail keeps the calls of CloudFormation, also while the stage has no function": (
        *("bootstrap", "deploy", "destroy", "cdk"),
    ),
    "CloudTrail keeps it, and only the alarm's state changes, for a minute": ("alarms test",),
    "it makes a rule and a queue for itself, and deletes both": ("events tail",),
    "each change on the page leaves its own record": ("console",),
}
"""The commands that leave none, by the reason."""


def test_each_command_leaves_a_record_or_says_why_not() -> None:
    exceptions = list(chain.from_iterable(NOT_RECORDED.values()))
    assert sorted([*ACTS, *exceptions]) == sorted(" ".join(words) for words, _ in commands())


def test_each_command_that_takes_a_reason_leaves_a_record() -> None:
    """The reason of `orders cancel` is one of two, and the API logs it."""
    taking = {" ".join(words) for words, command in commands() if any("--reason" in part.opts for part in command.params)}
    assert taking - {"orders cancel"} == ACTS.keys()


@pytest.mark.parametrize("command", ACTS)
def test_act_is_recorded_with_actor_reason_and_orders(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(CATALOGUE).write_text("sku,title,price,currency\nMUG,Mug,12.50,USD\n")
    stage, act = Stage(), ACTS[command]
    about = act.begin(stage)
    run_on(stage, f"{command} {act.line.format(about=about)} --reason '{WHY}'")
    names = {"about": about, "replay": next(iter(stage.events.replays), "")}
    orders = [about] if act.has_order else []
    assert stage.trail.acts == [(act.recorded.format(**names), ACTOR, WHY, *orders)]


class KeptTables(Tables):
    """Tables that the operator may not delete."""

    def delete_table(self, *, TableName: str) -> None:  # noqa: N803
        """Refuse it."""
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": TableName}}, "DeleteTable")


def test_command_that_breaks_off_in_the_middle_is_recorded_as_such() -> None:
    stage = Stage(tables=KeptTables)
    with pytest.raises(ClientError):
        run_on(stage, f"tables drop {MOMENT} --yes --reason '{WHY}'")
    assert stage.trail.acts == [(f"tables drop {MOMENT} broke off", ACTOR, WHY)]
