"""`orderctl orders import`, against the real order and inventory handlers: what it makes, and what it never makes twice."""

from pathlib import Path
from typing import Any

import pytest

from operations.errors import UserError
from orderctl.commands.orders import app
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

# An indivisible total, two rows alike, one of nothing, one of 99 CDs.
PURCHASES = """\
 00004 19970101  2   29.33
 00004 19970802  1   14.96
 00004 19970802  1   14.96
 00018 19970104  1    0.00
 00050 19970101 99 1286.01
"""
TOTAL = 2933 + 1496 + 1496 + 0 + 128601


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "purchases.txt"
    path.write_text(PURCHASES)
    return path


def run(stage: Stage, file: Path, *options: str) -> Any:
    return orderctl_json(app, stage, "import", str(file), *options)


def stock(stage: Stage) -> dict[str, int]:
    return {row["sku"]: row["replenished"] for pk, row in stage.rows().items() if pk.startswith("SKU#")}


def test_every_row_becomes_a_confirmed_order_worth_its_dollars(stage: Stage, file: Path) -> None:
    summary = run(stage, file)
    assert summary["rows_read"] == summary["published"] == summary["new"] == summary["confirmed"] == 5
    assert (summary["malformed"], summary["already_known"], summary["unsettled"]) == (0, 0, 0)
    assert summary["total_cents"] == summary["confirmed_cents"] == TOTAL
    orders = stage.orders().values()
    assert len(orders) == 5
    assert sum(order["total"]["amount"] for order in orders) == TOTAL
    assert {(order["channel"], order["customer_id"]) for order in orders} == {
        ("cdnow", f"cdnow-{customer}") for customer in ("00004", "00018", "00050")
    }
    contact = stage.rows()["CONTACT#cdnow-00004"]
    assert (contact["name"], contact["email"]) == ("CDNOW customer 00004", "cdnow-00004@cdnow.example")


def test_importing_again_changes_nothing(stage: Stage, file: Path) -> None:
    run(stage, file)
    before = stage.rows()
    summary = run(stage, file)
    assert (summary["published"], summary["already_known"], summary["new"], summary["confirmed"]) == (5, 5, 0, 5)
    assert stage.rows() == before


def test_interrupted_import_is_finished_without_surplus_stock(stage: Stage, file: Path) -> None:
    stage.bus.refusals = [{3, 4}, *[{0, 1}] * 4]
    with pytest.raises(UserError, match=r"refused 2 of 5 events 5 times: ThrottlingException") as caught:
        run(stage, file, "--no-wait")
    assert "Publish the file again" in caught.value.hint
    delivered = stock(stage)
    summary = run(stage, file)
    assert (summary["already_known"], summary["new"], summary["confirmed"]) == (3, 2, 5)
    assert stock(stage) == delivered


def test_refused_caller_is_not_retried_and_gets_a_hint(stage: Stage, file: Path) -> None:
    stage.bus.refusals, stage.bus.error = [{0, 1, 2, 3, 4}], "NotAuthorizedForSourceException"
    with pytest.raises(UserError, match=r"refused 5 of 5 events 1 time: NotAuthorizedForSourceException") as caught:
        run(stage, file, "--no-wait")
    assert "to the channel's principals in the stage's file: see docs/how-to/permit-callers.md" in caught.value.hint
    assert len(stage.bus.calls) == 1


def test_limit_imports_the_first_rows_and_the_rest_can_follow(stage: Stage, file: Path) -> None:
    assert run(stage, file, "--limit", "2")["confirmed"] == 2
    summary = run(stage, file)
    assert (summary["already_known"], summary["new"], summary["confirmed"]) == (2, 3, 5)


def test_other_channel_has_separate_orders_and_stock(stage: Stage, file: Path) -> None:
    run(stage, file)
    summary = run(stage, file, "--channel", "second-shop")
    assert (summary["already_known"], summary["confirmed"]) == (0, 5)
    assert len(stage.orders()) == 10


def test_a_channel_needs_a_name(stage: Stage, file: Path) -> None:
    with pytest.raises(UserError, match="not a channel name"):
        run(stage, file, "--channel", "Second Shop")
    assert stage.rows() == {}


