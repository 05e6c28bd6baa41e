"""The journal and the archive have the same events; the plan and the trace are read from it."""

import json
from datetime import timedelta
from typing import Any

from kernel import clock
from operations.events import journal
from operations.window import Window
from tests.support.orderctl_run import orderctl
from tests.support.polling import eventually
from tests.system.conftest import Laptop
from tests.system.test_replay import some_history


def journaled(laptop: Laptop) -> int:
    """How many puts the journal knows of."""
    now = clock.now()
    return sum(1 for _ in journal.in_window(laptop.target, Window(now - timedelta(hours=6), now)))


def archived(laptop: Laptop) -> int:
    """Return the number of events in the archive, the only figure that it shows."""
    name = laptop.target.parameter("platform/archive-arn").rsplit("/", 1)[1]
    return int(laptop.target.client("events").describe_archive(ArchiveName=name)["EventCount"])


def test_the_journal_has_as_many_events_as_the_archive(laptop: Laptop) -> None:
    some_history(laptop)
    orderctl(laptop.target, "replay", "start", "--last", "1h", "--to", "order", "--wait")
    laptop.quiet()
    eventually(
        lambda: journaled(laptop) == archived(laptop), 240, "journal and archive agree, and neither has what was replayed"
    )
    assert archived(laptop) > 0


def test_trace_of_an_order_is_complete(laptop: Laptop) -> None:
    order_id = some_history(laptop)

    def events(node: dict[str, Any]) -> list[str]:
        return [node["event"], *(event for each in node["caused"] for event in events(each))]

    def traced() -> set[str]:
        (root,) = json.loads(orderctl(laptop.target, "trace", order_id, "-o", "json"))
        return set(events(root))

    whole = {
        *("OrderPlaced", "PaymentAuthorized", "StockReserved", "PaymentCaptured", "StockCommitted", "OrderConfirmed"),
        *("ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered", "OrderFulfilled", "NotificationSent"),
    }
    eventually(lambda: whole <= traced(), 60, "the last events are in the journal")


def test_plan_counts_the_mails_of_a_replay(laptop: Laptop) -> None:
    order_id = some_history(laptop)
    options = ("--last", "1h", "--to", "notification", "--order", order_id, "-o", "json")

    def planned() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(orderctl(laptop.target, "replay", "plan", *options))["consumers"]
        return found if sum(row["wanted"] for row in found) > 1 else []

    consumers = eventually(planned, 60, "both events are in the journal")
    wanted = {row["event"]: row["wanted"] for row in consumers}
    assert wanted == {"OrderBackordered": 0, "OrderConfirmed": 1, "OrderCancelled": 0, "ShipmentDispatched": 1}
    assert {row["does"] for row in consumers} == {"nothing"}
