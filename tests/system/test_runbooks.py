"""The runbooks run: each from its very text, in the trouble that it is for."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from kernel import clock
from laptop.emulator import mailbox
from operations.aws import stage_state
from operations.contracts import event_catalogue
from operations.deploy.cdk_cli import Cdk
from operations.orders import cdnow, order_import
from operations.replay import archive_replay
from operations.repository import REPOSITORY
from operations.scaffold import service as scaffold
from tests.support.orderctl_run import orderctl
from tests.support.polling import eventually
from tests.support.repository_copy import copy
from tests.support.runbook import RUNBOOKS, commands, follow
from tests.support.shell import shell
from tests.system import test_forged_events as forged_events
from tests.system.conftest import Laptop
from tests.system.test_if_short import place, sku  # noqa: F401 - a fixture
from tests.system.test_replay import some_history

ORDERS = int(os.environ.get("ORDERFLOW_RUNBOOK_ORDERS", "12"))
"""`ORDERFLOW_RUNBOOK_ORDERS=300` is the whole of it."""
SAMPLE = REPOSITORY / "data" / "cdnow" / "CDNOW_sample.txt"
CHANNEL = "bad-day"


READ_ONLY_OR_REPEATABLE = (
    "api-fails",
    "audit-finding",
    "gateway-misconfigured",
    "mail-not-sent",
    "parcel-needs-review",
    "replay-stands-still",
    "saga-runs-fail",
    "stock-runs-low",
    "stripe-event-needs-review",
)
"""The runbooks whose commands run where nothing is wrong too. Their decisions are a person's."""
DEPLOYS = "it deploys again, as the test of a broken consumer does"
NOT_FOLLOWED = {
    "alarms-not-received": f"{DEPLOYS}; test_alarms.py sends an alarm through",
    "compensation-failed": "no order's compensation fails on the laptop for as long as the runbook takes",
    "error-budget-burns": f"{DEPLOYS}; test_alarms.py lists the alarms",
    "event-not-delivered": f"{DEPLOYS}; it redrives as that test does too",
    "event-not-published": DEPLOYS,
    "function-fails": DEPLOYS,
    "journal-incomplete": "the laptop has no delivery stream that fails to read events",
    "receipt-refused": "it rotates the key of the receipts twice, and the other tests' orders have receipts of the first",
    "rows-not-moved": f"{DEPLOYS}; test_alarms.py follows its first two commands",
    "schedule-stands-still": DEPLOYS,
    "throttled-or-slow": "it is about a stage on AWS",
}
"""The runbooks that no test follows to the end, each with its reason."""
FOLLOWED = re.compile(r'\b(?:follow|commands)\(\s*"([a-z-]+)"')


def test_each_runbook_is_followed_or_says_why_not() -> None:
    in_trouble = {name for file in Path(__file__).parent.glob("test_*.py") for name in FOLLOWED.findall(file.read_text())}
    every = [*in_trouble, *READ_ONLY_OR_REPEATABLE, *NOT_FOLLOWED]
    assert sorted(every) == sorted(file.stem for file in RUNBOOKS.glob("*.md"))


@pytest.fixture(scope="module")
def confirmed(laptop: Laptop) -> str:
    """Return an order that is confirmed, on a stage at rest."""
    forget_dead_letters(laptop)
    order_id = str(laptop.place().json()["order_id"])
    laptop.settled(order_id)
    laptop.quiet()
    return order_id


@pytest.mark.parametrize("name", READ_ONLY_OR_REPEATABLE)
def test_commands_of_a_runbook_run_where_nothing_is_wrong(laptop: Laptop, confirmed: str, name: str) -> None:
    for line in commands(name):
        shell(laptop.target, line.replace("ord-...", confirmed))
        laptop.quiet()


@pytest.mark.parametrize("name", sorted(file.stem for file in RUNBOOKS.glob("*.md")))
def test_runbook_ends_with_an_audit(name: str) -> None:
    assert commands(name)[-1].startswith("orderctl audit"), "a runbook ends by verifying the books"


