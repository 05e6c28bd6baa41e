"""The bus as the templates declare it, on moto's server: rules, archive, replay to chosen rules, dead letters.

The scenarios are those of tests/system/test_rules.py, test_replay.py and test_dead_letters.py. A test named
`test_difference_...` states a difference between moto and AWS; README.md has the reasons.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import stages
from kernel import schemas
from kernel.inbox import ATTEMPTS
from kernel.naming import PACED_REPLAY_PREFIX, catches_up
from operations.dead_letters import redrives
from operations.events import bus_rules
from operations.replay import archive_replay
from operations.window import Window
from tests.infrastructure.conftest import synthesize
from tests.judges.moto_stage import MotoStage, serving

pytest.importorskip("flask", reason="moto's server is not installed: make setup")

NEVER_REPLAYED = {name.removesuffix("-rule-arn") for name in archive_replay.NEVER_REPLAYED}
WINDOW = timedelta(hours=1)
Events = list[dict[str, Any]]
Deliveries = dict[str, Events]


@dataclass(frozen=True)
class History:
    """Every event that was put, as its rules get it, and where each was delivered at once, by the rule's name."""

    put: Events
    live: Deliveries


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoStage]:
    """Stage dev on moto's server, from its templates."""
    assembly = synthesize(tmp_path_factory.mktemp("synth") / "cdk.out", stages.load("dev"))
    with serving("dev") as target:
        deployed = MotoStage(target, assembly)
        deployed.deploy()
        yield deployed


@pytest.fixture(scope="module")
def history(stage: MotoStage) -> History:
    """One event of every kind, and an order that waits for no answer, which alone starts the saga."""
    put = []
    for (source, detail_type, version), schema in schemas.read_schemas().items():
        details = copy.deepcopy(schema["examples"])
        if (source, detail_type, version) == ("orderflow.order", "OrderPlaced", 3):
            details.append({**details[0], "data": {**details[0]["data"], "respond": "async"}})
        for detail in details:
            name = source.replace("*", "shop")
            event = {"id": stage.put(name, detail_type, detail), "source": name, "detail-type": detail_type, "detail": detail}
            put.append(bus_rules.as_delivered(stage.target, event))
    return History(put, stage.delivered())


def verdicts(stage: MotoStage, events: Events) -> dict[str, list[str]]:
    """Return the ids of the events that each rule takes, as `orderctl` says."""
    rules = [rule for rule in bus_rules.rules(stage.target) if rule.name in stage.queues]
    return {rule.name: [event["id"] for event in events if bus_rules.verdict(rule, event)["matches"]] for rule in rules}


def replay(stage: MotoStage, *services: str, ago: timedelta = timedelta(), **how: bool) -> tuple[str, Deliveries]:
    """Replay the last hour, or one that ended `ago`, as `orderctl` does; return the replay's name and its result."""
    now = datetime.now(UTC)
    if how.get("paced"):
        rules = [stage.published("-rule-arn")["platform/staging-rule-arn"]]
    else:
        rules = archive_replay.chosen_rules(archive_replay.rules(stage.target), services)
    window = Window(now - ago - WINDOW, now - ago)
    name = archive_replay.start(stage.target, window, rules, now, **how)
    assert archive_replay.show(stage.target, name)["state"] == "COMPLETED"
    return name, stage.delivered()


def business(event: Mapping[str, Any]) -> str:
    """Return what an event says. A replayed one has another id on moto."""
    return json.dumps([event["source"], event["detail-type"], event["detail"]], sort_keys=True)


def said(events: Events) -> list[str]:
    return sorted(map(business, events))


def journals(delivered: Deliveries) -> list[str]:
    """Return the names of the journal's rules, which no stack publishes."""
    found = [name for name in delivered if name.startswith("journal-")]
    assert len(found) == stages.load("dev").journal_streams
    return found


def fields(delivered: Deliveries) -> set[frozenset[str]]:
    return {frozenset(event) for events in delivered.values() for event in events}


def archived(stage: MotoStage) -> int:
    name = stage.target.parameter("platform/archive-arn").rpartition("/")[2]
    return int(stage.target.client("events").describe_archive(ArchiveName=name)["EventCount"])


def test_every_event_reaches_the_rules_that_orderctl_names(
    stage: MotoStage, history: History, record_property: Callable[[str, object], None]
) -> None:
    expected = verdicts(stage, history.put)
    record_property("events", len(history.put))
    record_property("rules", len(expected))
    record_property("verdicts", len(history.put) * len(expected))
    assert {name: sorted(event["id"] for event in events) for name, events in history.live.items()} == {
        name: sorted(ids) for name, ids in expected.items()
    }
    assert all(expected[name] for name in expected.keys() - {"platform/staging"}), "each rule takes some event"


def test_the_archive_keeps_every_event_once_and_no_replayed_one(stage: MotoStage, history: History) -> None:
    assert archived(stage) == len(history.put)
    replay(stage, "shipping")
    assert archived(stage) == len(history.put)


@pytest.mark.parametrize("catch_up", [False, True])
def test_a_replay_supplies_the_chosen_rules_under_its_name(stage: MotoStage, history: History, catch_up: bool) -> None:
    name, replayed = replay(stage, "shipping", "notification", catch_up=catch_up)
    for rule in ("shipping/orders", "shipping/cancellations", "notification/notices"):
        assert said(replayed[rule]) == said(history.live[rule])
        assert {event["replay-name"] for event in replayed[rule]} == {name}
    assert catches_up(name) is catch_up


