"""The circuit breaker before the carrier: paused after failures in a row, probed by one caller, resumed by an answer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kernel import clock
from services.shipping.domain.breaker import FAILURES_TO_PAUSE, FIRST_PAUSE, LONGEST_PAUSE, PROBE_TIME, pause_after
from services.shipping.domain.carrier import CarrierUnavailableError, ShipmentNotReadyError
from services.shipping.storage.breaker import BreakerStore
from services.shipping.use_cases.carrier_calls import CarrierCalls, CarrierPausedError
from tests.support.choreography import ALICE, ORDER, an_event
from tests.unit.shipping.conftest import LateCarrier, ShippingService, order_ids

CREATED = an_event("shipping", "ShipmentCreated")


class Line:
    """The calls of two instances to one carrier, which is `down` or not, and counts them."""

    def __init__(self, shipping: ShippingService) -> None:
        self.shipping = shipping
        self.store = BreakerStore(shipping.clients.dynamodb, "shipments")
        self.calls = CarrierCalls(self.store)
        self.down = False
        self.made = 0

    def request(self) -> str:
        self.made += 1
        if self.down:
            raise CarrierUnavailableError
        return "answer"

    def fails(self, times: int) -> None:
        self.down = True
        for _ in range(times):
            with pytest.raises(CarrierUnavailableError):
                self.calls.make(self.request)

    def is_refused(self) -> bool:
        before = self.made
        with pytest.raises(CarrierPausedError):
            self.calls.make(self.request)
        return self.made == before


@pytest.fixture
def line(shipping: ShippingService) -> Line:
    return Line(shipping)


def test_calls_to_a_carrier_that_answers_write_nothing(line: Line) -> None:
    assert [line.calls.make(line.request) for _ in range(3)] == ["answer"] * 3
    assert line.store.read() is None


def test_failures_in_a_row_pause_the_calls_of_all(line: Line) -> None:
    line.fails(FAILURES_TO_PAUSE)
    assert line.is_refused()
    assert CarrierCalls(line.store).are_paused()
    assert line.made == FAILURES_TO_PAUSE


def test_answer_between_failures_counts_from_zero_again(line: Line) -> None:
    line.fails(FAILURES_TO_PAUSE - 1)
    line.down = False
    assert line.calls.make(line.request) == "answer"
    line.fails(FAILURES_TO_PAUSE - 1)
    assert not line.calls.are_paused()


def test_other_errors_are_no_failures_of_the_carrier(line: Line) -> None:
    def bug() -> None:
        raise KeyError("field")

    for _ in range(FAILURES_TO_PAUSE):
        with pytest.raises(KeyError):
            line.calls.make(bug)
    assert line.store.read() is None


def test_shipments_that_are_not_ready_pause_no_others(line: Line) -> None:
    """Orders without a rate fail at each sweep for days, until one is offered or an operator cancels them."""

    def no_rate() -> str:
        raise ShipmentNotReadyError

    for _ in range(2 * FAILURES_TO_PAUSE):
        with pytest.raises(ShipmentNotReadyError):
            line.calls.make(no_rate)
    assert not line.calls.are_paused()
    line.fails(FAILURES_TO_PAUSE)
    with clock.use_source(lambda: datetime.now(UTC) + FIRST_PAUSE):
        with pytest.raises(ShipmentNotReadyError):
            line.calls.make(no_rate)
        line.down = False
        assert line.calls.make(line.request) == "answer", "the carrier answered the probe"


def test_one_caller_probes_after_the_pause(line: Line) -> None:
    line.fails(FAILURES_TO_PAUSE)
    line.shipping.now += FIRST_PAUSE
    refused = []

    def probe() -> str:
        refused.append(line.is_refused())  # another caller, while the probe is under way
        return "answer"

    assert line.calls.make(probe) == "answer"
    assert refused == [True]


def test_two_callers_who_saw_the_pause_end_claim_one_probe(line: Line) -> None:
    line.fails(FAILURES_TO_PAUSE)
    line.shipping.now += FIRST_PAUSE
    seen = line.store.read()
    assert seen
    claims = [line.store.claim_probe(seen["paused_until"], line.shipping.now + PROBE_TIME) for _ in range(2)]
    assert claims == [True, False]


def test_answer_to_the_probe_resumes_the_calls(line: Line) -> None:
    line.fails(FAILURES_TO_PAUSE)
    line.shipping.now += FIRST_PAUSE
    line.down = False
    assert [line.calls.make(line.request) for _ in range(3)] == ["answer"] * 3
    row = line.store.read()
    assert row
    assert (row["failures"], "paused_until" in row, "pauses" in row) == (0, False, False)


def test_pause_doubles_with_each_probe_that_fails(line: Line) -> None:
    line.fails(FAILURES_TO_PAUSE)
    for pauses in range(5):
        line.shipping.now += pause_after(pauses) - timedelta(seconds=1)
        assert line.is_refused()
        line.shipping.now += timedelta(seconds=1)
        line.fails(1)
    assert pause_after(1) == 2 * FIRST_PAUSE
    assert pause_after(100) == LONGEST_PAUSE


def test_probe_whose_caller_died_is_made_by_another(line: Line) -> None:
    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    line.fails(FAILURES_TO_PAUSE)
    line.shipping.now += FIRST_PAUSE
    with pytest.raises(Died):
        line.calls.make(die)
    assert line.is_refused()
    line.shipping.now += PROBE_TIME
    line.down = False
    assert line.calls.make(line.request) == "answer"
    assert not line.calls.are_paused()


def test_answer_is_kept_though_it_cannot_be_noted(line: Line) -> None:
    class ReadOnly:
        def __init__(self, client: Any) -> None:
            self.get_item: Callable[..., Any] = client.get_item

        def update_item(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "UpdateItem")

    line.fails(1)
    calls = CarrierCalls(BreakerStore(ReadOnly(line.shipping.clients.dynamodb), "shipments"))
    assert calls.make(lambda: "answer") == "answer"


def test_paused_booking_queries_no_contact_and_comes_again(shipping: ShippingService, line: Line, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    line.fails(FAILURES_TO_PAUSE)
    shipping.contacts.contacts.clear()
    assert shipping.receives_bookings(CREATED)["batchItemFailures"] != []
    assert late.prepared == []


def test_sweep_leaves_shipments_as_they_are_while_the_calls_are_paused(
    shipping: ShippingService, line: Line, late: LateCarrier
) -> None:
    shipping.confirmed(ORDER)
    line.fails(FAILURES_TO_PAUSE)
    before = shipping.row()
    assert shipping.sweep()["failed"] == 0
    assert (shipping.row(), late.prepared) == (before, [])
    assert shipping.sweep(after=FIRST_PAUSE)["moved"] == 1


def test_row_that_finds_the_calls_paused_ends_the_sweep(shipping: ShippingService, late: LateCarrier) -> None:
    orders = order_ids(FAILURES_TO_PAUSE + 3)
    shipping.contacts.contacts |= dict.fromkeys(orders, ALICE)
    shipping.confirmed(*orders)
    prepare = late.prepare

    def away(*_: object) -> str:
        raise CarrierUnavailableError

    late.prepare = away  # type: ignore[method-assign]
    assert shipping.sweep() == {"moved": 0, "failed": FAILURES_TO_PAUSE, "republished": 0}
    assert len(shipping.contacts.asked) == FAILURES_TO_PAUSE + 1
    late.prepare = prepare  # type: ignore[method-assign]
    assert shipping.sweep(after=FIRST_PAUSE)["moved"] == len(orders)


def test_outage_of_the_carrier_costs_it_few_calls(shipping: ShippingService, late: LateCarrier) -> None:
    """An hour of deliveries every ten seconds, to a carrier that is down."""
    shipping.confirmed(ORDER)
    asked = 0

    def away(*_: object) -> str:
        nonlocal asked
        asked += 1
        raise CarrierUnavailableError

    late.prepare = away  # type: ignore[method-assign]
    for _ in range(360):
        shipping.now += timedelta(seconds=10)
        shipping.receives_bookings(CREATED)
    assert asked <= FAILURES_TO_PAUSE + 4 + 12, "after the first pauses one probe each five minutes"