@pytest.mark.timeout(1200)
def test_runbook_for_a_broken_consumer_restores_its_rows(laptop: Laptop, tmp_path: Path) -> None:
    forget_dead_letters(laptop)
    deploy_broken_notification(laptop, tmp_path)
    with two_hours_in_seconds(laptop, "notification/notices"):
        orderctl(laptop.target, "orders", "import", str(SAMPLE), "--limit", str(ORDERS), "--channel", CHANNEL)
        eventually(lambda: laptop.dead_letters().get("notification/notices-dlq-url", 0) >= ORDERS, 240, "the notices are dead")
    told = len(mailbox.sent_mails(laptop.target.reachable()))
    with parcels_on_their_way(laptop):
        follow("consumer-was-broken", laptop.target)
    laptop.quiet()
    assert len(mailbox.sent_mails(laptop.target.reachable())) >= told + ORDERS
    before = laptop.fingerprint()
    orderctl(laptop.target, "replay", "start", "--last", "3h", "--to", "notification", "--catch-up", "--wait")
    laptop.quiet()
    assert laptop.fingerprint() == before


def deploy_broken_notification(laptop: Laptop, folder: Path) -> None:
    """Deploy a broken notification service: its subscriber fails on every event."""
    subscriber = copy(folder) / "services" / "notification" / "functions" / "subscriber.py"
    healthy = "        event = delivery.event\n"
    assert healthy in subscriber.read_text()
    subscriber.write_text(subscriber.read_text().replace(healthy, healthy + '        raise RuntimeError("a bad day")\n', 1))
    cdk = Cdk(laptop.target, folder / "deploy.log", app=f"cd {folder} && {sys.executable} -m app")
    cdk.finish(cdk.synthesizing(folder / "cdk.out"), "synth")
    cdk.deploy(folder / "cdk.out", ["OrderflowDev-Notification"])


@contextmanager
def parcels_on_their_way(laptop: Laptop) -> Iterator[None]:
    """Shipping looks at its parcels every second, and not every minute: the audit waits until none is on its way."""
    over = Event()

    def sweep() -> None:
        while not over.wait(1.0):
            laptop.invoke("shipping/sweeper-arn")

    sweeping = Thread(target=sweep, daemon=True)
    sweeping.start()
    try:
        yield
    finally:
        over.set()
        sweeping.join()


@contextmanager
def two_hours_in_seconds(laptop: Laptop, name: str) -> Iterator[None]:
    """Shorten the retries of a queue, so that a failed message is dead at its next receive."""
    client, url = laptop.target.client("sqs"), laptop.target.parameter(f"{name}-queue-url")
    policy = client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    client.set_queue_attributes(
        QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(json.loads(policy) | {"maxReceiveCount": 1})}
    )
    try:
        yield
    finally:
        client.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})


def test_runbook_for_a_new_service_supplies_its_history(laptop: Laptop, tmp_path: Path) -> None:
    """It knows the newest version of OrderPlaced only; the archive has one that was published before there was any."""
    order_id, old = some_history(laptop), newest_and_oldest()[1]
    laptop.publish({"Source": old.source, "DetailType": old.detail_type, "Detail": json.dumps(old.example)})
    laptop.quiet()
    forget_dead_letters(laptop)
    before = laptop.fingerprint()
    scaffold.create(copy(tmp_path, "docs"), "loyalty", "OrderPlaced")
    with removed_in_the_end(laptop, "OrderflowDev-Loyalty"):
        follow("a-new-service-needs-history", laptop.target, PYTHONPATH=str(tmp_path), ORDERFLOW_HOME=str(tmp_path / "home"))
        laptop.quiet()
        recorded = {row["order_id"] for row in laptop.rows("loyalty/table-name")}
        placed = {row["order_id"] for row in laptop.rows("order/table-name") if row["pk"].startswith("ORDER#")}
        assert order_id in recorded
        recorded.discard(forged_events.UNKNOWN)  # on AWS the bus refuses that event
        assert recorded == placed | {old.example["metadata"]["order_id"]}
        assert laptop.fingerprint() == before, "nobody else has heard of it"


