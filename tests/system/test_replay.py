"""A replay changes nothing that already happened, and supplies what a consumer missed."""

import json
import random
from contextlib import suppress
from typing import Any

import pytest

from laptop.emulator import mailbox
from operations.aws import stage_state
from operations.repository import REPOSITORY
from tests.support.orderctl_run import orderctl
from tests.support.polling import eventually
from tests.system.conftest import Laptop

REPLAY = ("replay", "start", "--last", "1h", "--wait")
SAMPLE = REPOSITORY / "data" / "cdnow" / "CDNOW_sample.txt"
ROWS = 8
Tables = dict[str, list[dict[str, Any]]]
BOB = "bob"
CONTACT = {
    "name": "Bob",
    "email": "bob@example.com",
    "address": {"line1": "2 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"},
}
MADE_ANEW = frozenset({"created_at", "updated_at", "said"})
"""Attributes of a recreated row that have the new moment; `said` is its last event, which contains the moment."""
OF_AN_ATTEMPT = MADE_ANEW | {"claim", "claimed_at", "message_id", "version"}
"""The same, and what it has of the attempt."""


def some_history(laptop: Laptop) -> str:
    """Create a delivered order with its mails and a declined one, and wait until all is at rest. Return the first id."""
    assert laptop.request("PUT", f"/customers/{BOB}/contact", CONTACT).status == 204
    order_id = str(laptop.place(customer=BOB).json()["order_id"])
    assert laptop.place(customer=BOB, token="pm_card_declined").status == 402
    eventually(lambda: laptop.row("shipping", f"SHIP#{order_id}"), 240, "the shipment is created")
    laptop.quiet()
    deliver_everything(laptop)
    laptop.quiet()
    return order_id


def deliver_everything(laptop: Laptop) -> None:
    """Have every shipment at its end: parcels in transit arrive at once, and no sweep has anything left to change."""
    client, table = laptop.target.client("dynamodb"), laptop.target.parameter("shipping/table-name")

    def under_way() -> list[dict[str, Any]]:
        return [row for row in laptop.rows("shipping/table-name") if "next_due" in row]

    def arrived() -> bool:
        for row in under_way():
            # The scheduled sweep may be faster.
            with suppress(client.exceptions.ConditionalCheckFailedException):
                client.update_item(
                    TableName=table,
                    Key={"pk": {"S": row["pk"]}},
                    UpdateExpression="SET next_due = :past",
                    ConditionExpression="next_due = :seen",
                    ExpressionAttributeValues={":past": {"S": row["created_at"]}, ":seen": {"S": row["next_due"]}},
                )
        laptop.invoke("shipping/sweeper-arn")
        return not under_way()

    eventually(arrived, 240, "every shipment is delivered or has failed", every_seconds=0.5)


def mails_to_bob(laptop: Laptop) -> int:
    return sum(CONTACT["email"] in str(mail) for mail in mailbox.sent_mails(laptop.target.reachable()))


def test_a_replay_changes_nothing_that_already_happened(laptop: Laptop) -> None:
    some_history(laptop)
    before, mails, to_bob = laptop.fingerprint(), len(mailbox.sent_mails(laptop.target.reachable())), mails_to_bob(laptop)
    assert to_bob >= 3, "confirmed, dispatched, and cancelled: there is something to mail twice"
    for catch_up in ((), ("--catch-up",), ("--catch-up",)):
        orderctl(laptop.target, *REPLAY, "--to", "shipping", "--to", "notification", *catch_up)
        laptop.quiet()
    assert laptop.fingerprint() == before
    assert len(mailbox.sent_mails(laptop.target.reachable())) == mails


def test_replay_supplies_missed_events_to_the_chosen_consumer_only(laptop: Laptop) -> None:
    order_id = some_history(laptop)
    shipment = laptop.row("shipping", f"SHIP#{order_id}")
    note = laptop.row("notification", f"NOTE#{order_id}#confirmed")
    assert shipment is not None
    assert note is not None
    before, mails = stage_state.all_rows(laptop.target), mails_to_bob(laptop)
    dynamodb = laptop.target.client("dynamodb")
    for service, row in (("shipping", shipment), ("notification", note)):
        dynamodb.delete_item(TableName=laptop.target.parameter(f"{service}/table-name"), Key={"pk": {"S": row["pk"]}})
    missed = stage_state.all_rows(laptop.target)
    orderctl(laptop.target, *REPLAY, "--to", "shipping", "--to", "notification")
    laptop.quiet()
    assert stage_state.all_rows(laptop.target) == missed, "nobody has asked for parcels and mails"
    orderctl(laptop.target, *REPLAY, "--to", "shipping", "--catch-up")
    eventually(lambda: laptop.row("shipping", shipment["pk"]), 240, "the shipment is back")
    laptop.quiet()
    deliver_everything(laptop)
    laptop.quiet()
    after = stage_state.all_rows(laptop.target)
    again = take(after["shipping/table-name"], shipment["pk"])
    assert lasting(again) == lasting(take(before["shipping/table-name"], shipment["pk"]))
    take(before["notification/table-name"], note["pk"])
    assert after == before, "nothing else has changed, and the notice is not back: the replay was to reach shipping only"
    assert mails_to_bob(laptop) == mails


