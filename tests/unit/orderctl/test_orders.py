"""`orderctl orders`: place, show, list, cancel, resume, as an operator sees them."""

import json
import re
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from kernel import timeline
from kernel.aggregate_store import marshal
from kernel.naming import SERVICES
from kernel.schemas import SERVICES_FOLDER
from laptop import seed
from operations.aws import service_client
from operations.aws.signed_http import Answer, NoAnswerError
from operations.errors import UserError
from operations.orders import smoke
from operations.repository import REPOSITORY
from orderctl.commands import contacts
from orderctl.commands.orders import MAX_QUANTITY, app
from orderctl.terminal.output import Progress
from services.order.domain.states import TRANSITIONS
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

ADDRESS = {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"}
ALICE = {"customer_id": "alice", "name": "Alice", "email": "alice@example.com", "address": ADDRESS}


@pytest.fixture(autouse=True)
def stocked(stage: Stage) -> None:
    prices = {"MUG-BLUE": 1250, "LP-KIND-OF-BLUE": 2499}
    service_client.set_prices(stage, [{"sku": sku, "amount": amount, "currency": "USD"} for sku, amount in prices.items()])
    service_client.replenish(stage, "delivery", [{"sku": sku, "quantity": 100} for sku in prices])
    service_client.put_contact(stage, ALICE)
    service_client.put_contact(stage, {**ALICE, "customer_id": "bob"})


def place(stage: Stage, *options: str, exit_code: int = 0) -> Any:
    return orderctl_json(app, stage, "place", "--line", "MUG-BLUE=2", *options, exit_code=exit_code)


def answering(stage: Stage, answer: Answer | Exception) -> None:
    """Let the order API give this answer."""

    def respond(event: Any, context: Any) -> dict[str, Any]:
        if isinstance(answer, Exception):
            raise answer
        return {"statusCode": answer.status, "headers": answer.headers, "body": answer.text}

    stage.apis["https://api.example"] = respond


def test_placed_order_is_shown(stage: Stage) -> None:
    said = place(stage, "--line", "LP-KIND-OF-BLUE=1", "--customer", "bob")
    assert (said["http_status"], said["status"], said["customer_id"]) == (201, "CONFIRMED", "bob")
    assert said["total"] == {"amount": 2 * 1250 + 2499, "currency": "USD"}


def test_same_key_is_the_same_order(stage: Stage) -> None:
    first = place(stage)
    again = place(stage, "--key", first["idempotency_key"])
    assert first["order_id"] == again["order_id"]
    assert first["order_id"] != place(stage)["order_id"]
    assert len(stage.orders()) == 2


def test_respond_async_order_is_shown_undecided(stage: Stage) -> None:
    said = place(stage, "--async")
    assert (said["http_status"], said["status"]) == (202, "PENDING")


def test_rejected_order_exits_with_code_1(stage: Stage) -> None:
    stage.saga.declines = lambda order: True
    answer = orderctl(app, stage, "place", "--line", "MUG-BLUE=2")
    assert answer.exit_code == 1
    assert "402 Payment declined the payment was declined; nothing was charged" in answer.stderr
    assert "CANCELLED" in answer.stdout


def test_a_refused_request_names_the_field(stage: Stage) -> None:
    answer = orderctl(app, stage, "place", "--line", "MUG-BLUE=0")
    assert answer.exit_code == 1
    assert "lines[0].quantity:" in answer.stderr
    assert answer.stdout == ""


def test_line_accepts_the_limits_of_the_api(stage: Stage) -> None:
    schema = json.loads(Path(SERVICES_FOLDER, "order", "requests", "place_order.json").read_text())
    assert schema["properties"]["lines"]["items"]["properties"]["quantity"]["maximum"] == MAX_QUANTITY
    assert place(stage, "--line", f"LP-KIND-OF-BLUE={MAX_QUANTITY}")["http_status"] == 201
    too_many = place(stage, "--line", f"LP-KIND-OF-BLUE={MAX_QUANTITY + 1}", exit_code=1)
    assert (too_many["http_status"], too_many["field"]) == (400, "lines[1].quantity")


def test_customer_without_a_contact_gets_a_hint(stage: Stage) -> None:
    order = ("--line", "MUG-BLUE=2", "--customer", "carol")
    answer = orderctl(app, stage, "place", *order)
    assert answer.exit_code == 1
    assert "orderctl contacts put carol FILE" in answer.stderr
    orderctl(contacts.app, stage, "put", "carol", str(REPOSITORY / "data" / "contact.json"))
    assert orderctl(app, stage, "place", *order).exit_code == 0


@pytest.mark.parametrize(
    "answer",
    [
        NoAnswerError("No answer from api.example: timed out."),
        Answer(503, {}, '{"message": "Service Unavailable"}'),
        Answer(502, {}, "<html>bad gateway</html>"),
    ],
)
def test_unknown_outcome_prints_the_key_for_a_repeat(stage: Stage, answer: Answer | Exception) -> None:
    answering(stage, answer)
    with pytest.raises(UserError) as caught:
        place(stage, "--key", "k-1")
    assert caught.value.hint == "The order may have been placed. Run the command again with --key k-1."


@pytest.mark.parametrize("line", ["MUG-BLUE", "=2", "MUG-BLUE=two", "MUG-BLUE=²", "MUG-BLUE=1.5"])
def test_malformed_line_is_wrong_usage(stage: Stage, line: str) -> None:
    answer = orderctl(app, stage, "place", "--line", line)
    assert answer.exit_code == 2
    assert stage.orders() == {}


def test_orders_are_listed_the_newest_first(stage: Stage) -> None:
    ids = [place(stage)["order_id"] for _ in range(3)]
    listed = orderctl_json(app, stage, "list")
    assert [order["order_id"] for order in listed] == ids[::-1]
    assert listed[0]["total"] == "25.00 USD"
    assert [order["order_id"] for order in orderctl_json(app, stage, "list", "--limit", "1")] == ids[2:]


def test_orders_of_a_customer_are_listed(stage: Stage) -> None:
    ids = [place(stage)["order_id"] for _ in range(2)]
    assert [order["order_id"] for order in orderctl_json(app, stage, "list", "--customer", "alice")] == ids[::-1]
    assert orderctl_json(app, stage, "list", "--customer", "carol") == []
    assert orderctl(app, stage, "list", "--customer", "alice", "--status", "CONFIRMED").exit_code == 2


@dataclass
class ManyOrders:
    """DynamoDB's client with a table of 100 orders a page, which is made page by page."""

    pages: int

    def get_paginator(self, operation: str) -> Any:
        assert operation == "scan"
        return SimpleNamespace(paginate=self.made)

    def made(self, **request: Any) -> Iterator[dict[str, Any]]:
        for page in range(self.pages):
            yield {"Items": [self.item(page * 100 + number) for number in range(100)]}

    def item(self, number: int) -> dict[str, Any]:
        order = {"order_id": f"ord-{number}", "status": "CONFIRMED", "channel": "api", "fulfilment": "NONE"}
        placed = {"created_at": f"2026-11-29T00:00:{number * 7919 % 50_000:05}Z"}
        return marshal({**order, **placed, "total": {"amount": number, "currency": "USD"}})


def test_a_list_holds_no_more_orders_than_it_prints() -> None:
    """Memory that grows with the table would hold 50,000 orders, which is 30 MB."""
    orderctl_json(app, Stage(fakes={"dynamodb": ManyOrders(pages=1)}), "list")  # its imports are not measured
    many = Stage(fakes={"dynamodb": ManyOrders(pages=500)})
    tracemalloc.start()
    try:
        listed = orderctl_json(app, many, "list", "--limit", "5")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [order["created_at"][-6:] for order in listed] == ["49999Z", "49998Z", "49997Z", "49996Z", "49995Z"]
    assert peak < 4e6


def test_orders_are_listed_by_status(stage: Stage) -> None:
    place(stage)
    stage.saga.declines = lambda order: True
    rejected = place(stage, exit_code=1)["order"]["order_id"]
    (listed,) = orderctl_json(app, stage, "list", "--status", "CANCELLED")
    assert (listed["order_id"], listed["reason"]) == (rejected, "PAYMENT_DECLINED")
    assert orderctl_json(app, stage, "list", "--status", "PENDING") == []
    assert orderctl(app, stage, "list", "--status", "LOST").exit_code == 2


def test_the_help_names_each_status() -> None:
    printed = CliRunner().invoke(app, ["list", "--help"], env={"COLUMNS": "400", "TERMINAL_WIDTH": "400"}).output
    assert [status for status in TRANSITIONS.statuses if status not in printed] == []


def test_shown_order_hides_its_token_and_includes_the_other_services(stage: Stage) -> None:
    order_id = place(stage)["order_id"]
    stage.parameters.update({f"{service}/table-name": "stage" for service in SERVICES})
    shown = orderctl_json(app, stage, "show", order_id)
    assert (shown["order_id"], shown["status"], shown["pending_events"]) == (order_id, "CONFIRMED", 1)
    assert shown["elsewhere"] == {f"RES#{order_id}": "HELD"}
    assert "pm_card_visa" not in json.dumps(shown)
    assert list(shown)[:2] == ["order_id", "status"]


def test_shown_order_includes_its_timeline_and_missing_services(stage: Stage) -> None:
    order_id = place(stage)["order_id"]
    stage.parameters.update({f"{service}/table-name": "stage" for service in SERVICES})
    stage.parameters["shipping/table-name"] = UserError("shipping is not deployed")
    assert orderctl_json(app, stage, "show", order_id)["elsewhere"]["shipping"] == "not deployed"
    shown = orderctl(app, stage, "show", order_id).stdout
    placed_at = timeline.entries(stage.orders()[order_id]["timeline"], order_id)[0]["at"]
    assert re.search(rf"{re.escape(placed_at)} +OrderPlaced", shown)
    assert "event_id" not in shown


def test_shown_order_has_its_status_first_and_its_internals_on_request(stage: Stage) -> None:
    order_id = place(stage)["order_id"]
    stage.parameters.update({f"{service}/table-name": "stage" for service in SERVICES})
    names = [line.split()[0] for line in orderctl(app, stage, "show", order_id).stdout.splitlines()]
    assert names[1:3] == ["order_id", "status"]
    assert not {"request_hash", "placed_by", "pk"} & set(names)
    everything = [line.split()[0] for line in orderctl(app, stage, "show", order_id, "--all").stdout.splitlines()]
    assert {*names, "request_hash", "placed_by"} <= set(everything)
    assert not {"pk", "payment_token"} & set(everything)


def test_unknown_order_is_reported(stage: Stage) -> None:
    for command in ("show", "resume", "cancel"):
        with pytest.raises(UserError, match="There is no order ord-nope") as refused:
            orderctl(app, stage, command, "ord-nope")
        assert "orderctl orders list" in refused.value.hint


def test_currency_may_be_in_small_letters(stage: Stage) -> None:
    assert place(stage, "--currency", "usd")["total"]["currency"] == "USD"
    refused = orderctl(app, stage, "place", "--line", "MUG=1", "--currency", "dollar")
    assert (refused.exit_code, "is no currency of ISO 4217" in refused.stderr) == (2, True)


def test_cancelled_order_is_shown(stage: Stage) -> None:
    undecided = place(stage, "--async")["order_id"]
    assert orderctl_json(app, stage, "cancel", undecided)[0]["status"] == "CANCELLING"
    confirmed = place(stage)["order_id"]
    assert orderctl_json(app, stage, "cancel", confirmed)[0]["status"] == "CANCEL_REQUESTED"
    with pytest.raises(UserError, match="is CANCEL_REQUESTED: it waits for shipping or for its refund"):
        orderctl(app, stage, "resume", confirmed)


def test_resume_without_a_trail_is_done_with_a_warning(stage: Stage) -> None:
    """A repair does not wait for its record: the function that records may be what is broken."""
    order_id = place(stage, "--async")["order_id"]
    stage.parameters["order/operator-arn"] = UserError("There is none.", "")
    warned = orderctl(app, stage, "resume", order_id)
    assert len(stage.saga.started) == 1
    assert "The act is not in the trail" in warned.stderr


def test_resume_starts_the_saga_of_an_unfinished_order(stage: Stage) -> None:
    order_id = place(stage, "--async")["order_id"]
    (resumed,) = orderctl_json(app, stage, "resume", order_id)
    assert resumed == {"order_id": order_id, "execution": "arn:execution"}
    (start,) = stage.saga.started
    assert json.loads(start["input"]) == {"mode": "resume", "order_id": order_id}
    with pytest.raises(UserError, match="is CONFIRMED, so its saga has ended"):
        orderctl(app, stage, "resume", order_id)


def test_repeated_seed_changes_nothing(stage: Stage) -> None:
    seed.seed(stage, Progress())
    before = stage.rows()
    assert {"CONTACT#alice", "CONTACT#bob", "PRICE#MUG-BLUE", "PRICE#LP-SOLD-OUT", "SKU#LAST-ONE"} <= set(before)
    assert "SKU#LP-SOLD-OUT" not in before
    assert before["SKU#LAST-ONE"]["available"] == 1
    seed.seed(stage, Progress())
    assert stage.rows() == before


@pytest.mark.parametrize(
    ("typed", "kept"), [("reject", None), ("allow-partial", "ALLOW_PARTIAL"), ("back-order", "BACK_ORDER")]
)
def test_if_short_is_sent_in_the_form_of_the_api(stage: Stage, typed: str, kept: str | None) -> None:
    assert place(stage, "--if-short", typed).get("if_short") == kept


@pytest.mark.parametrize(
    "options", [("--customer", "4111111111111111"), ("--key", "joe@example.com"), ("--token", "pm_4111111111111111")]
)
def test_a_card_number_or_an_address_is_not_sent(stage: Stage, options: tuple[str, str]) -> None:
    answering(stage, AssertionError("nothing is sent"))
    answer = orderctl(app, stage, "place", "--line", "MUG-BLUE=1", *options)
    assert answer.exit_code == 2
    assert options[1] not in answer.output


def test_smoke_order_is_confirmed_and_cancelled(stage: Stage) -> None:
    api = stage.apis["https://api.example"]

    def shipped_at_once(event: Any, context: Any) -> dict[str, Any]:
        """Answer as the API; an order whose cancellation was requested is cancelled, as shipping would have it."""
        answer = api(event, context)
        if event["requestContext"]["http"]["method"] == "GET":
            seen = json.loads(answer["body"])
            seen["status"] = {"CANCEL_REQUESTED": "CANCELLED"}.get(seen["status"], seen["status"])
            return {**answer, "body": json.dumps(seen)}
        return answer

    stage.apis["https://api.example"] = shipped_at_once
    said = orderctl(app, stage, "smoke", "--key", "run-1")
    assert said.exit_code == 0
    assert re.search(r"stock and contact: saved\norder ord-[a-z2-7]{26}: CONFIRMED\nits cancellation: CANCELLED", said.output)
    steps = orderctl_json(app, stage, "smoke", "--key", "run-2")
    assert [step["result"] for step in steps] == ["saved", "CONFIRMED", "CANCELLED"]


def test_smoke_order_that_stands_still_fails(stage: Stage) -> None:
    with pytest.raises(UserError, match="is CANCEL_REQUESTED after 180 seconds, and should be CANCELLED"):
        list(smoke.run(stage, stage.settings(), "run-2", stage.clock))


def test_smoke_order_is_refused_where_it_would_move_money_or_parcels(stage: Stage) -> None:
    for real in ({"gateway": "stripe"}, {"carrier": "easypost"}):
        with pytest.raises(UserError, match="A smoke order would be charged or shipped"):
            list(smoke.run(stage, replace(stage.settings(), **real), "run-3", stage.clock))
    assert stage.orders() == {}


def test_stage_without_sandboxes_gets_no_smoke_order_where_it_is_not_allowed(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dev.yaml").write_text("ephemeral: true\ngateway: stripe\n")
    monkeypatch.setenv("ORDERFLOW_STAGES", str(tmp_path))
    said = orderctl(app, stage, "smoke", "--where-allowed")
    assert (said.exit_code, "No smoke order: stage dev has no sandboxes." in said.output) == (0, True)
    assert stage.orders() == {}


def test_smoke_order_that_is_refused_fails(stage: Stage) -> None:
    answering(stage, Answer(503, {}, '{"detail": "throttled"}'))
    with pytest.raises(UserError, match="contact of smoke-order was not saved: throttled"):
        list(smoke.run(stage, stage.settings(), "run-4", stage.clock))
