"""The port to the gateway that moves the money."""

from dataclasses import dataclass, field
from typing import Protocol

from kernel.errors import RejectedError, RetryableError
from kernel.money import Money


@dataclass(frozen=True)
class Intent:
    """The amount that the customer agreed to pay. `payment_token` is the gateway's own; card data is never here."""

    order_id: str
    total: Money
    payment_token: str


@dataclass(frozen=True)
class Authorized:
    """The total is set aside for us: until `capture_before` (RFC 3339), if the gateway says so.

    `at_least` is the least that the gateway captures of it, in minor units.
    """

    capture_before: str | None = field(default=None, compare=False)
    at_least: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Declined:
    """The total was not set aside, and will not be. `reason` is a word such as `card_declined`."""

    reason: str


@dataclass(frozen=True)
class Captured:
    """The requested amount is captured; the rest of the authorisation, if any, is released."""


@dataclass(frozen=True)
class CaptureRefused:
    """The total is not ours, and will not be. `reason` is a word such as `authorization_expired`."""

    reason: str


@dataclass(frozen=True)
class Voided:
    """Nothing is set aside, and no later authorise or capture of this order will be accepted."""


@dataclass(frozen=True)
class Refunded:
    """The whole total went back."""


@dataclass(frozen=True)
class RefundRefused:
    """Nothing went back, and this attempt never will. `reason` is a word such as `account_closed`."""

    reason: str


@dataclass(frozen=True)
class Settled:
    """Nothing goes back by this attempt: the customer was paid outside the gateway. `reference` says where that is proved."""

    reference: str


@dataclass(frozen=True)
class Dispute:
    """A gateway's report on a payment that a customer contests at their bank. `won` once it is over."""

    dispute_id: str
    amount: Money
    reason: str
    won: bool = False


@dataclass(frozen=True)
class OutsideRefund:
    """A refund that was made at the gateway, and not by us. `left` is what is left of the payment after all of its refunds."""

    refund_id: str
    amount: Money
    left: Money


class GatewayFaultError(RetryableError):
    """The gateway gave no outcome. The same call is safe to repeat."""


class GatewayTimeoutError(GatewayFaultError):
    """The gateway did not answer in time, and may have acted."""


class GatewayUnavailableError(GatewayFaultError):
    """The gateway could not be reached, so it did nothing."""


class GatewayMisconfiguredError(GatewayUnavailableError):
    """The gateway refuses our account, not the customer: the key, its mode or permissions, or the form of the request.

    An operator must mend it. Every order waits until then, so it has an alarm.
    """


class NothingAuthorizedError(GatewayFaultError):
    """A capture of an order without an authorisation so far."""


class NothingToRefundError(GatewayFaultError):
    """A refund of a payment that is not captured, or a new attempt while the last one is not refused."""


class IdempotencyConflictError(RejectedError):
    """The same operation of the same order with another total: a bug in the caller, never an outcome."""


class PaymentGateway(Protocol):
    """One operation of each kind per order, idempotent by (order, operation); a refused refund may be attempted anew.

    The same call again answers the first call's outcome, however late. Of a void and a capture only one can succeed, and an
    authorise after the void is refused. Every operation raises GatewayFaultError while its outcome is unknown, and
    IdempotencyConflictError.
    """

    def authorize(self, intent: Intent) -> Authorized | Declined | Voided:
        """Set the total aside; Voided if the void was first."""
        ...

    def capture(self, intent: Intent) -> Captured | CaptureRefused:
        """Take `intent.total`: all that was set aside, or a part of it, once."""
        ...

    def void(self, order_id: str) -> Voided | Captured:
        """Void the authorisation, even one that is still to come; Captured if the capture was first."""
        ...

    def refund(self, intent: Intent, attempt: int) -> Refunded | RefundRefused | Settled:
        """Give the whole total back that was captured. `attempt` counts from 1, each above 1 after the last was refused."""
        ...

    def settle(self, intent: Intent, attempt: int, reference: str) -> Refunded | RefundRefused | Settled:
        """Record that this attempt was paid outside, unless it has an outcome: then that. Never beside a refund under way."""
        ...