def test_a_customer_who_was_forgotten_stays_forgotten(stage: Stage, file: Path) -> None:
    run(stage, file)
    assert stage.call("DELETE", "https://api.example/customers/cdnow-00018/contact").status == 204
    run(stage, file)
    assert "CONTACT#cdnow-00018" not in stage.rows()


def test_only_what_the_bus_refused_is_sent_again(stage: Stage, file: Path) -> None:
    stage.bus.refusals = [{0, 3}]
    run(stage, file, "--no-wait")
    assert len(stage.orders()) == 5
    first, again = stage.bus.calls
    assert (len(first), again) == (5, [first[0], first[3]])


def test_events_are_published_by_the_channel_in_batches_of_ten(stage: Stage, file: Path) -> None:
    stage.bus.delivers = False
    file.write_text("".join(f"00004 19970101 1 {n}.00\n" for n in range(21)))
    run(stage, file, "--no-wait")
    assert [len(call) for call in stage.bus.calls] == [10, 10, 1]
    assert {(entry["EventBusName"], entry["Source"], entry["DetailType"]) for call in stage.bus.calls for entry in call} == {
        ("bus", "orderflow.channel.cdnow", "OrderPlaced")
    }


def test_cancelled_orders_are_counted_by_reason(stage: Stage, file: Path) -> None:
    stage.saga.declines = lambda order: order["total"]["amount"] > 100_000
    summary = run(stage, file)
    assert (summary["confirmed"], summary["cancelled_payment_declined"]) == (4, 1)
    assert summary["confirmed_cents"] == TOTAL - 128601


def test_malformed_rows_are_reported_with_their_line_and_the_rest_imported(stage: Stage, file: Path) -> None:
    lines = PURCHASES.splitlines()
    file.write_text("\n".join([lines[0], "00004 19970101 0 29.33", *lines[1:], "end of file"]))
    answer = orderctl(app, stage, "import", str(file))
    assert answer.exit_code == 0
    assert "line 2: number of CDs '0' is not 1 to 100" in answer.stderr
    assert "line 7: has 3 fields" in answer.stderr
    assert len(stage.orders()) == 5


def test_strict_import_fails_on_malformed_rows(stage: Stage, file: Path) -> None:
    file.write_text(PURCHASES + "end of file\n")
    assert orderctl_json(app, stage, "import", str(file), "--strict", exit_code=1)["malformed"] == 1
    assert len(stage.orders()) == 5


def test_a_file_without_purchases_is_an_error(stage: Stage, file: Path) -> None:
    file.write_text("this is\nsomething else\n")
    with pytest.raises(UserError, match="no row that can be imported"):
        run(stage, file)
    assert stage.rows() == {}


def test_dry_run_counts_and_publishes_nothing(stage: Stage, file: Path) -> None:
    summary = run(stage, file, "--dry-run")
    assert summary == {
        "rows_read": 5,
        "malformed": 0,
        "zero_dollar": 1,
        "indivisible_total": 1,
        "identical_to_an_earlier": 1,
        "most_cds": 99,
        "customers": 3,
        "skus": 5,
        "total_cents": TOTAL,
    }
    assert (stage.rows(), stage.bus.calls) == ({}, [])


def test_import_without_waiting_ends_after_the_publication(stage: Stage, file: Path) -> None:
    stage.saga.works = False
    summary = run(stage, file, "--no-wait")
    assert summary["published"] == 5
    assert "confirmed" not in summary
    assert {order["status"] for order in stage.orders().values()} == {"PENDING"}


def test_orders_in_flight_start_at_one_and_stay_within_the_limit(stage: Stage, file: Path) -> None:
    run(stage, file, "--in-flight", "2")
    assert [len(call) for call in stage.bus.calls] == [1, 2, 2]


def test_unsettled_orders_are_reported_with_a_hint(stage: Stage, file: Path) -> None:
    stage.saga.works = False
    with pytest.raises(UserError, match="Not finished within 0 s: 5 orders") as caught:
        run(stage, file, "--deadline", "0")
    assert "orderctl orders list" in caught.value.hint
