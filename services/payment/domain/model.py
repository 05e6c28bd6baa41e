"""The forms of a payment's, a dispute's and an outside refund's items. Times are in RFC 3339 (UTC)."""

from typing import NotRequired, TypedDict

from kernel.aggregate_store import AggregateRow, Decision, SweptAttributes
from kernel.money import MoneyDict


class Settlement(TypedDict):
    """An operator's statement that the customer was paid outside the gateway; `reference` names the proof."""

    reference: str
    reason: NotRequired[str]


class PaymentAttributes(SweptAttributes, total=False):
    """The attributes that a payment's decisions set. A void before its authorise leaves an item without `total` and
    `payment_token`.
    """

    order_id: str
    correlation_id: str
    total: MoneyDict
    """The authorised total; from the capture on, the captured total."""
    authorized: MoneyDict
    """The authorised total, if less than that is captured."""
    payment_token: str
    """The gateway's own token of a payment method; no card data."""
    at_least: int
    """The least amount that the gateway captures, in minor units of the currency, if that is more than 1."""
    multiple_of: int
    """An amount that the gateway captures is a multiple of this, in minor units of the currency, if that is more than 1."""
    capture_before: str
    """The time at which the authorisation ends, if the gateway states it."""
    reason: str
    """Why the gateway declined the payment, or refused its capture or refund."""

    # Once a refund is requested
    refund_attempt: int
    """The number of the attempt, from 1."""
    refund_for: str
    """The causation id of the attempt: the event or the operator's command that requested it."""
    settlement: Settlement


class PaymentRow(AggregateRow, PaymentAttributes):
    """A payment as DynamoDB keeps it: `PAY#<order_id>`."""


PaymentDecision = Decision[PaymentAttributes]


class DisputeAttributes(SweptAttributes, total=False):
    """The attributes that a dispute's decisions set."""

    order_id: str
    dispute_id: str
    amount: MoneyDict
    reason: str


class DisputeRow(AggregateRow, DisputeAttributes):
    """A dispute as DynamoDB keeps it: `DISPUTE#<dispute_id>`."""


DisputeDecision = Decision[DisputeAttributes]


class OutsideRefundAttributes(SweptAttributes, total=False):
    """The attributes that the decision on a refund made at the gateway by hand sets."""

    order_id: str
    refund_id: str
    amount: MoneyDict
    left: MoneyDict
    """The amount that is left of the payment after all of its refunds."""


class OutsideRefundRow(AggregateRow, OutsideRefundAttributes):
    """A refund that was made at the gateway by hand, as DynamoDB keeps it: `REFUND#<refund_id>`."""


OutsideRefundDecision = Decision[OutsideRefundAttributes]
