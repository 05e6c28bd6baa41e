"""The course of an order: its steps, deliveries, duplicates, and the work that is left."""

import json
from typing import Any, cast

import pytest

from kernel import clock
from operations.errors import UserError
from operations.events.bus_rules import Rule
from operations.order_trace import Trace
from operations.orders import course, store, wait_reasons
from operations.orders.course import Course, CourseEvent
from operations.orders.row_changes import comparable
from operations.orders.status_changes import status_changes
from tests.support.audited_stage import STORIES, Story
from tests.support.console_stage import ConsoleStage
from tests.unit.console.test_live import order

DELIVERED, RETURNED, CAPTURE_REFUSED, WAITING = STORIES[0], STORIES[13], STORIES[24], STORIES[43]


def lived(story: Story, steps: int | None = None, puts: int = 1) -> Course:
    stage = ConsoleStage()
    return course.course(stage, stage.place(story, steps, puts=puts), stage.traced)


def step_names(found: Course) -> list[tuple[str, str, str]]:
    return [(step["service"], step["name"], step["kind"]) for step in found["steps"]]


def test_delivered_order_went_through_each_step() -> None:
    assert step_names(lived(DELIVERED)) == [
        ("payment", "authorize", "step"),
        ("inventory", "reserve", "step"),
        ("inventory", "commit", "step"),
        ("payment", "capture", "step"),
        ("order", "confirm", "step"),
        ("shipping", "ship", "step"),
        ("notification", "mail", "step"),
        ("shipping", "dispatch", "step"),
        ("notification", "mail", "step"),
        ("shipping", "deliver", "step"),
        ("order", "fulfil", "step"),
    ]


def test_refused_capture_is_a_refusal_and_its_consequences_are_compensations() -> None:
    kinds = {name: kind for _, name, kind in step_names(lived(CAPTURE_REFUSED))}
    assert kinds["capture"] == "refusal"
    assert {kinds[name] for name in ("void", "release", "cancel")} == {"compensation"}


def test_each_step_begins_before_it_ends() -> None:
    stage = ConsoleStage()
    for order_id in stage.place_all(STORIES[::3]):
        found = course.course(stage, order_id, stage.traced)
        assert all(step["begins"] < step["ends"] for step in found["steps"])
        assert {step["event_id"] for step in found["steps"]} <= {event["event_id"] for event in found["events"]}


def test_event_is_on_the_bus_no_earlier_than_it_occurred() -> None:
    """The bus states whole seconds, so its time can be a part of a second before the event's own."""
    for event in lived(RETURNED, puts=2)["events"]:
        assert clock.from_rfc3339(event["published_at"]) >= clock.from_rfc3339(event["occurred_at"])


def test_event_states_the_change_of_its_row() -> None:
    changes = [(event["event"], event["status"]) for event in lived(RETURNED)["events"] if event["service"] == "order"]
    assert changes == [
        ("OrderPlaced", {"before": [], "after": ["PENDING"]}),
        ("OrderConfirmed", {"before": ["CONFIRMING"], "after": ["CONFIRMED"]}),
        ("OrderCancelRequested", {"before": ["CONFIRMED"], "after": ["CANCEL_REQUESTED"]}),
        ("OrderCancelled", {"before": ["CANCEL_REQUESTED"], "after": ["REFUNDING"]}),
    ]


def test_change_that_the_versions_leave_open_has_each_possible_status() -> None:
    changes = status_changes(
        [("ORDER#ord-1#3", "OrderConfirmed"), ("ORDER#ord-1#9", "OrderCancelled"), ("shop-1", "OrderPlaced")]
    )
    assert changes["ORDER#ord-1#9"] == {
        "before": ["CANCELLING", "CANCEL_REQUESTED", "CONFIRMED"],
        "after": ["CANCELLED", "REFUNDING"],
    }
    assert "shop-1" not in changes


def test_delivery_states_when_its_consumer_acted() -> None:
    found = lived(RETURNED)
    (cancelled,) = [event for event in found["events"] if event["event"] == "OrderCancelled"]
    handled = {delivery["consumer"]: delivery["handled_at"] for delivery in cancelled["deliveries"]}
    (refunded,) = [event["occurred_at"] for event in found["events"] if event["event"] == "PaymentRefunded"]
    (note,) = [row["created_at"] for row in found["rows"]["notification"] if row["kind"] == "cancelled"]
    assert handled == {"payment/cancellations": refunded, "inventory/cancellations": None, "notification/notices": note}


