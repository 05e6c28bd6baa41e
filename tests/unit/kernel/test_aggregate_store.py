"""Rows that move by transitions, on the payment's table: production data, and short enough to see."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel import clock, seen_rows
from kernel.aggregate_store import (
    AggregateStore,
    Causation,
    ContentionError,
    Decision,
    ForbiddenTransitionError,
    Row,
    UnknownAggregateError,
    VersionConflictError,
    marshal,
    unmarshal,
)
from kernel.schemas import InvalidEventError
from services.payment.domain.states import TRANSITIONS
from tests.support.outboxes import event_ids
from tests.support.spy import Spy
from tests.support.tables import create_table

ORDER = "ord-" + "a" * 26
CAUSE = Causation("correlation-1", "request-1")
TOTAL = {"amount": 4998, "currency": "USD"}

INTEND = Decision(TRANSITIONS["intend_authorize"], set={"order_id": ORDER, "total": TOTAL})
AUTHORIZE = Decision(TRANSITIONS["authorize"], data={"total": TOTAL})
INTEND_CAPTURE = Decision(TRANSITIONS["intend_capture"])
CAPTURE = Decision(TRANSITIONS["capture"], data={"total": TOTAL})


@pytest.fixture
def rows(dynamodb: Any) -> AggregateStore:
    create_table(dynamodb, "payments")
    return AggregateStore(dynamodb, "payments", TRANSITIONS)


def once(change: Decision) -> Callable[[Row | None], Decision | None]:
    """Take the step if the row stands where it starts, else nothing."""

    def decide(row: Row | None) -> Decision | None:
        return change if (row["status"] if row else "∅") in change.transition.sources else None

    return decide


def test_first_step_creates_the_row(rows: AggregateStore) -> None:
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    with clock.use_source(lambda: noon):
        row = rows.create_or_apply(ORDER, once(INTEND), CAUSE)

    assert row == {
        "pk": f"PAY#{ORDER}",
        "order_id": ORDER,
        "total": TOTAL,
        "status": "AUTHORIZING",
        "version": 1,
        "created_at": "2026-11-23T12:00:00.000Z",
        "updated_at": "2026-11-23T12:00:00.000Z",
    }
    assert rows.get(ORDER) == row


def test_step_on_a_missing_row_raises_an_error(rows: AggregateStore) -> None:
    assert rows.get(ORDER) is None
    with pytest.raises(UnknownAggregateError, match=f"there is no PAY#{ORDER}"):
        rows.create_or_apply(ORDER, lambda row: None, CAUSE)
    with pytest.raises(UnknownAggregateError, match=f"there is no PAY#{ORDER}"):
        rows.apply(ORDER, lambda row: INTEND, CAUSE)
    assert rows.get(ORDER) is None


def test_a_row_is_created_once(rows: AggregateStore) -> None:
    created = rows.create(ORDER, INTEND, CAUSE)

    assert rows.create(ORDER, INTEND, CAUSE) == created == rows.get(ORDER)
    assert rows.apply(ORDER, lambda row: None, CAUSE) == created


def test_each_step_adds_one_to_the_version_and_leaves_its_event_pending(rows: AggregateStore) -> None:
    rows.create_or_apply(ORDER, once(INTEND), CAUSE)
    row = rows.create_or_apply(ORDER, once(AUTHORIZE), CAUSE)

    assert row
    assert (row["status"], row["version"]) == ("AUTHORIZED", 2)
    assert event_ids(row["pending"]) == [f"PAY#{ORDER}#2"]
    assert row["pending_since"] == row["updated_at"]
    assert "pending_shard" not in row


def test_pending_events_keep_their_order_and_the_time_of_the_first(rows: AggregateStore) -> None:
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    for seconds, change in enumerate((INTEND, AUTHORIZE, INTEND_CAPTURE, CAPTURE)):
        with clock.use_source(lambda seconds=seconds: noon + timedelta(seconds=seconds)):  # type: ignore[misc]
            row = rows.create_or_apply(ORDER, once(change), CAUSE)

    assert row
    assert event_ids(row["pending"]) == [f"PAY#{ORDER}#2", f"PAY#{ORDER}#4"]
    assert row["pending_since"] == "2026-11-23T12:00:01.000Z"


def test_step_without_an_event_leaves_nothing_pending(rows: AggregateStore) -> None:
    rows.create_or_apply(ORDER, once(INTEND), CAUSE)
    row = rows.create_or_apply(ORDER, once(Decision(TRANSITIONS["authorize"], publishes=False)), CAUSE)

    assert row
    assert row["status"] == "AUTHORIZED"
    assert "pending" not in row


def test_repeated_step_changes_nothing(rows: AggregateStore) -> None:
    rows.create_or_apply(ORDER, once(INTEND), CAUSE)
    before = rows.create_or_apply(ORDER, once(AUTHORIZE), CAUSE)

    assert rows.create_or_apply(ORDER, once(AUTHORIZE), CAUSE) == before


def test_row_taken_for_missing_is_read_after_the_failed_write(rows: AggregateStore) -> None:
    before = rows.create_or_apply(ORDER, once(INTEND), CAUSE)

    assert rows.create_or_apply(ORDER, once(INTEND), CAUSE, presume_absent=True) == before


def test_row_in_hand_is_not_read_again(rows: AggregateStore) -> None:
    seen = rows.create_or_apply(ORDER, once(INTEND), CAUSE)
    rows.client.meta.events.register("provide-client-params.dynamodb.GetItem", lambda **_: pytest.fail("the row is read"))

    row = rows.create_or_apply(ORDER, once(AUTHORIZE), CAUSE, seen=seen)

    assert row
    assert row["status"] == "AUTHORIZED"


def passed_on(row: Row) -> Row:
    """Return a row as the next step of a run gets it."""
    seen = seen_rows.row_of({"seen": seen_rows.text_of(row)}, dict)
    assert seen is not None
    return seen


def test_row_of_a_statement_is_not_read(rows: AggregateStore) -> None:
    row = rows.create_or_apply(ORDER, once(INTEND), CAUSE)
    spy = Spy(rows.client)
    after = AggregateStore(spy, "payments", TRANSITIONS).apply(ORDER, once(AUTHORIZE), CAUSE, seen=passed_on(row))
    assert spy.calls == ["update_item"]
    assert after == rows.get(ORDER)
    assert after["version"] == 2


def test_row_of_a_statement_that_has_moved_is_decided_anew(rows: AggregateStore) -> None:
    old = passed_on(rows.create_or_apply(ORDER, once(INTEND), CAUSE))
    for change in (AUTHORIZE, INTEND_CAPTURE):
        rows.apply(ORDER, once(change), CAUSE)
    assert rows.apply(ORDER, once(AUTHORIZE), CAUSE, seen=old)["status"] == "CAPTURING"


def test_row_of_a_statement_that_is_gone_is_missing(rows: AggregateStore, dynamodb: Any) -> None:
    old = passed_on(rows.create_or_apply(ORDER, once(INTEND), CAUSE))
    dynamodb.delete_item(TableName="payments", Key=marshal({"pk": f"PAY#{ORDER}"}))
    with pytest.raises(UnknownAggregateError):
        rows.apply(ORDER, once(AUTHORIZE), CAUSE, seen=old)


def test_row_of_a_statement_has_what_its_version_stands_for(rows: AggregateStore) -> None:
    """A row of the same version may have another outbox, place in an index, or lease of a sweeper."""
    token = Decision(TRANSITIONS["intend_authorize"], set={"order_id": ORDER, "total": TOTAL, "payment_token": "pm_card_visa"})
    rows.create_or_apply(ORDER, once(token), CAUSE)
    row = rows.apply(ORDER, once(AUTHORIZE), CAUSE)
    rows.make_due(row)
    after = rows.get(ORDER)
    assert after is not None
    assert {"due_shard", "next_due", "pending", "pending_since", "payment_token"} <= after.keys()
    assert passed_on(after).keys() == {"pk", "order_id", "total", "status", "version", "created_at", "updated_at"}
    assert seen_rows.row_of({"outcome": "AUTHORIZED"}, dict) is None, "a statement of an older version"


def test_write_on_a_changed_row_raises_an_error_with_the_row(rows: AggregateStore) -> None:
    intended = rows.create_or_apply(ORDER, once(INTEND), CAUSE)
    authorized = rows.create_or_apply(ORDER, once(AUTHORIZE), CAUSE)

    with pytest.raises(VersionConflictError) as stale:
        rows.write(ORDER, intended, AUTHORIZE, CAUSE)
    assert stale.value.row == authorized


def test_write_on_a_deleted_row_raises_an_error_without_a_row(rows: AggregateStore, dynamodb: Any) -> None:
    intended = rows.create_or_apply(ORDER, once(INTEND), CAUSE)
    dynamodb.delete_item(TableName="payments", Key=marshal({"pk": f"PAY#{ORDER}"}))

    with pytest.raises(VersionConflictError) as stale:
        rows.write(ORDER, intended, AUTHORIZE, CAUSE)
    assert stale.value.row is None


def test_write_on_another_version_of_the_same_status_is_refused(rows: AggregateStore) -> None:
    row = rows.create_or_apply(ORDER, once(INTEND), CAUSE)
    assert row

    with pytest.raises(VersionConflictError):
        rows.write(ORDER, {**row, "version": 7}, AUTHORIZE, CAUSE)


class AnswerLost:
    """A DynamoDB that makes the first write and loses its answer, so that the SDK sends it again."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.lost = False

    def update_item(self, **update: Any) -> Any:
        if not self.lost:
            self.lost = True
            self.client.update_item(**update)
        return self.client.update_item(**update)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def test_write_with_a_lost_response_finds_its_own_result(rows: AggregateStore) -> None:
    rows.create_or_apply(ORDER, once(INTEND), CAUSE)
    rows.client = AnswerLost(rows.client)

    row = rows.create_or_apply(ORDER, once(AUTHORIZE), CAUSE)

    assert row
    assert (row["status"], row["version"]) == ("AUTHORIZED", 2)
    assert event_ids(row["pending"]) == [f"PAY#{ORDER}#2"]


