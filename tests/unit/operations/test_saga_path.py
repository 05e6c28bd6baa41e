"""The graph of the saga, and the ways of orders through it."""

from itertools import pairwise
from typing import Any, cast, get_args

import pytest

from kernel.transitions import ABSENT
from operations.orders import course, saga_graph, saga_path
from operations.orders.saga_graph import HIGH, ROW, WIDE, graph, picture
from operations.orders.saga_path import RUNS, TIMED, name_of, way, ways
from operations.orders.store import ListedOrder
from services.order.domain.model import Reason
from services.order.domain.states import TRANSITIONS
from services.order.workflow.definition import definition
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage

DELIVERED, DECLINED, CAPTURE_REFUSED, WAITING = STORIES[0], STORIES[18], STORIES[24], STORIES[43]
STATUSES = sorted({status for found in TRANSITIONS.transitions for status in (*found.sources, found.target)} - {ABSENT})


def order(status: str, **about: Any) -> ListedOrder:
    return cast(ListedOrder, {"status": status, **about})


def edges(name: str) -> set[str]:
    return {saga_graph.edge_name(edge) for edge in ways()[name]}


def test_graph_has_each_state_and_each_way_on_of_the_workflow() -> None:
    found: Any = definition()["States"]
    assert set(found) < set(graph().states)
    assert {"CapturePayment", "CommitStock", "VoidPayment", "ReleaseStock"} < set(graph().states)
    names = {saga_graph.edge_name(edge): edge.caught for edge in graph().edges}
    assert names["LiveOrRecovered>AuthorizePayment"] is False
    assert names["AuthorizePayment>RecordUnavailable"] is True
    assert "CommitStock>Settled" in names
    ends = {name for name in graph().states if not list(graph().after(name))}
    assert ends == {name for name, state in found.items() if state.get("End") or state["Type"] == "Fail"}


def test_each_state_has_a_place_of_its_own_below_those_before_it() -> None:
    drawn = picture()
    at = {state["name"]: (state["x"], state["y"]) for state in drawn["states"]}
    for edge in graph().edges:
        assert at[edge.ends][1] >= at[edge.begins][1] + ROW
    for left, right in pairwise(sorted(drawn["states"], key=lambda state: (state["y"], state["x"]))):
        assert left["y"] != right["y"] or left["x"] + WIDE < right["x"]
    assert all(0 < x <= drawn["width"] - WIDE and 0 < y <= drawn["height"] - HIGH for x, y in at.values())


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("reason", get_args(Reason))
@pytest.mark.parametrize("waited", [{}, {"backordered_at": "2026-11-23T12:00:00.000Z"}])
def test_each_order_has_a_way_from_the_start(status: str, reason: str, waited: dict[str, str]) -> None:
    name = name_of(order(status, reason=reason, **waited))
    assert ways()[name][0].begins == graph().start


@pytest.mark.parametrize(
    ("about", "through", "beside"),
    [
        (order("CONFIRMED"), "Settled>Confirm", "Settled>RefuseCapture"),
        (order("CONFIRMED"), "CommitStock>Settled", "LiveOrRecovered>LoadOrder"),
        (order("CANCELLED", reason="CUSTOMER", refunded=True), "Confirm>Answer", "Cancel>Answer"),
        (order("REFUNDING", reason="CARRIER_REFUSED"), "Confirm>Answer", "Cancel>Answer"),
        (order("CANCELLED", reason="CUSTOMER"), "WhereItStands>Decided", "DecideToCancel>Decided"),
        (order("CANCELLED", reason="PAYMENT_DECLINED"), "PaymentAnswered>DecideToCancel", "PaymentAnswered>ReserveStock"),
        (order("CANCELLED", reason="OUT_OF_STOCK"), "StockAnswered>DecideToCancel", "PaymentAnswered>DecideToCancel"),
        (order("CANCELLED", reason="CAPTURE_REFUSED"), "TurnedBack>Compensate", "Settled>Confirm"),
        (order("CANCELLING", reason="PAYMENT_UNAVAILABLE"), "Recorded>Decided", "Cancel>Answer"),
        (order("PENDING", unavailable="INVENTORY_UNAVAILABLE"), "ReserveStock>RecordUnavailable", "Recorded>Decided"),
        (order("BACKORDERED", backordered_at="-"), "StockAnswered>WaitForStock", "LiveOrRecovered>LoadOrder"),
        (order("CONFIRMED", backordered_at="-"), "LiveOrRecovered>LoadOrder", "Settled>RefuseCapture"),
        (order("CONFIRMED", backordered_at="-"), "StockAnswered>WaitForStock", "Cancel>Answer"),
    ],
)
def test_way_follows_from_the_row(about: ListedOrder, through: str, beside: str) -> None:
    assert through in edges(name_of(about))
    assert beside not in edges(name_of(about))


def test_each_run_is_one_way_on_the_graph() -> None:
    for name in RUNS:
        for edge in ways()[name]:
            assert edge in graph().edges, name


def test_way_of_an_order_has_the_time_of_each_state_with_an_event() -> None:
    stage = ConsoleStage()
    found = course.course(stage, stage.place(CAPTURE_REFUSED), stage.traced)
    walked = {state["name"]: state for state in way(found, cast(ListedOrder, found["order"]))["states"]}
    assert walked["AuthorizePayment"]["milliseconds"] == 2900
    assert walked["CapturePayment"]["kind"] == "refusal"
    assert walked["VoidPayment"]["kind"] == walked["Cancel"]["kind"] == "compensation"
    assert walked["DecideToConfirm"]["milliseconds"] is None
    assert "Confirm" not in walked


def test_each_timed_state_is_one_of_the_workflow() -> None:
    assert set(TIMED.values()) <= set(graph().states)
    assert set(TIMED) <= set(course.STEPS)


def test_ways_of_real_orders_end_where_the_orders_stand() -> None:
    stage = ConsoleStage()
    for story, last in ((DELIVERED, "Confirm"), (DECLINED, "Cancel"), (WAITING, "WaitForStock")):
        found = course.course(stage, stage.place(story), stage.traced)
        names = [state["name"] for state in saga_path.way(found, cast(ListedOrder, found["order"]))["states"]]
        assert last in names
