"""`orderctl customers erase`: the person is forgotten, the books stay, and what remains is listed."""

from datetime import UTC, datetime
from typing import Any

import pytest

import stages
from kernel.aggregate_store import marshal
from operations.aws import service_client
from operations.aws.signed_http import NoAnswerError
from operations.errors import UserError
from operations.orders import erasure
from orderctl.commands.customers import app
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADDRESS = {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"}
PERSON = {"CONTACT#alice", "REACHABLE#alice"}
IDS = [f"ord-{letter * 26}" for letter in "abc"]


def keep(stage: Stage, order_id: str, status: str, fulfilment: str = "NONE", **more: Any) -> None:
    """Put an order of alice's into the table."""
    row = {
        "pk": f"ORDER#{order_id}",
        "order_id": order_id,
        "customer_id": "alice",
        "channel": "api",
        "version": 1,
        "attempts": 0,
    }
    row |= {"status": status, "fulfilment": fulfilment, "created_at": "2026-11-23T12:00:00.000Z", **more}
    row["updated_at"] = row["created_at"]
    stage.client("dynamodb").put_item(TableName=stage.parameter("order/table-name"), Item=marshal(row))


@pytest.fixture
def alice(stage: Stage) -> Stage:
    """Return a stage with the contact of alice."""
    service_client.put_contact(
        stage, {"customer_id": "alice", "name": "Alice", "email": "alice@example.com", "address": ADDRESS}
    )
    assert stage.rows().keys() >= PERSON
    return stage


def test_contact_goes_and_orders_stay(alice: Stage) -> None:
    keep(alice, IDS[0], "CONFIRMED", "DISPATCHED")
    keep(alice, IDS[1], "CANCELLED")
    done = orderctl_json(app, alice, "erase", "alice")
    assert not PERSON & alice.rows().keys()
    assert {f"ORDER#{order_id}" for order_id in IDS[:2]} <= alice.rows().keys()
    assert (done["orders"], done["placed_meanwhile"]) == (2, [])
    assert "alice@example.com" not in str(alice.rows())


def test_repeated_erasure_changes_nothing(alice: Stage) -> None:
    orderctl(app, alice, "erase", "alice")
    rows = alice.rows()
    assert orderctl(app, alice, "erase", "alice").exit_code == 0
    assert alice.rows() == rows


@pytest.mark.parametrize(
    ("status", "fulfilment"),
    [
        ("PENDING", "NONE"),
        ("BACKORDERED", "NONE"),
        ("CONFIRMING", "NONE"),
        ("CANCELLING", "NONE"),
        ("CONFIRMED", "NONE"),
        ("REFUNDING", "NONE"),
    ],
)
def test_order_that_needs_the_address_stops_the_erasure(alice: Stage, status: str, fulfilment: str) -> None:
    keep(alice, IDS[0], status, fulfilment)
    keep(alice, IDS[1], "CONFIRMED", "DELIVERED")
    with pytest.raises(UserError, match=f"Nothing was deleted, .* need the address: {IDS[0]}\\.") as refused:
        orderctl(app, alice, "erase", "alice")
    assert refused.value.hint == f"Wait, or cancel them: `orderctl orders cancel {IDS[0]}`."
    assert alice.rows().keys() >= PERSON


@pytest.mark.parametrize("customer", ["a b", "alice/contact", "alice?x", "../alice", "a" * 65, "é"])
def test_id_that_no_customer_has_is_refused_with_what_to_correct(alice: Stage, customer: str) -> None:
    with pytest.raises(UserError, match=r"was not deleted") as refused:
        orderctl(app, alice, "erase", customer)
    assert refused.value.hint.startswith("Correct the id")
    assert alice.rows().keys() >= PERSON


def test_erasure_whose_answer_is_lost_can_be_repeated(alice: Stage) -> None:
    host = "https://api.example"
    handler = alice.apis[host]

    def lost(event: Any, context: Any) -> Any:
        handler(event, context)
        raise NoAnswerError("the connection broke")

    alice.apis[host] = lost
    with pytest.raises(NoAnswerError):
        erasure.erase(alice, "alice", NOON)
    alice.apis[host] = handler
    assert erasure.erase(alice, "alice", NOON)["orders"] == 0
    assert not PERSON & alice.rows().keys()


def test_remainders_are_those_of_the_stage_and_say_until_when() -> None:
    sandbox = stages.parse("s", "ephemeral: true\narchive_retention_days: 90\n", "s.yaml")
    found = {entry["where"]: entry["until"] for entry in erasure.remainders(sandbox, [], NOON)}
    assert found["backups of the order table"] == "2026-12-28"
    assert found["archive and journal of events"] == "2027-02-21"
    assert found["copies that `orderctl tables restore` made"] == "`orderctl tables drop MOMENT`"
    assert not {"Stripe", "EasyPost and its carriers"} & found.keys()
