"""The check of an order after its events: it has the findings of a snapshot's audit, and looks again at orders in flight."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from audit import orders
from audit.auditor import audit
from audit.finding import Finding
from audit.order_rows import MARGIN
from audit.orders import LOOK_SECONDS, LOOKS, OrderChecks
from audit.patience import Limits
from audit.rows import StageRows
from audit.snapshot import Snapshot
from audit.tables import TABLES, VARIABLES
from kernel import clock
from kernel.aggregate_store import Row
from kernel.inbox import DeadLetters
from tests.support import commit_share
from tests.support.audited_stage import last_moved
from tests.support.fake_clients import FakeClients
from tests.support.many_orders import ManyOrders, delivered_order
from tests.support.stored_snapshot import rows_of, stored
from tests.unit.audit.corruptions import CORRUPTIONS

LIMITS = Limits(abort_after_seconds=600, back_ordered_for_seconds=6 * 24 * 3600)
ENVIRON = {
    **{variable: table for table, variable in VARIABLES.items()},
    "ABORT_AFTER_SECONDS": "600",
    "BACK_ORDERED_FOR_SECONDS": "518400",
    "QUEUE_URL": "queue",
    "DEAD_LETTER_QUEUE_URL": "dead",
}


@dataclass
class Queues:
    """SQS, which keeps the messages that the function sends."""

    sent: list[dict[str, Any]] = field(default_factory=list)

    def send_message(self, **message: Any) -> None:
        self.sent.append(message)

    def to(self, url: str) -> list[dict[str, Any]]:
        return [message for message in self.sent if message["QueueUrl"] == url]


def message(order_id: object, *, looks: int = 0) -> Any:
    body = {"detail": {"metadata": {"order_id": order_id}}}
    attributes = {"messageAttributes": {LOOKS: {"stringValue": str(looks), "dataType": "Number"}}} if looks else {}
    return {"messageId": str(order_id), "body": json.dumps(body), **attributes}


def order_ids(snapshot: Snapshot, chosen: Callable[[Row], bool] = lambda row: True) -> list[str]:
    return [row["order_id"] for row in snapshot.order if "total" in row and "order_id" in row and chosen(row)]


@dataclass
class Checked:
    """The result of a batch: the findings and counts that were printed, the messages that were sent, and those that failed."""

    findings: set[Finding]
    metrics: dict[str, float]
    queues: Queues
    failed: list[str]


Check = Callable[..., Checked]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Return the check of messages on a snapshot's rows at a moment."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "audit")

    def run(snapshot: Snapshot, now: datetime, *messages: Any, client: Any = None) -> Checked:
        queues = Queues()
        handler = orders.bootstrap(FakeClients(dynamodb=client or stored(snapshot), sqs=queues), ENVIRON)
        capsys.readouterr()
        caplog.clear()
        with clock.use_source(lambda: now):
            answer = handler({"Records": list(messages)}, None)
        printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
        metrics = {
            definition["Name"]: document[definition["Name"]][0]
            for document in printed
            if "_aws" in document
            for definition in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        }
        findings = {
            Finding(*(getattr(record, name) for name in ("invariant", "subject", "what")))
            for record in caplog.records
            if record.message == "invariant broken"
        }
        return Checked(findings, metrics, queues, [item["itemIdentifier"] for item in answer["batchItemFailures"]])

    return run


def test_order_at_rest_is_done_with(settled: Snapshot, check: Check) -> None:
    done = check(settled, last_moved(settled) + 2 * MARGIN, *map(message, order_ids(settled)))
    assert (done.findings, done.metrics, done.queues.sent, done.failed) == (set(), {}, [], [])


def test_each_corruption_of_an_order_is_found(settled: Snapshot, check: Check) -> None:
    """Each finding of the snapshot on a row of one of the orders is found, unless the row is in a table of others."""
    now, ids = last_moved(settled) + 2 * MARGIN, order_ids(settled)
    found, share = 0, commit_share.share()
    for corruption in share.among(CORRUPTIONS):
        damaged = corruption.of(replace(settled, began="9999"), 0)
        try:
            client = stored(damaged)
        except (ValueError, TypeError):
            continue  # DynamoDB has no such rows
        checked = check(damaged, now, *map(message, ids), client=client).findings
        missed = {finding for finding in set(audit(damaged, settled=False)) - checked if of_a_key_of(finding.subject, ids)}
        assert all(finding.what.startswith(NOT_READ) for finding in missed), (corruption.name, missed)
        found += bool(checked)
    assert found >= 80 // share.of


NOT_READ = ("is no row that belongs", "has two rows")
"""The findings of rows that are not read by the key of an order: the rolling pass has them."""


def of_a_key_of(subject: str, ids: list[str]) -> bool:
    """Return True for an order's id or a key that its rows have."""
    keys = ("{}", "ORDER#{}", "PAY#{}", "RES#{}", "SHIP#{}", "NOTE#{}#confirmed", "NOTE#{}#cancelled", "NOTE#{}#dispatched")
    return any(subject == key.format(order_id) for order_id in ids for key in keys)


def test_order_that_waits_is_looked_at_again(history: list[Snapshot], check: Check) -> None:
    moment = next(books for books in history if order_ids(books, lambda row: row["status"] == "PENDING"))
    [order_id, *_] = order_ids(moment, lambda row: row["status"] == "PENDING")
    looked = check(moment, last_moved(moment) + timedelta(minutes=10), message(order_id))
    (again,) = looked.queues.to("queue")
    assert json.loads(again["MessageBody"]) == json.loads(message(order_id)["body"])
    assert again["DelaySeconds"] == LOOK_SECONDS
    assert again["MessageAttributes"][LOOKS]["StringValue"] == "1"
    assert looked.findings == set()


