"""The scheduled auditor: it goes on with its pass, logs what it finds and counts it, zero too."""

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from audit import function
from audit.function import PASS_EVERY, go_on
from audit.order_rows import MARGIN
from audit.pass_store import Kept, PassStore
from audit.patience import Limits
from audit.rolling_pass import PassState
from audit.snapshot import Snapshot
from audit.tables import LEDGER, STATE_KEY, TABLES, VARIABLES
from kernel import clock
from kernel.aggregate_store import marshal
from tests.support.audited_stage import last_moved
from tests.support.fake_clients import FakeClients
from tests.support.stored_snapshot import rows_of, stored
from tests.support.tables import create_ledger, create_table

LIMITS = Limits(abort_after_seconds=600, back_ordered_for_seconds=6 * 24 * 3600)
OWN = "the-audit-table"


ENVIRON = {
    **{variable: f"the-{table}-table" for table, variable in VARIABLES.items()},
    "ABORT_AFTER_SECONDS": "600",
    "BACK_ORDERED_FOR_SECONDS": "518400",
    "TABLE_NAME": OWN,
}


@pytest.fixture
def tables(dynamodb: Any) -> Any:
    """Return the client of empty tables, which the function's variables name."""
    create_table(dynamodb, OWN)
    for table in VARIABLES:
        (create_ledger if table == LEDGER else create_table)(dynamodb, f"the-{table}-table")
    return dynamodb


def run(tables: Any) -> Any:
    return function.bootstrap(FakeClients(dynamodb=tables), ENVIRON)({}, None)


def fill(client: Any, snapshot: Snapshot) -> None:
    for table in TABLES:
        for row in snapshot.table(table):
            client.put_item(TableName=f"the-{table}-table", Item=marshal(row))


def counted(text: str) -> list[float]:
    """Return the values of the metric AuditFindings in the printed text."""
    printed = [json.loads(line) for line in text.splitlines() if "AuditFindings" in line]
    return [value for document in printed for value in document["AuditFindings"]]


def test_a_healthy_stage_counts_zero(tables: Any, settled: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tables, settled)
    with clock.use_source(lambda: last_moved(settled) + 2 * MARGIN):
        answer = run(tables)
    assert answer["rows"] >= sum(len(settled.table(table)) for table in TABLES)
    assert answer["findings"] == 0
    assert counted(capsys.readouterr().out) == [0.0]


def test_findings_are_counted_until_a_pass_finds_none(
    tables: Any, settled: Snapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    paid = next(row for row in settled.payment if row["status"] == "CAPTURED")
    fill(tables, replace(settled, payment=[row for row in settled.payment if row is not paid]))
    now = last_moved(settled) + 2 * MARGIN
    with clock.use_source(lambda: now):
        found = run(tables)["findings"]
        again = run(tables)
    assert found >= 1
    assert again == {"rows": 0, "findings": 0}, "the next pass is not due yet"
    tables.put_item(TableName="the-payment-table", Item=marshal(paid))
    with clock.use_source(lambda: now + PASS_EVERY):
        assert run(tables)["findings"] == 0
    assert counted(capsys.readouterr().out) == [float(found), float(found), 0.0]


def test_a_run_stops_after_its_read_units_and_the_next_goes_on(settled: Snapshot) -> None:
    now = last_moved(settled) + 2 * MARGIN
    client = stored(settled)
    with clock.use_source(lambda: now):
        kept, runs = Kept(PassState(clock.rfc3339(now))), 0
        while not kept.state.is_done:
            rows = rows_of(client)
            assert go_on(kept, rows, LIMITS, units=50).findings == []
            assert rows.units < 50 + 100 * 7, "a run ends with the page that exceeds its units"
            runs += 1
    assert runs >= 3


def test_a_run_stops_in_time(settled: Snapshot) -> None:
    moments = iter(last_moved(settled) + timedelta(minutes=number) for number in range(100))
    kept = Kept(PassState(clock.rfc3339(last_moved(settled))))
    go_on(kept, rows_of(stored(settled)), LIMITS, now=lambda: next(moments))
    assert not kept.state.is_done


def test_the_state_is_kept_between_runs(tables: Any, settled: Snapshot) -> None:
    store = PassStore(tables, OWN)
    assert store.load() is None
    kept = Kept(PassState("2026-11-29T00:00:00.000Z"), found_before=3)
    go_on(kept, rows_of(stored(settled)), LIMITS)
    kept.state.net.taken["USD"] += 5
    store.save(kept)
    assert store.load() == kept


def test_an_older_run_cannot_write_over_a_newer_one(tables: Any) -> None:
    store = PassStore(tables, OWN)
    store.save(Kept(PassState("2026-11-29T00:00:00.000Z"), version=7))
    with pytest.raises(tables.exceptions.ConditionalCheckFailedException):
        store.save(Kept(PassState("2026-11-29T01:00:00.000Z"), version=6))


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: zlib.compress(json.dumps({**state, "a_field_of_the_next_release": 1}).encode()),
        lambda state: zlib.compress(json.dumps({name: state[name] for name in state if name != "stock"}).encode()),
        lambda state: zlib.compress(b"[]"),
        lambda state: zlib.compress(b"{"),
        lambda state: b"not compressed",
    ],
    ids=["newer release", "older release", "no object", "no JSON", "damaged"],
)
def test_a_state_of_another_release_begins_a_new_pass(tables: Any, damage: Callable[[dict[str, Any]], bytes]) -> None:
    """After a rollback the auditor would fail at each run, for as long as the row stands there."""
    PassStore(tables, OWN).save(Kept(PassState("2026-11-29T00:00:00.000Z", phase=3), found_before=3, version=7))
    state = json.loads(PassState("2026-11-29T00:00:00.000Z", phase=3).as_json())
    tables.update_item(
        TableName=OWN,
        Key=marshal({"pk": STATE_KEY}),
        UpdateExpression="SET #state = :state",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": {"B": damage(state)}},
    )

    kept = PassStore(tables, OWN).load()
    assert kept
    assert (kept.state.phase, kept.found_before, kept.version) == (0, 3, 8)
    run(tables)
    assert PassStore(tables, OWN).load() != kept
