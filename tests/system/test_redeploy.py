"""Each service is deployed in a newer version, and rolled back, while orders come in: each order ends, and the books are right.

`make redeploy ORDERS=200` runs the whole of it. The newer version writes one more attribute to each row that it writes. The
older one must read these rows.
"""

import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kernel.naming import SERVICES, stack_name
from kernel.statements import Quantity
from laptop.emulator import process
from operations.aws import service_client, stage_state
from operations.aws.signed_http import NoAnswerError
from operations.deploy.cdk_cli import Cdk
from operations.orders import store
from operations.stage_audit import audit_stage
from tests.support.polling import eventually
from tests.support.repository_copy import copy
from tests.system.conftest import MUG, Laptop

ORDERS = int(os.environ.get("ORDERFLOW_REDEPLOY_ORDERS", "20"))
DEPLOYMENTS = 2 * len(SERVICES)
"""Each service is deployed and rolled back."""
AT_ONCE = 2
MARK = "written_by"
WRITES = '"updated_at": now}'
"""The end of the attributes that each step of an aggregate writes, in kernel/aggregate_store.py."""
QUIET_SECONDS = 900
"""The longest back-off of a failed message."""
ANSWER_SECONDS = 300


class Traffic:
    """Callers that place orders until they are stopped. Each repeats an order under its key until it is answered."""

    def __init__(self, laptop: Laptop) -> None:
        self.laptop = laptop
        self.orders: list[str] = []
        self.failures: list[str] = []
        self.repeated = 0
        self._over = threading.Event()
        self._callers = [threading.Thread(target=self._call, daemon=True) for _ in range(AT_ONCE)]

    def _call(self) -> None:
        while not self._over.is_set():
            key, ends = uuid.uuid4().hex, time.monotonic() + ANSWER_SECONDS
            while (order_id := self._place(key)) is None:
                self.repeated += 1
                if time.monotonic() > ends:
                    self.failures.append(f"no answer for {key}")
                    return
            self.orders.append(order_id)

    def _place(self, key: str) -> str | None:
        """Return the order's id; None if the caller must place it again."""
        try:
            answer = self.laptop.place(key=key)
        except NoAnswerError:
            return None
        return str(answer.json()["order_id"]) if answer.status in (201, 202) else None

    @contextmanager
    def flowing(self) -> Iterator[None]:
        for caller in self._callers:
            caller.start()
        try:
            yield
        finally:
            self._over.set()
            for caller in self._callers:
                caller.join()


def newer_version(laptop: Laptop, folder: Path) -> Path:
    """Synthesize the stacks of a newer version in `folder`. Return the assembly."""
    kernel = copy(folder) / "kernel" / "aggregate_store.py"
    older = kernel.read_text()
    assert older.count(WRITES) == 1
    kernel.write_text(older.replace(WRITES, f'"updated_at": now, "{MARK}": "the newer version"}}'))
    cdk = Cdk(laptop.target, folder / "synth.log", app=f"cd {folder} && {sys.executable} -m app")
    cdk.finish(cdk.synthesizing(folder / "cdk.out"), "synth")
    return folder / "cdk.out"


def marked_orders(laptop: Laptop, service: str) -> set[str]:
    """Return the orders with a row of the service that the newer version has written."""
    return {row["order_id"] for row in laptop.rows(f"{service}/table-name") if MARK in row and "order_id" in row}


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_each_service_is_redeployed_and_rolled_back_under_orders(
    laptop: Laptop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service_client.replenish(laptop.target, f"redeploy-{uuid.uuid4().hex}", [Quantity(sku=MUG[0], quantity=10 * ORDERS)])
    assemblies = (newer_version(laptop, tmp_path), process.home() / "cdk.out")
    cdk, traffic, began = Cdk(laptop.target, tmp_path / "deploy.log"), Traffic(laptop), time.monotonic()
    with traffic.flowing():
        for service in SERVICES:
            for assembly in assemblies:
                cdk.deploy(assembly, [stack_name(laptop.target.stage, service)])
                wanted = len(traffic.orders) + max(1, ORDERS // DEPLOYMENTS)
                eventually(lambda wanted=wanted: len(traffic.orders) >= wanted, ANSWER_SECONDS, f"orders after {service}")
    assert traffic.failures == []
    for service in ("order", "shipping"):
        assert stage_state.wait_until_idle(laptop.target, QUIET_SECONDS) == []
        laptop.invoke(f"{service}/sweeper-arn")
    assert stage_state.wait_until_idle(laptop.target, QUIET_SECONDS) == []
    marked = {service: marked_orders(laptop, service) & set(traffic.orders) for service in SERVICES}
    assert all(marked.values()), "each service wrote rows in its newer version"
    for orders in marked.values():  # the older version reads each of them, and changes it if that is still possible
        order_id = min(orders)
        assert laptop.request("GET", f"/orders/{order_id}").status == 200
        assert laptop.request("POST", f"/orders/{order_id}/cancel").status in (202, 409)
    assert stage_state.wait_until_idle(laptop.target, QUIET_SECONDS) == []
    ended = store.statuses(laptop.target, traffic.orders)
    assert len(ended) == len(traffic.orders) >= ORDERS
    unavailable = [order_id for order_id, row in ended.items() if "UNAVAILABLE" in row.get("reason", "")]
    assert (unavailable, laptop.dead_letters()) == ([], {})
    assert audit_stage(laptop.target, settled=True).findings == []
    with capsys.disabled():
        seconds = round(time.monotonic() - began)
        figures = {"orders": len(ended), "deployments": DEPLOYMENTS, "repeated": traffic.repeated, "seconds": seconds}
        told = figures | {"marked": {service: len(orders) for service, orders in marked.items()}}
        print(f"\nredeploy: {json.dumps(told)}")  # noqa: T201