def test_order_that_moves_is_looked_at_again(settled: Snapshot, check: Check) -> None:
    moving = max((row for row in settled.order if "total" in row), key=lambda row: row["updated_at"])
    looked = check(settled, clock.from_rfc3339(moving["updated_at"]), message(moving["order_id"]))
    assert len(looked.queues.to("queue")) == 1


@pytest.mark.parametrize("looks", [(0, 3), (3, 0)])
def test_of_two_messages_of_an_order_the_one_with_fewer_looks_goes_on(
    settled: Snapshot, check: Check, looks: tuple[int, int]
) -> None:
    moving = max((row for row in settled.order if "total" in row), key=lambda row: row["updated_at"])
    both = [message(moving["order_id"], looks=number) for number in looks]
    (again,) = check(settled, clock.from_rfc3339(moving["updated_at"]), *both).queues.to("queue")
    assert again["MessageAttributes"][LOOKS]["StringValue"] == "1"


def test_order_without_its_end_is_counted_once_it_is_overdue(history: list[Snapshot], check: Check) -> None:
    moment = next(books for books in history if order_ids(books, lambda row: row["status"] == "PENDING"))
    [order_id, *_] = order_ids(moment, lambda row: row["status"] == "PENDING")
    late = check(moment, last_moved(moment) + timedelta(minutes=71), message(order_id, looks=4))
    assert "V1" in {finding.invariant for finding in late.findings}
    assert late.metrics == {"OrderFindings": len(late.findings), "OrdersNotEnded": 1}
    assert late.queues.sent == []


def test_confirmed_order_without_its_parcel_is_counted(settled: Snapshot, check: Check) -> None:
    [order_id, *_] = [row["order_id"] for row in settled.shipping if row["status"] == "DELIVERED"]
    unsent = replace(settled, shipping=[row for row in settled.shipping if row["order_id"] != order_id])
    late = check(unsent, last_moved(settled) + timedelta(hours=2), message(order_id))
    assert late.metrics["OrdersNotShipped"] == 1
    assert "E3" in {finding.invariant for finding in late.findings}


def test_order_without_its_mail_is_counted(settled: Snapshot, check: Check) -> None:
    [order_id, *_] = [row["order_id"] for row in settled.shipping if row["status"] == "DELIVERED"]
    unsent = replace(settled, notification=[row for row in settled.notification if row.get("order_id") != order_id])
    late = check(unsent, last_moved(settled) + timedelta(hours=2), message(order_id))
    assert late.metrics["NewsOverdue"] == 2
    assert "E5" in {finding.invariant for finding in late.findings}


def test_back_order_that_waits_for_stock_is_left_to_its_next_event(settled: Snapshot, check: Check) -> None:
    [order_id] = order_ids(settled, lambda row: row["status"] == "BACKORDERED")
    assert check(settled, last_moved(settled) + 2 * MARGIN, message(order_id)).queues.sent == []


def test_looks_come_to_an_end(settled: Snapshot, check: Check) -> None:
    moving = max((row for row in settled.order if "total" in row), key=lambda row: row["updated_at"])
    now = clock.from_rfc3339(moving["updated_at"])
    looks = [bool(check(settled, now, message(moving["order_id"], looks=looks)).queues.sent) for looks in range(20)]
    assert looks == sorted(looks, reverse=True)
    assert 5 <= sum(looks) <= 9, "an hour and a quarter at least, some two hours at most"


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"detail": []}', '{"detail": {"metadata": {"order_id": 7}}}'])
def test_message_without_an_order_is_set_aside(settled: Snapshot, check: Check, body: str) -> None:
    paid = next(row["order_id"] for row in settled.payment if row["status"] == "CAPTURED" and row["total"]["amount"])
    damaged = replace(settled, payment=[row for row in settled.payment if row.get("order_id") != paid])
    records = ({"messageId": "odd", "body": body}, message(paid))
    done = check(damaged, last_moved(settled) + 2 * MARGIN, *records)
    assert [letter["MessageBody"] for letter in done.queues.to("dead")] == [body]
    assert "M3" in {finding.invariant for finding in done.findings}
    assert done.failed == []


def test_order_that_cannot_be_checked_fails_alone(settled: Snapshot) -> None:
    """DynamoDB refuses the reads of one order."""
    bad, *others = order_ids(settled)

    class Rows(StageRows):
        def records(self, order_ids: Any, *, consistent: bool) -> list[Row]:
            if bad in order_ids:
                raise RuntimeError("throttled")
            return super().records(order_ids, consistent=consistent)

    queues = Queues()
    rows = Rows(stored(settled), {table: table for table in TABLES})
    checks = OrderChecks(rows, LIMITS, queues, "queue", DeadLetters(queues, "dead"))
    with clock.use_source(lambda: last_moved(settled) + 2 * MARGIN):
        answer = checks.check([message(order_id) for order_id in (bad, *others)])
    assert answer == {"batchItemFailures": [{"itemIdentifier": bad}]}


def test_check_of_an_order_costs_five_read_units() -> None:
    """$0.56 for a million orders (docs/explanation/decisions/0033-rolling-audit.md)."""
    copied = delivered_order()
    many = ManyOrders(copied, 100)
    rows, queues = rows_of(many), Queues()
    ids = [row["order_id"]["S"] for number in range(100) for row in copied.rows_of("order", number)]
    checks = OrderChecks(rows, LIMITS, queues, "queue", DeadLetters(queues, "dead"))
    assert checks.check([message(order_id) for order_id in ids]) == {"batchItemFailures": []}
    assert queues.sent == []
    assert rows.units / 100 == 4.5
