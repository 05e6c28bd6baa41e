"""The AWS CLI's own JSON works against the printed endpoint, not only orderctl."""

import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.polling import eventually
from tests.system.conftest import Laptop
from tests.system.test_orders import channel_entry, orders_by_key

AWS = Path(sys.executable).with_name("aws")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def aws(laptop: Laptop, *arguments: str) -> Any:
    """Run the AWS CLI with what `orderctl env` exports; what it printed."""
    environment = laptop.target.environment()
    done = subprocess.run([str(AWS), *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_aws_cli_places_an_order_by_put_events(laptop: Laptop, folder: Path) -> None:
    key = uuid.uuid4().hex
    entry = {"EventBusName": laptop.target.parameter("platform/bus-name"), **channel_entry(key)}
    file = folder / "entries.json"
    file.write_text(json.dumps([entry]))
    assert aws(laptop, "events", "put-events", "--entries", f"file://{file}")["FailedEntryCount"] == 0
    (order,) = eventually(lambda: orders_by_key(laptop, key), 240, "the event has become an order")
    assert laptop.settled(order["order_id"])["status"] == "CONFIRMED"


def test_aws_cli_resumes_an_order_by_start_sync_execution(laptop: Laptop, folder: Path) -> None:
    order_id = laptop.place(prefer="respond-async").json()["order_id"]
    laptop.settled(order_id)
    file = folder / "input.json"
    file.write_text(json.dumps({"mode": "resume", "order_id": order_id}))
    arn = laptop.target.parameter("order/workflow-arn")
    arguments = ("--state-machine-arn", arn, "--input", f"file://{file}")
    answer = aws(laptop, "stepfunctions", "start-sync-execution", *arguments)
    assert answer["status"] == "SUCCEEDED"
    assert json.loads(answer["output"])["status"] == "CONFIRMED"


def test_aws_cli_replays_events_by_start_replay(laptop: Laptop) -> None:
    name = f"by-hand-{int(time.time())}"
    now = int(time.time())
    destination = {
        "Arn": laptop.target.parameter("platform/bus-arn"),
        "FilterArns": [laptop.target.parameter("shipping/orders-rule-arn")],
    }
    arguments = ("--replay-name", name, "--event-source-arn", laptop.target.parameter("platform/archive-arn"))
    window = ("--event-start-time", str(now - 3600), "--event-end-time", str(now))
    aws(laptop, "events", "start-replay", *arguments, *window, "--destination", json.dumps(destination))

    def ended() -> bool:
        return bool(aws(laptop, "events", "describe-replay", "--replay-name", name)["State"] == "COMPLETED")

    eventually(ended, 240, "the replay is completed", every_seconds=1)
