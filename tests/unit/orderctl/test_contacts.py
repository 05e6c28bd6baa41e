"""`orderctl contacts`: a contact is kept by hand, and contacts of before there were marks get theirs."""

import json
from typing import Any

import pytest

from kernel.aggregate_store import marshal
from operations.errors import UserError
from orderctl.commands.contacts import app
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

ALICE: dict[str, Any] = {
    "name": "Alice",
    "email": "alice@example.com",
    "address": {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"},
}


def test_contact_is_saved_with_its_mark(stage: Stage) -> None:
    assert orderctl(app, stage, "put", "alice", "-", stdin=json.dumps(ALICE)).exit_code == 0
    assert {"CONTACT#alice", "REACHABLE#alice"} <= stage.rows().keys()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (json.dumps({**ALICE, "email": "ü@x.de"}), "email: must have"),
        (json.dumps({"name": "Alice"}), "not a contact"),
        ("[" * 9000, "nested deeper"),
    ],
)
def test_invalid_contact_is_refused_with_its_field(stage: Stage, given: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        orderctl(app, stage, "put", "alice", "-", stdin=given)
    assert "CONTACT#alice" not in stage.rows()


def test_contacts_older_than_the_marks_are_marked_once(stage: Stage) -> None:
    orderctl(app, stage, "put", "bob", "-", stdin=json.dumps(ALICE))
    for customer_id in ("alice", "carol"):
        item = marshal({"pk": f"CONTACT#{customer_id}", "customer_id": customer_id, **ALICE})
        stage.client("dynamodb").put_item(TableName=stage.parameter("order/table-name"), Item=item)
    assert orderctl_json(app, stage, "mark") == [{"marked": 2}]
    assert orderctl_json(app, stage, "mark") == [{"marked": 0}]
    marks = {key for key in stage.rows() if key.startswith("REACHABLE#")}
    assert marks == {"REACHABLE#alice", "REACHABLE#bob", "REACHABLE#carol"}