@contextmanager
def removed_in_the_end(laptop: Laptop, stack: str) -> Iterator[None]:
    """Whatever comes of it, the tests to come find the five services alone."""
    try:
        yield
    finally:
        laptop.target.client("cloudformation").delete_stack(StackName=stack)


def newest_and_oldest() -> tuple[event_catalogue.Event, event_catalogue.Event]:
    """Return the newest version of OrderPlaced, and the oldest."""
    versions = [event for event in event_catalogue.events() if event.stem == "OrderPlaced"]
    return versions[0], versions[-1]


def forget_dead_letters(laptop: Laptop) -> None:
    """Those that earlier tests have left are not this trouble's."""
    for url in stage_state.parameters(laptop.target, "-dlq-url").values():
        laptop.target.client("sqs").purge_queue(QueueUrl=url)


def test_runbook_for_a_wrong_window_leaves_rows_and_mails_unchanged(laptop: Laptop) -> None:
    began = clock.rfc3339(clock.now())
    some_history(laptop)
    forget_dead_letters(laptop)
    before, mails = laptop.fingerprint(), len(mailbox.sent_mails(laptop.target.reachable()))
    everyone = [option for service in archive_replay.rules(laptop.target) for option in ("--to", service)]
    orderctl(laptop.target, "replay", "start", "--from", began, *everyone, "--catch-up", "--wait")
    orderctl(laptop.target, "replay", "start", "--from", began, *everyone)
    (latest, *_) = archive_replay.listed(laptop.target)
    follow("wrong-window-replayed", laptop.target, REPLAY=latest["name"])
    laptop.quiet()
    assert laptop.fingerprint() == before
    assert len(mailbox.sent_mails(laptop.target.reachable())) == mails
    assert laptop.dead_letters() == {}


def test_runbook_for_orphans_finds_money_and_goods(laptop: Laptop, sku: str) -> None:  # noqa: F811
    """The order's row is lost while it waits for stock: its money and goods are held for no order."""
    forget_dead_letters(laptop)
    order_id = place(laptop, sku, 3, "BACK_ORDER").json()["order_id"]
    held = {"payment": f"PAY#{order_id}", "inventory": f"RES#{order_id}"}
    assert [status_of(laptop, service, key) for service, key in held.items()] == ["AUTHORIZED", "WAITING"]
    mail = f"NOTE#{order_id}#backordered"
    eventually(lambda: status_of(laptop, "notification", mail) == "SENT", 240, "the customer knows that the order waits")
    delete(laptop, "order/table-name", pk=f"ORDER#{order_id}")
    for service, key in held.items():
        leave_open(laptop, service, key)
    for (service, key), end in zip(held.items(), ("VOIDED", "RELEASED"), strict=True):
        eventually(lambda: swept(laptop, service, key) == end, 60, f"{service} releases {key}")  # noqa: B023
    *_, audited = follow(
        "orphan-money-or-goods", laptop.target, fails=("orderctl orders show", "orderctl audit"), ORDER=order_id
    )
    assert "W2" in audited
    laptop.quiet()
    for service, key in {**held, "notification": mail}.items():
        delete(laptop, f"{service}/table-name", pk=key)
    for operation in laptop.ledger(order_id):
        delete(laptop, "payment/ledger-table-name", pk=order_id, sk=operation)


def test_runbook_for_an_old_secret_refuses_no_order(laptop: Laptop) -> None:
    """It gives the receipts another key. An order that was placed before, and not by the new key, still ends well."""
    order_id = str(laptop.place(prefer="respond-async").json()["order_id"])
    arn = laptop.target.parameter("platform/receipt-key-arn")
    about = {**laptop.target.environment(), "SECRET_ARN": arn, "NEXT_VALUE": f"next-{order_id}"}
    listed, value, *_ = follow("secret-is-old", laptop.target, **about)
    assert arn in listed
    assert value.strip().isalnum()
    assert laptop.settled(order_id)["status"] == "CONFIRMED"
    assert laptop.settled(str(laptop.place().json()["order_id"]))["status"] == "CONFIRMED"


