"""A replay changes nothing that already happened, and supplies what a consumer missed."""

from orderctl.embedded import mailbox
from tests.polling import eventually
from tests.system.conftest import Laptop
from tests.system.orderctl_run import orderctl

SHIPPING_AND_NOTIFICATION = ("replay", "start", "--last", "1h", "--to", "shipping", "--to", "notification", "--wait")


def some_history(laptop: Laptop) -> str:
    """A confirmed, shipped order, a declined one, and everything at rest; the confirmed one's id."""
    order_id = str(laptop.place().json()["order_id"])
    assert laptop.place(token="pm_card_declined").status == 402
    eventually(lambda: laptop.row("shipping", f"SHIP#{order_id}"), 60, "the shipment is created")
    laptop.invoke("shipping/sweeper-arn")
    laptop.quiet()
    return order_id


def test_a_replay_changes_nothing_that_already_happened(laptop: Laptop) -> None:
    some_history(laptop)
    before, mails = laptop.fingerprint(), len(mailbox.sent_mails(laptop.target.reachable()))
    for _ in range(2):
        orderctl(laptop.target, *SHIPPING_AND_NOTIFICATION)
        laptop.quiet()
    assert laptop.fingerprint() == before
    assert len(mailbox.sent_mails(laptop.target.reachable())) == mails


def test_a_replay_supplies_what_a_consumer_missed_and_goes_nowhere_else(laptop: Laptop) -> None:
    order_id = some_history(laptop)
    shipment = laptop.row("shipping", f"SHIP#{order_id}")
    note = laptop.row("notification", f"NOTE#{order_id}#confirmed")
    assert shipment is not None
    assert note is not None
    dynamodb = laptop.target.client("dynamodb")
    for service, row in (("shipping", shipment), ("notification", note)):
        dynamodb.delete_item(TableName=laptop.target.parameter(f"{service}/table-name"), Key={"pk": {"S": row["pk"]}})
    orderctl(laptop.target, "replay", "start", "--last", "1h", "--to", "shipping", "--wait")
    again = eventually(lambda: laptop.row("shipping", f"SHIP#{order_id}"), 60, "the shipment is back")
    laptop.quiet()
    assert again["lines"] == shipment["lines"]
    assert laptop.row("notification", note["pk"]) is None, "the replay was to reach shipping only"


def test_the_saga_is_never_started_by_a_replay(laptop: Laptop) -> None:
    rules = laptop.target.client("events").list_rules(EventBusName=laptop.target.parameter("platform/bus-name"))["Rules"]
    (rule,) = [rule for rule in rules if rule["Arn"] == laptop.target.parameter("order/start-rule-arn")]
    assert '"replay-name":[{"exists":false}]' in rule["EventPattern"].replace(" ", "")
