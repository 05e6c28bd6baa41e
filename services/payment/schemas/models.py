"""The events of the payment service, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class PaymentAuthorizedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class PaymentAuthorizedV1DataTotal(TypedDict):
    """What is set aside."""

    amount: int
    currency: str


class PaymentAuthorizedV1Data(TypedDict):
    """What happened."""

    total: PaymentAuthorizedV1DataTotal


class PaymentAuthorizedV1(TypedDict):
    """PaymentAuthorized, version 1. The order's total is set aside for us."""

    metadata: PaymentAuthorizedV1Metadata
    data: PaymentAuthorizedV1Data


class PaymentCapturedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class PaymentCapturedV1DataTotal(TypedDict):
    """What was captured."""

    amount: int
    currency: str


class PaymentCapturedV1Data(TypedDict):
    """What happened."""

    total: PaymentCapturedV1DataTotal


class PaymentCapturedV1(TypedDict):
    """PaymentCaptured, version 1. The order's total is ours."""

    metadata: PaymentCapturedV1Metadata
    data: PaymentCapturedV1Data


class PaymentDeclinedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class PaymentDeclinedV1DataTotal(TypedDict):
    """What was asked for."""

    amount: int
    currency: str


class PaymentDeclinedV1Data(TypedDict):
    """What happened."""

    total: PaymentDeclinedV1DataTotal
    reason: str


class PaymentDeclinedV1(TypedDict):
    """PaymentDeclined, version 1. The order's total was not set aside, and will not be."""

    metadata: PaymentDeclinedV1Metadata
    data: PaymentDeclinedV1Data


class PaymentDisputeClosedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class PaymentDisputeClosedV1DataAmount(TypedDict):
    """What is contested: all of the payment, or a part."""

    amount: int
    currency: str


class PaymentDisputeClosedV1Data(TypedDict):
    """What happened."""

    dispute_id: str
    amount: PaymentDisputeClosedV1DataAmount
    outcome: Literal["WON", "LOST"]


class PaymentDisputeClosedV1(TypedDict):
    """PaymentDisputeClosed, version 1. A dispute is decided: the money stays here, or went back to the customer."""

    metadata: PaymentDisputeClosedV1Metadata
    data: PaymentDisputeClosedV1Data


class PaymentDisputedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class PaymentDisputedV1DataAmount(TypedDict):
    """What is contested: all of the payment, or a part."""

    amount: int
    currency: str


class PaymentDisputedV1Data(TypedDict):
    """What happened."""

    dispute_id: str
    amount: PaymentDisputedV1DataAmount
    reason: str


class PaymentDisputedV1(TypedDict):
    """PaymentDisputed, version 1. The customer contests a payment at their bank; somebody must answer before the bank's deadline."""

    metadata: PaymentDisputedV1Metadata
    data: PaymentDisputedV1Data


class PaymentFailedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class PaymentFailedV1DataTotal(TypedDict):
    """What the operation was about."""

    amount: int
    currency: str


class PaymentFailedV1Data(TypedDict):
    """What happened."""

    total: PaymentFailedV1DataTotal
    operation: Literal["capture"]
    reason: str


class PaymentFailedV1(TypedDict):
    """PaymentFailed, version 1. The gateway refused an operation for good; no money moved."""

    metadata: PaymentFailedV1Metadata
    data: PaymentFailedV1Data


class PaymentRefundFailedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class PaymentRefundFailedV1DataTotal(TypedDict):
    """What was captured, and is still to be given back."""

    amount: int
    currency: str


class PaymentRefundFailedV1Data(TypedDict):
    """What happened."""

    total: PaymentRefundFailedV1DataTotal
    reason: str


class PaymentRefundFailedV1(TypedDict):
    """PaymentRefundFailed, version 1. The gateway refused to give the money of a cancelled order back: an operator must look, and have it tried again."""

    metadata: PaymentRefundFailedV1Metadata
    data: PaymentRefundFailedV1Data


class PaymentRefundedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class PaymentRefundedV1DataTotal(TypedDict):
    """What was captured, and is given back whole."""

    amount: int
    currency: str


class PaymentRefundedV1Data(TypedDict):
    """What happened."""

    total: PaymentRefundedV1DataTotal
    outcome: NotRequired[Literal["OUTSIDE"]]
    reference: NotRequired[str]


class PaymentRefundedV1(TypedDict):
    """PaymentRefunded, version 1. The money of a cancelled order is back: by the gateway, or paid in another way."""

    metadata: PaymentRefundedV1Metadata
    data: PaymentRefundedV1Data


class PaymentRefundedOutsideV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class PaymentRefundedOutsideV1DataAmount(TypedDict):
    """What this refund gave back."""

    amount: int
    currency: str


class PaymentRefundedOutsideV1DataLeft(TypedDict):
    """What is left of the payment after all of its refunds."""

    amount: int
    currency: str


class PaymentRefundedOutsideV1Data(TypedDict):
    """What happened."""

    refund_id: str
    amount: PaymentRefundedOutsideV1DataAmount
    left: PaymentRefundedOutsideV1DataLeft


class PaymentRefundedOutsideV1(TypedDict):
    """PaymentRefundedOutside, version 1. An operator gave money back at the gateway itself: all of a payment, or a part."""

    metadata: PaymentRefundedOutsideV1Metadata
    data: PaymentRefundedOutsideV1Data


class PaymentVoidedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class PaymentVoidedV1DataTotal(TypedDict):
    """What was let go of; absent where the void came before the authorise."""

    amount: int
    currency: str


class PaymentVoidedV1Data(TypedDict):
    """What happened."""

    total: NotRequired[PaymentVoidedV1DataTotal]


class PaymentVoidedV1(TypedDict):
    """PaymentVoided, version 1. Nothing is set aside for the order any more, and nothing will be."""

    metadata: PaymentVoidedV1Metadata
    data: PaymentVoidedV1Data
