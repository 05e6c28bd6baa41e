"""The next step of a shipment at the carrier: it is booked, queried, or its refund is checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kernel import clock, logs
from kernel.aggregate_store import VersionConflictError
from kernel.clients import Clients
from kernel.contact import ContactNotYetError, Contacts
from kernel.errors import RetryableError
from kernel.logs import logger
from kernel.metrics import count
from kernel.settings import from_environment
from services.shipping.carriers.factory import CarrierFactory
from services.shipping.domain import decisions, states
from services.shipping.domain.carrier import CancelOutcome, Carrier
from services.shipping.domain.model import FailureReason, ShipmentDecision, ShipmentRow
from services.shipping.storage.breaker import BreakerStore
from services.shipping.storage.table import Shipments, shipments_of
from services.shipping.use_cases.carrier_calls import CarrierCalls
from services.shipping.use_cases.tracking import record_tracking

CONTACT_RETRY_INTERVAL: Final = timedelta(minutes=1)
"""How long a shipment waits if its contact may still arrive."""


@dataclass(frozen=True)
class ParcelSettings:
    """The function that has the addresses, and how many seconds after dispatch the carrier is first queried."""

    contact_function_arn: str
    transit_seconds: int


class OrderNotConfirmedError(RetryableError):
    """The order service does not state that the order is confirmed: its parcel stays here, and the step is retried."""


@dataclass(frozen=True)
class ParcelSteps:
    """The steps that shipments take at the carrier. `transit` is the time from dispatch to the first query."""

    shipments: Shipments
    contacts: Contacts
    carrier: Carrier
    calls: CarrierCalls
    transit: timedelta

    def move(self, order_id: str) -> bool:
        """Take the shipment's next step if it is due; return whether it was taken. Raises what the carrier raises."""
        row = self.shipments.get(order_id)
        return row is not None and decisions.is_due(row, clock.now()) and self._take(row)

    def book(self, order_id: str) -> bool:
        """Book the shipment if it is not booked yet, also before it is due; return whether it was dispatched, or failed.

        Raises CarrierPausedError before it queries anything else, and what `book_with_carrier` raises.
        """
        self.calls.assert_not_paused()
        row = self.shipments.get(order_id)
        return row is not None and decisions.is_bookable(row) and self._take(row)

    def _take(self, row: ShipmentRow) -> bool:
        logs.follow(row["correlation_id"])
        try:
            match row["status"]:
                case states.DISPATCHED:
                    return self.query_parcel(row)
                case states.FAILED:
                    return self.check_refund(row)
                case _:
                    return self.book_with_carrier(row)
        except ContactNotYetError:
            self.shipments.postpone(row["order_id"], clock.now() + CONTACT_RETRY_INTERVAL)
            return False
        except VersionConflictError:
            # A cancellation or another booking was faster, or the response to this write was lost: the next sweep finds out.
            return False

    def book_with_carrier(self, row: ShipmentRow) -> bool:
        """Prepare a booking, record its id, then book it. After a crash, the next try books the same one.

        Raises OrderNotConfirmedError, and what the queries and the carrier raise.
        """
        order_id = row["order_id"]
        addressed = self.contacts.of(order_id)
        order, contact = addressed.order, addressed.contact
        if order is None or not order["confirmed"] or order["revoked"]:
            raise OrderNotConfirmedError(f"shipment {row['status']} of {order_id}, which the order service does not confirm")
        if contact is None:
            self._fail(row, decisions.NO_ADDRESS)  # also if the customer was forgotten since `prepare`
            return True
        if row["status"] == states.CREATED:
            lines = order["lines"]
            booking = self.calls.make(lambda: self.carrier.prepare(order_id, contact, lines))
            if booking is None:
                self._fail(row, decisions.CARRIER_REFUSED)
                return True
            row = self._write(row, decisions.book(booking, lines))
        booked = row["booking"]
        tracking = self.calls.make(lambda: self.carrier.book(booked))
        if tracking is None:
            self._fail(row, decisions.CARRIER_REFUSED)
        else:
            self._write(row, decisions.dispatch(row, tracking, clock.now() + self.transit))
        return True

    def query_parcel(self, row: ShipmentRow) -> bool:
        """Query the carrier about a dispatched parcel; return False while it is on its way, or on its way back."""
        after = record_tracking(self.shipments, row, self.calls.make(lambda: self.carrier.track(row["booking"])))
        if after["status"] == states.DISPATCHED:
            self.shipments.postpone(row["order_id"], clock.now() + self.carrier.poll_interval)
            return False
        return True

    def check_refund(self, row: ShipmentRow) -> bool:
        """Check that the carrier keeps no money of a failed shipment: a slow request may have bought the label later."""
        again = decisions.next_refund_check(row, clock.now()) if self._cancel(row) is CancelOutcome.OPEN else None
        if again is not None:
            self.shipments.postpone(row["order_id"], again)
            return False
        self.shipments.leave_due_index(row["order_id"], row["next_due"])
        return True

    def _fail(self, row: ShipmentRow, reason: FailureReason) -> None:
        """Cancel the booking, if the carrier may have one, then fail the shipment. Raises VersionConflictError."""
        cancelled = self._cancel(row) if row["status"] == states.BOOKING else CancelOutcome.DONE
        self._write(row, decisions.fail(row, reason, clock.now(), cancelled))

    def _cancel(self, row: ShipmentRow) -> CancelOutcome:
        """Cancel the booking at the carrier. If the carrier refuses to refund the label, count that for the alarm."""
        cancelled = self.calls.make(lambda: self.carrier.cancel(row["booking"]))
        if cancelled is CancelOutcome.REFUSED:
            logger.error("refund of a label refused", order_id=row["order_id"], booking=row["booking"])
            count("LabelRefundRefused", 1)
        return cancelled

    def _write(self, row: ShipmentRow, decision: ShipmentDecision) -> ShipmentRow:
        """Write the shipment's step; return the row afterwards. Raises VersionConflictError."""
        return self.shipments.write(row["order_id"], row, decision, decisions.causation_of(row))


def parcel_steps_of(clients: Clients, environ: Mapping[str, str], make_carrier: CarrierFactory) -> ParcelSteps:
    """Return the steps with the table, the contacts and the carrier that the variables name."""
    settings = from_environment(ParcelSettings, environ)
    contacts = Contacts(lambda: clients.functions, settings.contact_function_arn)
    transit = timedelta(seconds=settings.transit_seconds)
    calls = CarrierCalls(BreakerStore(clients.dynamodb, environ["TABLE_NAME"]))
    return ParcelSteps(shipments_of(clients, environ), contacts, make_carrier(clients, environ), calls, transit)