def test_no_replay_starts_the_saga_or_reaches_the_journal(stage: MotoStage, history: History) -> None:
    """moto sends a replay to every rule of the bus, so their patterns alone keep it out."""
    _, replayed = replay(stage, "order", catch_up=True)
    assert {name for name in (*NEVER_REPLAYED, *journals(replayed)) if replayed[name]} == set()


def test_a_paced_replay_waits_in_the_staging_queue(stage: MotoStage, history: History) -> None:
    name, replayed = replay(stage, paced=True)
    assert name.startswith(PACED_REPLAY_PREFIX)
    assert said(replayed["platform/staging"]) == said(history.put)
    assert not replayed["order/start"]
    assert not any(replayed[name] for name in journals(replayed))


@pytest.mark.parametrize("rule", ["inventory/cancellations", "notification/notices", "order/intake", "shipping/orders"])
def test_a_message_that_fails_becomes_a_dead_letter_and_is_redriven_to_its_own_queue(
    stage: MotoStage, history: History, rule: str
) -> None:
    client, url = stage.target.client("sqs"), stage.queues[rule]
    body = json.dumps(history.live[rule][0])
    client.send_message(QueueUrl=url, MessageBody=body)
    policy = client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    for _ in range(int(json.loads(policy)["maxReceiveCount"])):
        (failed,) = client.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
        assert failed["Body"] == body
    assert "Messages" not in client.receive_message(QueueUrl=url)

    which = redrives.chosen(None, everything=True)
    (result,) = redrives.redrive(stage.target, rule, which, redrives.MAX_ATTEMPTS, lambda told: None)
    assert result["outcome"] == redrives.REDRIVEN
    (again,) = client.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert (again["Body"], again["MessageAttributes"][ATTEMPTS]["StringValue"]) == (body, "1")
    client.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert not any(stage.delivered().values())


def test_difference_a_replay_also_reaches_rules_that_were_not_chosen(stage: MotoStage, history: History) -> None:
    _, replayed = replay(stage, "shipping")
    others = replayed.keys() - NEVER_REPLAYED - set(journals(replayed)) - {"shipping/orders", "shipping/cancellations"}
    assert {name: said(replayed[name]) for name in others} == {name: said(history.live[name]) for name in others}


def test_difference_a_replay_ignores_its_window(stage: MotoStage, history: History) -> None:
    _, replayed = replay(stage, "shipping", ago=timedelta(hours=2))
    assert said(replayed["shipping/orders"]) == said(history.live["shipping/orders"])


def test_difference_a_live_event_lacks_the_account_and_a_replayed_one_has_its_ingestion(
    stage: MotoStage, history: History
) -> None:
    _, replayed = replay(stage, "shipping")
    aws = {"version", "id", "source", "detail-type", "account", "time", "region", "resources", "detail"}
    assert fields(history.live) == {frozenset(aws - {"account"})}
    assert fields(replayed) == {frozenset(aws | {"replay-name", "ingestion-time"})}


def test_difference_a_policy_of_the_bus_refuses_no_event(stage: MotoStage, history: History) -> None:
    client, bus = stage.target.client("events"), stage.target.parameter("platform/bus-name")
    resource = stage.target.parameter("platform/bus-arn")
    deny = {"Sid": "All", "Effect": "Deny", "Principal": "*", "Action": "events:PutEvents", "Resource": resource}
    client.put_permission(EventBusName=bus, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    (event,) = history.live["shipping/orders"]
    assert stage.put(event["source"], event["detail-type"], event["detail"])
    assert said(stage.delivered()["shipping/orders"]) == said([event])


def test_difference_a_target_with_an_input_template_fails_the_put(stage: MotoStage, history: History) -> None:
    """The saga's input, `{"order_id": <order_id>}`: AWS quotes a string that stands for a value, moto does not."""
    client, bus = stage.target.client("events"), stage.target.parameter("platform/bus-name")
    (rule,) = (rule for rule in stage.assembly.resources("Events::Rule", service="order") if rule.id.startswith("StartRule"))
    (target,) = rule.properties["Targets"]
    (probe,) = client.list_targets_by_rule(Rule=f"order-{rule.id}", EventBusName=bus)["Targets"]
    started = {"Id": target["Id"], "Arn": probe["Arn"], "InputTransformer": target["InputTransformer"]}
    client.put_targets(Rule=f"order-{rule.id}", EventBusName=bus, Targets=[started])
    try:
        (event,) = history.live["order/start"]
        with pytest.raises(client.exceptions.ClientError):
            stage.put(event["source"], event["detail-type"], event["detail"])
    finally:
        client.remove_targets(Rule=f"order-{rule.id}", EventBusName=bus, Ids=[target["Id"]])


def test_difference_what_cannot_be_delivered_fails_the_put_and_is_no_dead_letter(stage: MotoStage, history: History) -> None:
    """Must be the last test here: it deletes a queue."""
    client = stage.target.client("sqs")
    client.delete_queue(QueueUrl=stage.queues.pop("shipping/orders"))
    (event,) = history.live["shipping/orders"]
    with pytest.raises(client.exceptions.ClientError):
        stage.put(event["source"], event["detail-type"], event["detail"])
    assert list(stage.taken(stage.target.parameter("shipping/orders-dlq-url"))) == []
