"""The payment gateway and the carrier as what they are: others' systems, beyond a network that loses, doubles, delays calls."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from simulation.engine.dynamodb import RefusalError
from simulation.engine.faults import Kind
from simulation.engine.network import Network, UnansweredError, UnreachedError
from simulation.stage.statements import Statements

if TYPE_CHECKING:
    from kernel.contact import Contact
    from kernel.statements import Quantity
    from services.payment.domain.gateway import (
        Authorized,
        Captured,
        CaptureRefused,
        Declined,
        Intent,
        PaymentGateway,
        Refunded,
        RefundRefused,
        Settled,
        Voided,
    )
    from services.shipping.domain.carrier import CancelOutcome, Carrier, ParcelStatus, TrackingUpdate

T = TypeVar("T")


class RemoteGateway:
    """A `PaymentGateway` that reaches the sandbox's own code through the world's network."""

    network: ClassVar[Network]

    def __init__(self, sandbox: "PaymentGateway") -> None:
        self.sandbox = sandbox

    def authorize(self, intent: "Intent") -> "Authorized | Declined | Voided":
        """As the sandbox."""
        return self._call(f"gateway authorize {intent.order_id}", lambda: self.sandbox.authorize(intent))

    def capture(self, intent: "Intent") -> "Captured | CaptureRefused":
        """As the sandbox."""
        return self._call(f"gateway capture {intent.order_id}", lambda: self.sandbox.capture(intent))

    def void(self, order_id: str) -> "Voided | Captured":
        """As the sandbox."""
        return self._call(f"gateway void {order_id}", lambda: self.sandbox.void(order_id))

    def refund(self, intent: "Intent", attempt: int) -> "Refunded | RefundRefused | Settled":
        """As the sandbox."""
        return self._call(f"gateway refund {intent.order_id} {attempt}", lambda: self.sandbox.refund(intent, attempt))

    def settle(self, intent: "Intent", attempt: int, reference: str) -> "Refunded | RefundRefused | Settled":
        """As the sandbox."""
        boundary = f"gateway settle {intent.order_id} {attempt}"
        return self._call(boundary, lambda: self.sandbox.settle(intent, attempt, reference))

    def _call(self, what: str, operation: Callable[[], T]) -> T:
        from services.payment.domain.gateway import GatewayFaultError, GatewayTimeoutError, GatewayUnavailableError

        def execute() -> T | GatewayFaultError:
            try:
                return operation()
            except GatewayFaultError as fault:
                return fault

        try:
            found = _beyond(self.network, what, execute)
        except (UnreachedError, RefusalError):
            raise GatewayUnavailableError(what) from None
        except UnansweredError:
            raise GatewayTimeoutError(what) from None
        if isinstance(found, GatewayFaultError):
            raise found
        return found


class RemoteCarrier:
    """The sandbox carrier beyond the world's network, and its memory: which orders' parcels it has, and will never take."""

    SECRET: ClassVar = "shared-with-the-carrier"
    network: ClassVar[Network]
    has: ClassVar[set[str]]
    refuses: ClassVar[set[str]]
    statements: ClassVar[Statements]

    def __init__(self, sandbox: "Carrier") -> None:
        self.sandbox = sandbox

    @property
    def poll_interval(self) -> timedelta:
        """As the sandbox."""
        return self.sandbox.poll_interval

    def prepare(self, order_id: str, contact: "Contact", lines: "Sequence[Quantity]") -> str | None:
        """As the sandbox, whose booking is the order's id."""
        self.statements.prepared(order_id, contact, lines, self._invocation())
        return self._call(f"carrier prepare {order_id}", lambda: self.sandbox.prepare(order_id, contact, lines))

    def book(self, booking: str) -> str | None:
        """As the sandbox; None after a cancellation."""
        self.statements.booked(booking, self._invocation())

        def execute() -> str | None:
            tracking = None if booking in self.refuses else self.sandbox.book(booking)
            if tracking:
                self.has.add(booking)
            return tracking

        return self._call(f"carrier book {booking}", execute)

    def cancel(self, booking: str) -> "CancelOutcome":
        """As the sandbox."""

        def execute() -> "CancelOutcome":
            self.refuses.add(booking)
            self.has.discard(booking)
            return self.sandbox.cancel(booking)

        return self._call(f"carrier cancel {booking}", execute)

    def track(self, booking: str) -> "ParcelStatus":
        """As the sandbox."""
        return self._call(f"carrier find {booking}", lambda: self.sandbox.track(booking))

    def parse_webhook(self, headers: Mapping[str, str], body: str, now: datetime) -> "TrackingUpdate | None":
        """Answer as the sandbox, without a call."""
        return self.sandbox.parse_webhook(headers, body, now)

    def _invocation(self) -> str:
        task = self.network.scheduler.current
        assert task is not None
        return task.name

    def _call(self, what: str, execute: Callable[[], T]) -> T:
        from services.shipping.domain.carrier import CarrierUnavailableError

        try:
            return _beyond(self.network, what, execute)
        except (UnreachedError, UnansweredError, RefusalError):
            raise CarrierUnavailableError(what) from None


PATIENCE: Final = 3.0
"""How long a caller waits for a system outside, in seconds: one to connect, two for the answer (services.payment.gateways)."""


_RARE_CALLS: Final = {"gateway refund": Kind.REFUND, "carrier book": Kind.BOOKING}
"""The kinds of the calls that an order makes once at most, by the beginning of the call's name."""


def _beyond(network: Network, what: str, execute: Callable[[], T]) -> T:
    """One call to a system outside."""
    task = network.scheduler.current
    assert task is not None
    kind = next((kind for begin, kind in _RARE_CALLS.items() if what.startswith(begin)), Kind.GATEWAY)
    return network.exchange(task.numbered(what), kind, execute, PATIENCE)
