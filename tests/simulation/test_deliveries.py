"""Which errors of a subscriber the simulation takes for a message that only waits for another delivery."""

import pytest

from kernel.contact import ContactNotYetError, ContactUnavailableError
from services.notification.functions.subscriber import ClaimInProgressError
from services.shipping.domain.carrier import CarrierUnavailableError, ShipmentNotReadyError
from services.shipping.use_cases.carrier_calls import CarrierPausedError
from services.shipping.use_cases.parcel_steps import OrderNotConfirmedError
from simulation.engine.faults import Plan
from simulation.stage.invariants.deliveries import Deliveries
from simulation.stage.invariants.placement import Placement
from simulation.stage.invariants.record import Record

BATCH = "queue shipping-bookings [SHIP#ord-1#1 1]"
WAITS = (CarrierUnavailableError, CarrierPausedError, ShipmentNotReadyError, ClaimInProgressError, ContactNotYetError)
FAULTS = (OrderNotConfirmedError, ContactUnavailableError, ValueError)


def returned_messages(error: type[Exception]) -> int:
    record = Record({}, Plan(), lambda: 0)
    deliveries = Deliveries(record, Placement(record), row_failed=lambda _: False)
    deliveries.failed(f"{BATCH} > shipping-booking", error("of the test"))
    return deliveries.returned[BATCH]


@pytest.mark.parametrize("error", WAITS)
def test_message_waits_if_its_step_is_not_possible_yet(error: type[Exception]) -> None:
    assert returned_messages(error) == 1


@pytest.mark.parametrize("error", FAULTS)
def test_message_that_fails_for_another_reason_does_not_wait(error: type[Exception]) -> None:
    assert returned_messages(error) == 0
