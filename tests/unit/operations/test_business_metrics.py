"""The catalogue of business metrics: complete, cheap to watch, and measured from steps that exist."""

from datetime import UTC, datetime
from itertools import chain
from typing import Any

import pytest

from audit.metrics import measures as measures_of_pass
from audit.rolling_pass import PassState
from kernel.transitions import TransitionTable
from operations.economics import metrics, prices
from services.inventory.domain import metrics as inventory
from services.inventory.domain.states import TRANSITIONS as RESERVATION
from services.notification.domain import metrics as notification
from services.notification.domain.states import TRANSITIONS as NOTE
from services.order.domain import metrics as order
from services.order.domain.states import TRANSITIONS as ORDER
from services.payment.domain import metrics as payment
from services.payment.domain.states import TRANSITIONS as PAYMENT
from services.shipping.domain import metrics as shipping
from services.shipping.domain.states import TRANSITIONS as SHIPMENT

ROW: Any = {
    "created_at": "2026-11-29T12:00:00.000Z",
    "updated_at": "2026-11-29T12:00:02.500Z",
    "reason": "CUSTOMER",
    "total": {"amount": 1200, "currency": "EUR"},
    "kind": "confirmed",
}
ORDERS = {
    "wait": [(2500, "")],
    "confirm": [(2500, ""), (1, ""), (2500, "")],
    "cancel": [(2500, ""), (1, "CUSTOMER")],
    "revoke": [(1, "CUSTOMER")],
}


@pytest.mark.parametrize(
    ("module", "table", "measured"),
    [
        (order, ORDER, ORDERS),
        (payment, PAYMENT, {"capture": [(1200, "EUR")], "refund": [(1200, "EUR")], "settle_refund": [(1200, "EUR")]}),
        (inventory, RESERVATION, {"reject": [(1, "")], "wait": [(1, "")]}),
        (shipping, SHIPMENT, {"dispatch": [(2, "")]}),
        (notification, NOTE, {"send": [(1, "confirmed"), (2, "")], "fail": [(1, "confirmed")]}),
    ],
)
def test_steps_are_measured_with_the_row_after_them(
    module: Any, table: TransitionTable, measured: dict[str, list[tuple[int, str]]]
) -> None:
    found = {
        transition.name: [(measure.value, measure.of) for measure in module.measures(transition.name, ROW)]
        for transition in table.transitions
    }
    assert {name: values for name, values in found.items() if values} == measured


def test_reservation_of_a_part_is_a_stock_out() -> None:
    assert [measure.metric.name for measure in inventory.measures("reserve", {**ROW, "asked": []})] == ["StockOuts"]


@pytest.mark.parametrize("step", ["confirm", "cancel"])
def test_back_order_is_answered_once(step: str) -> None:
    waited = {**ROW, "backordered_at": "2026-11-29T12:00:01.000Z"}
    assert "TimeToAnswer" not in [measure.metric.name for measure in order.measures(step, waited)]


def test_mail_that_was_given_up_as_unknown_took_its_time() -> None:
    found = notification.measures("fail", {**ROW, "reason": "SENDING_UNKNOWN"})
    assert [(measure.metric.name, measure.value) for measure in found] == [("MailsFailed", 1), ("TimeToMail", 2)]


def test_pass_without_open_orders_measures_nothing() -> None:
    now = datetime(2026, 11, 29, 12, 1, tzinfo=UTC)
    assert list(measures_of_pass(PassState("2026-11-29T12:00:00.000Z"), now)) == []
    state = PassState("2026-11-29T12:00:00.000Z", back_orders=3, unfinished_since="2026-11-29T11:59:00.000Z")
    assert [(measure.metric.name, measure.value) for measure in measures_of_pass(state, now)] == [
        ("BackOrdersWaiting", 3),
        ("OldestUnfinishedOrder", 120),
    ]


def test_names_are_unique_and_the_most_that_they_cost_is_known() -> None:
    found = [metric.name for metric in chain(*metrics.CATALOGUE.values(), metrics.OF_EACH_SERVICE)]
    assert len(found) == len(set(found))
    assert metrics.month_usd(prices.load()) <= 12.0