def test_start_of_the_saga_is_not_taken_for_its_end() -> None:
    placed = lived(DELIVERED)["events"][0]
    assert [delivery for delivery in placed["deliveries"] if delivery["handled_at"]] == []


def test_event_that_was_put_twice_states_its_duplicates() -> None:
    found = {event["event"]: event for event in lived(DELIVERED, puts=2)["events"]}
    assert (found["OrderConfirmed"]["times_put"], found["OrderConfirmed"]["duplicates_dropped"]) == (2, 2)


def test_event_without_a_consumer_says_why() -> None:
    found = {event["event"]: event for event in lived(DELIVERED)["events"]}
    assert found["OrderFulfilled"]["untaken"] == "No rule of the stage names OrderFulfilled from orderflow.order"
    assert found["OrderConfirmed"]["untaken"] is None


def test_rule_that_filters_an_event_out_is_named() -> None:
    event: Any = {"source": "orderflow.order", "detail-type": "OrderCancelled", "detail": {"data": {"confirmed": False}}}
    pattern = {"source": ["orderflow.order"], "detail-type": ["OrderCancelled"], "detail": {"data": {"confirmed": [True]}}}
    rules = [Rule("payment/cancellations", enabled=True, pattern=json.dumps(pattern), description="")]
    (decision,) = course.decided(event, rules)
    assert (decision["rule"], decision["takes"]) == ("payment/cancellations", False)
    assert str(decision["why"]).startswith("detail.data.confirmed: expected")
    assert course.untaken(event, [decision]).startswith(
        "payment/cancellations does not take it: detail.data.confirmed: expected"
    )


def test_each_rule_that_could_take_an_event_states_its_decision() -> None:
    found = {event["event"]: event for event in lived(DELIVERED)["events"]}
    confirmed, fulfilled = found["OrderConfirmed"], found["OrderFulfilled"]
    assert {decision["rule"] for decision in confirmed["decisions"] if decision["takes"]} == {
        delivery["consumer"] for delivery in confirmed["deliveries"]
    }
    assert fulfilled["decisions"] == []
    assert fulfilled["other_rules"] == confirmed["other_rules"] + len(confirmed["decisions"])


def test_event_shows_the_row_before_and_after() -> None:
    found = {event["event"]: event for event in lived(RETURNED)["events"]}
    assert found["OrderCancelRequested"]["row"] == [
        {"name": "version", "before": 3, "after": 4},
        {"name": "status", "before": "CONFIRMED", "after": "CANCEL_REQUESTED"},
        {"name": "customer_id", "before": "customer-0", "after": "customer-0"},
        {"name": "reason", "before": None, "after": "CUSTOMER"},
    ]
    placed = {change["name"]: change["before"] for change in found["OrderPlaced"]["row"]}
    assert set(placed.values()) == {None}


def test_rows_that_the_events_state_are_the_rows_as_they_are() -> None:
    """After the last event of a row, unless a step without an event came later."""
    stage, compared = ConsoleStage(), 0
    for order_id in stage.place_all(STORIES):
        found = course.course(stage, order_id, stage.traced)
        for row in (row for rows in found["rows"].values() for row in rows):
            last = [event for event in found["events"] if event["event_id"] == f"{row['pk']}#{row['version']}"]
            for change in (change for event in last for change in event["row"]):
                assert change["after"] == comparable(row[change["name"]]), (order_id, change)
                compared += 1
    assert compared > len(STORIES)


def test_work_that_is_left_names_the_event_and_the_next_look() -> None:
    text = json.dumps({"detail-type": "OrderConfirmed", "source": "orderflow.order", "detail": {}})
    row = {"pk": "ORDER#ord-1", "updated_at": "u", "pending": [text], "attempts": 3}
    row["next_due"] = "2026-11-23T12:01:00.000Z"
    assert list(course.left("order", row)) == [
        {"service": "order", "what": "OrderConfirmed is not published yet", "since": "u", "due": None, "tries": 0},
        {"service": "order", "what": "the sweeper looks at ORDER#ord-1", "since": None, "due": row["next_due"], "tries": 3},
    ]


