"""A replay changes nothing that already happened, and supplies what a consumer missed."""

from contextlib import suppress
from typing import Any

from orderctl import observing
from orderctl.embedded import mailbox
from tests.polling import eventually
from tests.system.conftest import Laptop
from tests.system.orderctl_run import orderctl

REPLAY = ("replay", "start", "--last", "1h", "--wait")
BOB = "bob"
CONTACT = {
    "name": "Bob",
    "email": "bob@example.com",
    "address": {"line1": "2 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"},
}
MADE_ANEW = frozenset({"created_at", "updated_at"})
"""What a row that is made again has of the new moment."""


def some_history(laptop: Laptop) -> str:
    """A confirmed order that was delivered and mailed about, a declined one, and everything at rest; the first one's id."""
    assert laptop.request("PUT", f"/customers/{BOB}/contact", CONTACT).status == 204
    order_id = str(laptop.place(customer=BOB).json()["order_id"])
    assert laptop.place(customer=BOB, token="pm_card_declined").status == 402
    eventually(lambda: laptop.row("shipping", f"SHIP#{order_id}"), 60, "the shipment is created")
    laptop.quiet()
    deliver_everything(laptop)
    laptop.quiet()
    return order_id


def deliver_everything(laptop: Laptop) -> None:
    """Have every shipment at its end: what is in transit arrives at once, and no sweep has anything left to change."""
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

    eventually(arrived, 60, "every shipment is delivered or has failed", every_seconds=0.5)


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


def test_a_replay_supplies_what_a_consumer_missed_and_goes_nowhere_else(laptop: Laptop) -> None:
    order_id = some_history(laptop)
    shipment = laptop.row("shipping", f"SHIP#{order_id}")
    note = laptop.row("notification", f"NOTE#{order_id}#confirmed")
    assert shipment is not None
    assert note is not None
    before, mails = observing.all_rows(laptop.target), mails_to_bob(laptop)
    dynamodb = laptop.target.client("dynamodb")
    for service, row in (("shipping", shipment), ("notification", note)):
        dynamodb.delete_item(TableName=laptop.target.parameter(f"{service}/table-name"), Key={"pk": {"S": row["pk"]}})
    missed = observing.all_rows(laptop.target)
    orderctl(laptop.target, *REPLAY, "--to", "shipping", "--to", "notification")
    laptop.quiet()
    assert observing.all_rows(laptop.target) == missed, "nobody has asked for parcels and mails"
    orderctl(laptop.target, *REPLAY, "--to", "shipping", "--catch-up")
    eventually(lambda: laptop.row("shipping", shipment["pk"]), 60, "the shipment is back")
    laptop.quiet()
    deliver_everything(laptop)
    laptop.quiet()
    after = observing.all_rows(laptop.target)
    again = take(after["shipping/table-name"], shipment["pk"])
    assert lasting(again) == lasting(take(before["shipping/table-name"], shipment["pk"]))
    take(before["notification/table-name"], note["pk"])
    assert after == before, "nothing else has changed, and the notice is not back: the replay was to reach shipping only"
    assert mails_to_bob(laptop) == mails


def test_a_paced_replay_supplies_it_too_and_leaves_nothing_staged(laptop: Laptop) -> None:
    order_id = some_history(laptop)
    before = observing.all_rows(laptop.target)
    table, pk = laptop.target.parameter("shipping/table-name"), f"SHIP#{order_id}"
    laptop.target.client("dynamodb").delete_item(TableName=table, Key={"pk": {"S": pk}})
    orderctl(laptop.target, *REPLAY, "--to", "shipping", "--to", "order", "--catch-up", "--rate", "100/s")
    eventually(lambda: laptop.row("shipping", pk), 60, "the shipment is back")
    laptop.quiet()
    deliver_everything(laptop)
    laptop.quiet()
    after = observing.all_rows(laptop.target)
    assert lasting(take(after["shipping/table-name"], pk)) == lasting(take(before["shipping/table-name"], pk))
    assert after == before
    assert observing.depth(laptop.target, laptop.target.parameter("platform/staging-queue-url")) == 0


def take(rows: list[dict[str, Any]], pk: str) -> dict[str, Any]:
    """Take the row of that key out of `rows`."""
    (found,) = [row for row in rows if row["pk"] == pk]
    rows.remove(found)
    return found


def lasting(row: dict[str, Any]) -> dict[str, Any]:
    """What a row says whenever it was made."""
    return {name: value for name, value in row.items() if name not in MADE_ANEW}


def test_the_saga_is_never_started_by_a_replay(laptop: Laptop) -> None:
    rules = laptop.target.client("events").list_rules(EventBusName=laptop.target.parameter("platform/bus-name"))["Rules"]
    (rule,) = [rule for rule in rules if rule["Arn"] == laptop.target.parameter("order/start-rule-arn")]
    assert '"replay-name":[{"exists":false}]' in rule["EventPattern"].replace(" ", "")
