"""The sweeper: every minute it books the shipments that are due with the carrier, or queries their parcels, without end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aws_lambda_powertools import Logger

from kernel import clock
from kernel.aggregate_store import VersionConflictError
from kernel.clients import Clients
from kernel.contact import ContactNotYetError, Contacts
from kernel.entrypoints import bootstrap_republish, move_each, sweep
from kernel.errors import RetryableError
from kernel.handler import Handler, lambda_handler
from kernel.metrics import count
from kernel.settings import from_environment
from services.shipping.carriers.factory import CarrierFactory, carrier_of
from services.shipping.domain import decisions, states
from services.shipping.domain.carrier import CancelOutcome, Carrier
from services.shipping.domain.model import FailureReason, ShipmentDecision, ShipmentRow
from services.shipping.storage.table import Shipments, shipments_of
from services.shipping.use_cases.tracking import record_tracking

logger = Logger()
BUDGET: Final = timedelta(seconds=30)
"""How long a sweep begins shipments; the rest is for the last one (24 s if neither `contact` nor the carrier responds)."""
PER_SHARD: Final = 25
"""How many shipments of a shard are taken in turn, so that no shard waits for another."""
CONTACT_RETRY_INTERVAL: Final = timedelta(minutes=1)
"""How long a shipment waits if its contact may still arrive."""


@dataclass(frozen=True)
class SweeperSettings:
    """The function that has the addresses, and how many seconds after dispatch the carrier is first queried."""

    contact_function_arn: str
    transit_seconds: int


class OrderNotConfirmedError(RetryableError):
    """The order service does not state that the order is confirmed: its parcel stays here, and the sweeper asks again."""


@dataclass(frozen=True)
class Sweeper:
    """The steps that a sweep takes with shipments. `transit` is the time from dispatch to the first query."""

    shipments: Shipments
    contacts: Contacts
    carrier: Carrier
    transit: timedelta
    per_shard: int = PER_SHARD

    def due(self) -> Iterator[str]:
        """Yield the order ids of the shipments that are due, each once, until none is left or the sweep's time is up."""
        started = clock.now()
        seen: set[str] = set()
        more = True
        while more:
            more = False
            for order_id in self.shipments.due(started, self.per_shard):
                if clock.now() >= started + BUDGET:
                    return
                if order_id not in seen:
                    more = True
                    seen.add(order_id)
                    yield order_id

    def move(self, order_id: str) -> bool:
        """Take the shipment's next step if it is due; return whether it was taken."""
        row = self.shipments.get(order_id)
        if row is None or not decisions.is_due(row, clock.now()):
            return False
        try:
            match row["status"]:
                case states.DISPATCHED:
                    return self.query_parcel(row)
                case states.FAILED:
                    return self.check_refund(row)
                case _:
                    return self.book_with_carrier(row)
        except ContactNotYetError:
            self.shipments.postpone(order_id, clock.now() + CONTACT_RETRY_INTERVAL)
            return False
        except VersionConflictError:
            # A cancellation or another sweep was faster, or the response to this write was lost: the next sweep finds out.
            return False

    def book_with_carrier(self, row: ShipmentRow) -> bool:
        """Prepare a booking, record its id, then book it. After a crash, the next sweep books the same one.

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
            booking = self.carrier.prepare(order_id, contact, order["lines"])
            if booking is None:
                self._fail(row, decisions.CARRIER_REFUSED)
                return True
            row = self._write(row, decisions.book(booking, order["lines"]))
        tracking = self.carrier.book(row["booking"])
        if tracking is None:
            self._fail(row, decisions.CARRIER_REFUSED)
        else:
            self._write(row, decisions.dispatch(row, tracking, clock.now() + self.transit))
        return True

    def query_parcel(self, row: ShipmentRow) -> bool:
        """Query the carrier about a dispatched parcel; return False while it is on its way, or on its way back."""
        after = record_tracking(self.shipments, row, self.carrier.track(row["booking"]))
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
        cancelled = self.carrier.cancel(row["booking"])
        if cancelled is CancelOutcome.REFUSED:
            logger.error("refund of a label refused", order_id=row["order_id"], booking=row["booking"])
            count("LabelRefundRefused", 1)
        return cancelled

    def _write(self, row: ShipmentRow, decision: ShipmentDecision) -> ShipmentRow:
        """Write the shipment's step; return the row afterwards. Raises VersionConflictError."""
        return self.shipments.write(row["order_id"], row, decision, decisions.causation_of(row))


def bootstrap(clients: Clients, environ: Mapping[str, str], make_carrier: CarrierFactory = carrier_of) -> Handler:
    """Return the sweep's handler. It may run at any time, also beside another sweep, and returns how much it did."""
    settings = from_environment(SweeperSettings, environ)
    shipments = shipments_of(clients, environ)
    contacts = Contacts(lambda: clients.functions, settings.contact_function_arn)
    transit = timedelta(seconds=settings.transit_seconds)
    sweeper = Sweeper(shipments, contacts, make_carrier(clients, environ), transit)
    republish = bootstrap_republish(clients, environ)

    def handle(event: object, context: object) -> dict[str, int]:
        return sweep(lambda: move_each(shipments, sweeper.due(), sweeper.move, "ShipmentsNotMoved"), republish)

    return handle


handler = lambda_handler(bootstrap)