def test_row_that_keeps_changing_raises_contention_error(rows: AggregateStore, dynamodb: Any) -> None:
    rows.create_or_apply(ORDER, once(INTEND), CAUSE)

    def decide_while_another_writes(row: Row | None) -> Decision:
        dynamodb.update_item(
            TableName="payments",
            Key=marshal({"pk": f"PAY#{ORDER}"}),
            UpdateExpression="ADD version :one",
            ExpressionAttributeValues=marshal({":one": 1}),
        )
        return AUTHORIZE

    with pytest.raises(ContentionError, match=r"changed 5 times"):
        rows.create_or_apply(ORDER, decide_while_another_writes, CAUSE)


def test_step_outside_the_transition_table_is_refused(rows: AggregateStore) -> None:
    row = rows.create_or_apply(ORDER, once(INTEND), CAUSE)

    with pytest.raises(ForbiddenTransitionError, match="is AUTHORIZING; capture starts from"):
        rows.write(ORDER, row, CAPTURE, CAUSE)
    with pytest.raises(ForbiddenTransitionError, match="is ∅"):
        rows.write(ORDER, None, CAPTURE, CAUSE)


def test_invalid_event_leaves_the_row_unchanged(rows: AggregateStore) -> None:
    before = rows.create_or_apply(ORDER, once(INTEND), CAUSE)

    with pytest.raises(InvalidEventError, match="PaymentAuthorized"):
        rows.create_or_apply(ORDER, once(Decision(TRANSITIONS["authorize"], data={"total": "a lot"})), CAUSE)
    assert rows.get(ORDER) == before


def test_a_change_can_remove_attributes(rows: AggregateStore) -> None:
    rows.create_or_apply(ORDER, once(INTEND), CAUSE)
    row = rows.create_or_apply(ORDER, once(Decision(TRANSITIONS["authorize"], data={"total": TOTAL}, remove=("total",))), CAUSE)

    assert row
    assert "total" not in row


def test_marshalled_value_is_read_back_unchanged() -> None:
    row = {"n": 3, "text": "x", "lines": [{"sku": "A", "quantity": 2}], "none": None, "yes": True}

    assert unmarshal(marshal(row)) == row
    assert type(unmarshal(marshal(row))["n"]) is int