def test_paced_replay_supplies_missed_events_and_leaves_nothing_staged(laptop: Laptop) -> None:
    order_id = some_history(laptop)
    before = stage_state.all_rows(laptop.target)
    table, pk = laptop.target.parameter("shipping/table-name"), f"SHIP#{order_id}"
    laptop.target.client("dynamodb").delete_item(TableName=table, Key={"pk": {"S": pk}})
    orderctl(laptop.target, *REPLAY, "--to", "shipping", "--to", "order", "--catch-up", "--rate", "100/s")
    eventually(lambda: laptop.row("shipping", pk), 240, "the shipment is back")
    laptop.quiet()
    deliver_everything(laptop)
    laptop.quiet()
    after = stage_state.all_rows(laptop.target)
    assert lasting(take(after["shipping/table-name"], pk)) == lasting(take(before["shipping/table-name"], pk))
    assert after == before
    assert stage_state.depth(laptop.target, laptop.target.parameter("platform/staging-queue-url")) == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_replay_recreates_only_the_lost_rows_of_cdnow_orders(laptop: Laptop, seed: int) -> None:
    """A random part of what two consumers did is lost, deliveries come spoiled; two replays at once mend it, one more is idle.

    `make simulate-replays` does this for a thousand seeds.
    """
    chance = random.Random(seed)
    orderctl(laptop.target, "orders", "import", str(SAMPLE), "--limit", str(ROWS), "--channel", f"lossy-{seed}")
    catch_up = ("replay", "start", "--last", "3h", "--to", "shipping", "--to", "notification", "--catch-up")
    orderctl(laptop.target, *catch_up, "--wait")  # rows that other tests have removed are not this one's
    laptop.quiet()
    deliver_everything(laptop)
    laptop.quiet()
    before, poisoned = stage_state.all_rows(laptop.target), laptop.dead_letters()
    lose(laptop, before, f"lossy-{seed}", chance)
    for queue in ("shipping/orders-queue-url", "notification/notices-queue-url"):
        body = json.dumps({"source": "orderflow.order", "detail-type": "OrderConfirmed", "detail": {"data": chance.random()}})
        laptop.target.client("sqs").send_message(QueueUrl=laptop.target.parameter(queue), MessageBody=body)
    laptop.quiet()
    assert stage_state.all_rows(laptop.target) != before
    orderctl(laptop.target, *catch_up)
    orderctl(laptop.target, *catch_up, "--wait")
    laptop.quiet()
    deliver_everything(laptop)
    laptop.quiet()
    after = stage_state.all_rows(laptop.target)
    assert different(business(before), business(after)) == []
    spoiled = {name: depth - poisoned.get(name, 0) for name, depth in laptop.dead_letters().items()}
    assert {name for name, more in spoiled.items() if more} == {"shipping/orders-dlq-url", "notification/notices-dlq-url"}
    mails = len(mailbox.sent_mails(laptop.target.reachable()))
    orderctl(laptop.target, *catch_up, "--wait")
    laptop.quiet()
    assert stage_state.all_rows(laptop.target) == after
    assert len(mailbox.sent_mails(laptop.target.reachable())) == mails


def lose(laptop: Laptop, rows: Tables, channel: str, chance: random.Random) -> None:
    """Take away a random half of the parcels and mails of a channel's orders, as if their events had never arrived."""
    orders = {row["order_id"] for row in rows["order/table-name"] if row.get("channel") == channel}
    for name in ("shipping/table-name", "notification/table-name"):
        of_them = [row for row in rows[name] if row["order_id"] in orders]
        assert len(of_them) >= ROWS
        for row in chance.sample(of_them, len(of_them) // 2):
            key = {"pk": {"S": row["pk"]}}
            laptop.target.client("dynamodb").delete_item(TableName=laptop.target.parameter(name), Key=key)


def different(before: Tables, after: Tables) -> list[Any]:
    """Return the rows that are not in both."""
    return [
        row
        for name in before
        for one, other in ((before, after), (after, before))
        for row in one[name]
        if row not in other[name]
    ]


def business(rows: Tables) -> Tables:
    """Return the facts in rows that do not depend on when, and by which attempt, they were written."""
    return {name: [{key: row[key] for key in row if key not in OF_AN_ATTEMPT} for row in found] for name, found in rows.items()}


def take(rows: list[dict[str, Any]], pk: str) -> dict[str, Any]:
    """Take the row of that key out of `rows`."""
    (found,) = [row for row in rows if row["pk"] == pk]
    rows.remove(found)
    return found


def lasting(row: dict[str, Any]) -> dict[str, Any]:
    """Return the facts in a row that do not depend on when it was written."""
    return {name: value for name, value in row.items() if name not in MADE_ANEW}


def test_the_saga_is_never_started_by_a_replay(laptop: Laptop) -> None:
    rules = laptop.target.client("events").list_rules(EventBusName=laptop.target.parameter("platform/bus-name"))["Rules"]
    (rule,) = [rule for rule in rules if rule["Arn"] == laptop.target.parameter("order/start-rule-arn")]
    assert '"replay-name":[{"exists":false}]' in rule["EventPattern"].replace(" ", "")
