"""The port to the payment gateway: its operations, their outcomes and its errors."""

from dataclasses import dataclass, field
from typing import Protocol

from kernel.errors import RejectedError, RetryableError
from kernel.money import Money


@dataclass(frozen=True)
class Intent:
    """The total that the customer agreed to pay, and the payment method. `payment_token` is the gateway's own, no card data."""

    order_id: str
    total: Money
    payment_token: str


@dataclass(frozen=True)
class Authorized:
    """The total is set aside, until `capture_before` (RFC 3339, UTC) if the gateway states it.

    `at_least` is the least amount that the gateway captures of it, and an amount that it captures is a `multiple_of`. Both are
    in minor units of the currency.
    """

    capture_before: str | None = field(default=None, compare=False)
    at_least: int = field(default=1, compare=False)
    multiple_of: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Declined:
    """The total is not set aside, and never will be. `reason` is a word, for example `card_declined`."""

    reason: str


@dataclass(frozen=True)
class Captured:
    """The requested total is captured; the gateway has released the rest of the authorisation, if any."""


@dataclass(frozen=True)
class CaptureRefused:
    """The total is not captured, and never will be. `reason` is a word, for example `authorization_expired`."""

    reason: str


@dataclass(frozen=True)
class Voided:
    """No money is set aside, and the gateway refuses every later authorise and capture of this order."""


@dataclass(frozen=True)
class Refunded:
    """The gateway gave the whole total back."""


@dataclass(frozen=True)
class RefundRefused:
    """This attempt gave nothing back, and never will. `reason` is a word, for example `account_closed`."""

    reason: str


@dataclass(frozen=True)
class Settled:
    """This attempt gives nothing back: the customer was paid outside the gateway. `reference` names the proof."""

    reference: str


@dataclass(frozen=True)
class Dispute:
    """A payment that a customer contests at their bank. `won` is True once it ended in our favour."""

    dispute_id: str
    amount: Money
    reason: str
    won: bool = False


@dataclass(frozen=True)
class OutsideRefund:
    """A refund that was made at the gateway by hand. `left` is the amount left of the payment after all of its refunds."""

    refund_id: str
    amount: Money
    left: Money


class GatewayFaultError(RetryableError):
    """The gateway gave no outcome; the same call again may."""


class GatewayTimeoutError(GatewayFaultError):
    """The gateway did not answer in time: it may or may not have carried out the operation."""


class GatewayUnavailableError(GatewayFaultError):
    """The gateway was unreachable: it did nothing."""


class GatewayMisconfiguredError(GatewayUnavailableError):
    """The gateway refuses our account, not the customer: the key, its mode or permissions, or the form of the request.

    Every order waits until an operator corrects it; an alarm reports it (docs/how-to/runbooks/gateway-misconfigured.md).
    """


class NothingAuthorizedError(GatewayFaultError):
    """The order has no authorisation yet, so nothing can be captured."""


class NothingToRefundError(GatewayFaultError):
    """Nothing is captured, or the attempt before this one is not refused, so nothing can be refunded."""


class IdempotencyConflictError(RejectedError):
    """The same operation of the order was requested before with another total: a mistake of the caller, never an outcome."""


class PaymentGateway(Protocol):
    """One operation of each kind per order, idempotent by (order, operation). A refused refund may have further attempts.

    A repeated call returns the outcome of the first, however late. Only one of void and capture can succeed, and an authorise
    after the void is refused. Every operation raises GatewayFaultError while its outcome is unknown, and
    IdempotencyConflictError for another total.
    """

    def authorize(self, intent: Intent) -> Authorized | Declined | Voided:
        """Set the total aside. Voided if the void was first."""
        ...

    def capture(self, intent: Intent) -> Captured | CaptureRefused:
        """Capture `intent.total` once: the whole authorised total, or a part of it."""
        ...

    def void(self, order_id: str) -> Voided | Captured:
        """Release the money that is set aside, now or by a late authorise. Captured if the capture was first."""
        ...

    def refund(self, intent: Intent, attempt: int) -> Refunded | RefundRefused | Settled:
        """Give back the whole captured total. `attempt` counts from 1; each further attempt follows a refused one."""
        ...

    def settle(self, intent: Intent, attempt: int, reference: str) -> Refunded | RefundRefused | Settled:
        """Record that this attempt was paid outside; return its own outcome if it has one, or if its refund is under way."""
        ...
