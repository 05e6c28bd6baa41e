"""SnapStart's hooks: a primed client before the snapshot, fresh random numbers after the restore."""

import random
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from kernel import snap_start

HOOKS = """
registered = []
def register_before_snapshot(hook, *arguments): registered.append((hook.__name__, arguments[1:]))
def register_after_restore(hook, *arguments): registered.append((hook.__name__, arguments))
"""
REGISTER = """
import os
from kernel import snap_start
from kernel.clients import Clients
snap_start.register(Clients(), os.environ)
import snapshot_restore_py
print(snapshot_restore_py.registered)
"""


@pytest.mark.parametrize(
    ("initialization", "registered"),
    [
        ("snap-start", [("prime", ("orders", "ORDER#snapshot")), ("seed_anew", ())]),
        ("on-demand", []),
        ("provisioned-concurrency", []),
    ],
)
def test_hooks_are_registered_only_for_a_snapshot(
    tmp_path: Path, initialization: str, registered: list[tuple[str, tuple[str, ...]]]
) -> None:
    (tmp_path / "snapshot_restore_py.py").write_text(HOOKS)
    environment = {
        "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[3]}",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
        "TABLE_NAME": "orders",
        "PRIMED_ROW": "ORDER#snapshot",
    }
    done = subprocess.run([sys.executable, "-c", REGISTER], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == repr(registered)


@pytest.mark.parametrize("is_refused", [False, True])
def test_priming_reads_a_row_that_does_not_exist_and_survives_a_refusal(is_refused: bool) -> None:
    dynamodb = boto3.client("dynamodb", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(dynamodb) as stub:
        if is_refused:
            stub.add_client_error("get_item", "AccessDeniedException")
        else:
            stub.add_response("get_item", {}, {"TableName": "orders", "Key": {"pk": {"S": "ORDER#snapshot"}}})
        snap_start.prime(dynamodb, "orders", "ORDER#snapshot")
        stub.assert_no_pending_responses()


def test_restored_instances_draw_different_numbers() -> None:
    drawn = set()
    for _ in range(3):
        random.seed("the snapshot")
        snap_start.seed_anew()
        drawn.add(random.random())
    assert len(drawn) == 3
