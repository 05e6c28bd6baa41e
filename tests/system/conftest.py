"""Orderflow deployed on a laptop AWS of the session's own: the stacks, by the real CDK CLI, once."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import stages
from kernel.aggregate_store import unmarshal
from laptop import bring_up as bring_up
from laptop.emulator import process
from operations.aws import service_client, signed_http, stage_state
from operations.aws.signed_http import Answer
from operations.aws.target import Target
from orderctl.terminal.output import Progress
from tests.support.orderctl_run import orderctl
from tests.support.polling import eventually

SETTLED = ("CONFIRMED", "CANCELLED")
MUG = ("MUG-BLUE", 1250)
LONGEST_WAIT_SECONDS = 660
"""A message comes again after its visibility timeout, at most 540 seconds, if its function is replaced while it runs."""
STAGES = Path(__file__).with_name("stages")
"""The stages' settings here: the sandbox carrier is as quick as the tests are impatient."""


@dataclass(frozen=True)
class Laptop:
    """The deployed system, spoken to as its users do: by HTTP, by events, and by the durable rows."""

    target: Target

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Call the order API. Write header names with `_` for `-`."""
        url = self.target.parameter("order/api-url").rstrip("/") + path
        return signed_http.call(
            self.target, method, url, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )

    def place(self, *lines: tuple[str, int], token: str = "pm_card_visa", key: str | None = None, **more: str) -> Answer:
        """POST /orders; one blue mug by default."""
        chosen = [{"sku": sku, "quantity": quantity} for sku, quantity in lines or ((MUG[0], 1),)]
        customer, currency = more.pop("customer", "alice"), more.pop("currency", "USD")
        body = {"customer_id": customer, "currency": currency, "lines": chosen, "payment_token": token}
        return self.request("POST", "/orders", body, idempotency_key=key or uuid.uuid4().hex, **more)

    def publish(self, *entries: dict[str, Any]) -> None:
        """Put entries on the bus as the AWS CLI's JSON has them, and see that each was accepted."""
        bus = self.target.parameter("platform/bus-name")
        answer = self.target.client("events").put_events(Entries=[{"EventBusName": bus, **entry} for entry in entries])
        assert answer["FailedEntryCount"] == 0, answer

    def row(self, service: str, pk: str) -> dict[str, Any] | None:
        """One row of a service's table, as it durably is."""
        table = self.target.parameter(f"{service}/table-name")
        found = self.target.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": pk}}, ConsistentRead=True)
        return unmarshal(found["Item"]) if "Item" in found else None

    def rows(self, parameter: str) -> list[dict[str, Any]]:
        """Every row of the table that `parameter` names, by key."""
        return sorted(stage_state.rows(self.target, parameter), key=lambda row: (row["pk"], row.get("sk", "")))

    def settled(self, order_id: str) -> dict[str, Any]:
        """Return the order once it is terminal."""

        def look() -> dict[str, Any] | None:
            row = self.row("order", f"ORDER#{order_id}")
            return row if row and row["status"] in SETTLED else None

        return eventually(look, 240, f"order {order_id} is confirmed or cancelled")

    def quiet(self) -> None:
        """Wait until every order is terminal, no row has an event pending and no queue a message."""
        assert stage_state.wait_until_idle(self.target, LONGEST_WAIT_SECONDS) == []

    def deploy_again(self, *services: str) -> None:
        """Deploy services from this repository once nothing is in flight, so that no message is cut off."""
        stage_state.wait_until_idle(self.target, LONGEST_WAIT_SECONDS)
        orderctl(self.target, "deploy", *services)

    def dead_letters(self) -> dict[str, int]:
        """Return the dead-letter queues that are not empty, with their number of messages."""
        return {name: depth for name, depth in stage_state.depths(self.target, "-dlq-url").items() if depth}

    def invoke(self, parameter: str, payload: dict[str, Any] | None = None) -> Any:
        """Call a function by the parameter that holds its ARN; its answer. Fails the test if the function failed."""
        return service_client.invoke(self.target, parameter, payload or {})

    def run_saga(self, saga_input: dict[str, Any]) -> dict[str, Any]:
        """One synchronous run of the workflow."""
        arn = self.target.parameter("order/workflow-arn")
        client = self.target.client("stepfunctions", read_timeout=60, retries={"total_max_attempts": 1})
        return dict(client.start_sync_execution(stateMachineArn=arn, input=json.dumps(saga_input)))

    def ledger(self, order_id: str) -> dict[str, str]:
        """Return the outcome of each of the gateway's operations for an order."""
        return {row["sk"]: row["outcome"] for row in self.rows("payment/ledger-table-name") if row["pk"] == order_id}

    def fingerprint(self) -> str:
        """Return a hash over every row of every table. A replay must not change it."""
        return stage_state.fingerprint(self.target)


@contextmanager
def started(home: Path) -> Iterator[Laptop]:
    """Deploy the system on a laptop AWS in this folder, beside whatever else runs on this machine, for the time of a block."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("ORDERFLOW_HOME", str(home))
        monkeypatch.setenv(stages.FOLDER_VARIABLE, str(STAGES))
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        try:
            target, _ = bring_up.up(Target(), Progress(), port=process.free_port())
            yield Laptop(target)
        finally:
            process.stop()


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """One deployment for the session."""
    with started(tmp_path_factory.mktemp("laptop")) as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/system" in item.path.as_posix():
            item.add_marker(pytest.mark.system)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(2 * LONGEST_WAIT_SECONDS))