def test_rows_show_no_secret() -> None:
    row = {"pk": "ORDER#ord-1", "payment_token": "pm_card_visa", "due_shard": "0", "said": '{"a": 1}', "pending": ['{"b": 2}']}
    assert course.shown(row) == {"pk": "ORDER#ord-1", "said": {"a": 1}, "pending": [{"b": 2}]}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (order("o"), "the saga has not decided yet"),
        (order("o", unavailable="INVENTORY_UNAVAILABLE", attempts=3), "inventory gave no answer at try 3"),
        (order("o", "CONFIRMING", unavailable="PAYMENT_UNAVAILABLE"), wait_reasons.REASONS["CONFIRMING"]),
        (order("o", "REFUNDING"), "the refund and the return of the stock is missing"),
        (order("o", "REFUNDING", refunded=True), "the return of the stock is missing"),
        (order("o", "CONFIRMED"), "the parcel is not dispatched yet"),
        (order("o", "CONFIRMED", fulfilment="DISPATCHED"), "the parcel is on its way"),
    ],
)
def test_reason_of_waiting_follows_from_the_row(row: Any, why: str) -> None:
    found = wait_reasons.waiting(row)
    assert found is not None
    assert found["why"] == why


@pytest.mark.parametrize("row", [order("o", "CANCELLED"), order("o", "CONFIRMED", fulfilment="DELIVERED")])
def test_order_that_has_ended_waits_for_nothing(row: Any) -> None:
    assert wait_reasons.waiting(row) is None


def test_back_order_states_its_next_try_and_its_end() -> None:
    found = wait_reasons.waiting(order("o", "BACKORDERED", next_due="soon", held_until="later"))
    assert found == {"why": wait_reasons.REASONS["BACKORDERED"], "next_try": "soon", "ends_at": "later"}


def test_each_status_has_a_reason_or_an_end() -> None:
    from services.order.domain.states import TRANSITIONS

    for status in TRANSITIONS.statuses:
        assert (wait_reasons.waiting(order("o", status)) is None) == (status == "CANCELLED")


def test_names_of_events_exist() -> None:
    from kernel import schemas

    published = {detail_type for _, detail_type, _ in schemas.read_schemas()}
    named = (
        set(course.STEPS)
        | course.REFUSALS
        | course.COMPENSATIONS
        | {name for _, after in course.STEPS.values() for name in after}
    )
    assert named <= published


@pytest.mark.parametrize("moment", ["2026-11-23T12:00:00", "no time", ["x"], None, "0001-01-01T00:00:00+05:00", 17])
@pytest.mark.parametrize("data", [{}, [], "text", None])
def test_course_of_an_order_shows_any_event_of_a_channel(moment: object, data: object) -> None:
    """A channel may put anything on the bus, also an event that states the id of a service's event, or an order's id."""
    stage = ConsoleStage()
    order_id = stage.place(DELIVERED)
    for event_id in ("shop-1", f"ORDER#{order_id}#3", f"ORDER#{order_id}#9"):
        metadata = {"event_id": event_id, "order_id": order_id, "occurred_at": moment}
        detail = json.dumps({"metadata": metadata, "data": data})
        entry = {"Source": "orderflow.channel.shop", "DetailType": "OrderConfirmed", "Detail": detail}
        stage.bus.put_events(Entries=[entry])
    found = course.course(stage, order_id, stage.traced)
    assert len([event for event in found["events"] if event["service"] == "channel"]) == 2
    for event in found["events"]:
        clock.from_rfc3339(event["occurred_at"])
        clock.from_rfc3339(event["published_at"])


def test_course_without_the_journals_stack_shows_the_rows() -> None:
    def missing(*_: object) -> Trace:
        raise UserError("The journal stack of stage 'dev' is not deployed.")

    stage = ConsoleStage()
    found = course.course(stage, stage.place(DELIVERED), missing)
    assert (found["events"], found["not_deployed"]) == ([], ["journal"])
    assert [row["status"] for row in found["rows"]["shipping"]] == ["DELIVERED"]


def test_service_that_was_added_has_rows_and_steps() -> None:
    assert store.aggregate_keys("shipping") == store.OTHER_SERVICES["shipping"]
    events = lived(DELIVERED)["events"]
    confirmed = next(event for event in events if event["event"] == "OrderConfirmed")
    given: Any = {"event": "PointsGiven", "service": "loyalty", "event_id": "LOYALTY#1", "caused_by": confirmed["event_id"]}
    later = {**confirmed, **given, "occurred_at": "2026-11-23T13:00:00.000Z"}
    (step,) = [step for step in course.steps([*events, cast(CourseEvent, later)]) if step["service"] == "loyalty"]
    assert (step["name"], step["begins"], step["ends"]) == ("PointsGiven", confirmed["occurred_at"], later["occurred_at"])