def test_runbook_for_a_refused_refund_settles_it(laptop: Laptop) -> None:
    forget_dead_letters(laptop)
    order_id = laptop.place(token="pm_card_refund_refused").json()["order_id"]
    assert laptop.request("POST", f"/orders/{order_id}/cancel").status == 202
    payment = f"PAY#{order_id}"
    eventually(lambda: status_of(laptop, "payment", payment) == "REFUND_REFUSED", 240, "the gateway refuses the refund")
    printed = follow("refund-refused", laptop.target, fails=("orderctl orders settle-refund",), ORDER=order_id)
    assert order_id in printed[0]
    assert (status_of(laptop, "order", f"ORDER#{order_id}"), status_of(laptop, "payment", payment)) == ("CANCELLED", "REFUNDED")


def status_of(laptop: Laptop, service: str, key: str) -> str | None:
    row = laptop.row(service, key)
    return str(row["status"]) if row else None


def swept(laptop: Laptop, service: str, key: str) -> str | None:
    """Return the row's status after one more sweep: the first one finds the row, the next one looks at it."""
    laptop.invoke(f"{service}/sweeper-arn")
    return status_of(laptop, service, key)


def leave_open(laptop: Laptop, service: str, key: str) -> None:
    """Let the row be open for so long that a pass finds it, as it does a quarter of an hour after its latest step."""
    laptop.target.client("dynamodb").update_item(
        TableName=laptop.target.parameter(f"{service}/table-name"),
        Key={"pk": {"S": key}},
        UpdateExpression="SET created_at = :past, updated_at = :past",
        ExpressionAttributeValues={":past": {"S": "2026-01-01T00:00:00.000Z"}},
    )


def delete(laptop: Laptop, table: str, **key: str) -> None:
    names = {name: {"S": value} for name, value in key.items()}
    laptop.target.client("dynamodb").delete_item(TableName=laptop.target.parameter(table), Key=names)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_runbook_for_all_tables_takes_them_back_and_replays_the_rest(laptop: Laptop) -> None:
    """The emulator restores the present, so the damage follows the restore. Two orders are placed by an event after it."""
    forget_dead_letters(laptop)
    order_id = some_history(laptop)
    before, moment = laptop.fingerprint(), clock.rfc3339(clock.now())
    lines = commands("restore-all-tables")
    first = next(number for number, line in enumerate(lines) if line.startswith("orderctl tables put-back"))
    last = next(number for number, line in enumerate(lines) if line.startswith("orderctl replay plan"))
    about = {"MOMENT": moment, "ORDERFLOW_STAGE": laptop.target.stage}

    def run(*chosen: str) -> list[str]:
        return [shell(laptop.target, line, **about) for line in chosen]

    run(*(line for line in lines[:first] if line.startswith("orderctl")))
    orderctl(laptop.target, "orders", "import", str(SAMPLE), "--limit", "2", "--channel", "restored")
    laptop.quiet()
    delete(laptop, "payment/table-name", pk=f"PAY#{order_id}")
    delete(laptop, "shipping/table-name", pk=f"SHIP#{order_id}")
    run(*(line for line in lines[: first - 1] if line.startswith("for ")))  # stop
    run(*lines[first : first + 2])
    assert laptop.fingerprint() == before, "every row is as it was"
    with parcels_on_their_way(laptop):
        run(*lines[first + 2 : last])  # start
        assert "2 more would be refused (2 unknown-sku)" in " ".join(run(lines[last])[0].split())
        purchases, _ = cdnow.read(SAMPLE, 2)
        order_import.prepare(laptop.target, purchases, "restored", {purchase.customer_id for purchase in purchases})
        assert "would create 2 orders" in " ".join(run(lines[last])[0].split())
        run(*lines[last + 1 :])
    imported = [row for row in laptop.rows("order/table-name") if row.get("channel") == "restored"]
    assert [row["status"] for row in imported] == ["CONFIRMED", "CONFIRMED"]
    assert laptop.row("payment", f"PAY#{order_id}") is not None
    orderctl(laptop.target, "tables", "drop", moment, "--yes")
