"""The running system, its worker processes killed at random instants while orders come in: nothing is lost or doubled.

`make kill ORDERS=500 SEED=1` runs it; it is too long for every day, because the message of a killed reader comes back only
after the visibility time-out of its queue.
"""

import json
import os
import random
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from kernel.naming import CHANNEL_PREFIX
from laptop.emulator import process
from operations.aws import service_client, stage_state
from operations.events import publisher
from operations.orders import cdnow, store
from operations.orders import order_import as importing
from operations.orders.cdnow import Purchase
from operations.stage_audit import audit_stage
from services.order.domain import identity
from tests.support.polling import eventually
from tests.system.conftest import Laptop

ORDERS = int(os.environ.get("ORDERFLOW_KILL_ORDERS", "40"))
SEED = int(os.environ.get("ORDERFLOW_KILL_SEED", "1"))
SAMPLE = Path(__file__).parents[2] / "data" / "cdnow" / "CDNOW_sample.txt"
CHANNEL = "cdnow"
SWEEPS = 3
QUIET_SECONDS = 900
"""The longest back-off of a failed message, for instance if another attempt's claim blocks its mail."""


class Killer(threading.Thread):
    """A killer of random worker processes of the engine, now and then, without warning, until it is stopped."""

    def __init__(self, seed: int) -> None:
        super().__init__(daemon=True)
        self.chance = random.Random(seed)
        self.done = threading.Event()
        self.killed = 0

    def run(self) -> None:
        running = process.running()
        assert running is not None
        engine = psutil.Process(running.pid)
        while not self.done.wait(self.chance.uniform(0.3, 1.5)):
            workers = sorted(engine.children(recursive=True), key=lambda child: child.pid)
            if workers:
                try:
                    self.chance.choice(workers).kill()
                    self.killed += 1
                except psutil.NoSuchProcess:
                    continue

    def stop(self) -> int:
        self.done.set()
        self.join()
        return self.killed


def ids(purchases: list[Purchase]) -> list[str]:
    return [identity.order_id(identity.channel_scope(CHANNEL), purchase.idempotency_key) for purchase in purchases]


def let_time_pass(laptop: Laptop) -> None:
    """Make every order that is not terminal due, and every claim of a mail old: a minute's wait, and ten."""
    for service_name in ("order", "notification"):
        table = laptop.target.parameter(f"{service_name}/table-name")
        for row in laptop.rows(f"{service_name}/table-name"):
            if "next_due" not in row:
                continue
            with suppress(laptop.target.client("dynamodb").exceptions.ConditionalCheckFailedException):
                laptop.target.client("dynamodb").update_item(
                    TableName=table,
                    Key={"pk": {"S": row["pk"]}},
                    UpdateExpression="SET next_due = :past REMOVE lease_until",
                    ConditionExpression="attribute_exists(next_due)",
                    ExpressionAttributeValues={":past": {"S": "2000-01-01T00:00:00.000Z"}},
                )


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_nothing_is_lost_when_workers_are_killed_at_random(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    purchases, _ = cdnow.read(SAMPLE, ORDERS)
    importing.prepare(laptop.target, purchases, CHANNEL, {purchase.customer_id for purchase in purchases})
    killer = Killer(SEED)
    killer.start()
    began = time.monotonic()
    for part in service_client.in_parts(purchases, publisher.MAX_ENTRIES):
        details = [cdnow.event(purchase, CHANNEL) for purchase in part]
        publisher.publish(laptop.target, f"{CHANNEL_PREFIX}{CHANNEL}", "OrderPlaced", details)
        store.wait_for_orders(laptop.target, ids(part), 5, lambda _: None)
    killed = killer.stop()
    eventually(lambda: len(store.statuses(laptop.target, ids(purchases))) == ORDERS, 420, "every event has become an order")
    for _sweep in range(SWEEPS):
        let_time_pass(laptop)
        laptop.invoke("order/sweeper-arn")
        laptop.invoke("notification/sweeper-arn")
        stage_state.wait_until_idle(laptop.target, 30)
    left = stage_state.wait_until_idle(laptop.target, QUIET_SECONDS)
    assert left == []
    laptop.invoke("shipping/sweeper-arn")
    assert stage_state.wait_until_idle(laptop.target, QUIET_SECONDS) == []
    audited = audit_stage(laptop.target, settled=True)
    with capsys.disabled():
        told = {"orders": ORDERS, "seed": SEED, "workers_killed": killed, "seconds": round(time.monotonic() - began)}
        print(f"\nkill: {json.dumps(told | {'by_status': audited.figures['orders']})}")  # noqa: T201
    assert killed > 0
    assert audited.findings == []
