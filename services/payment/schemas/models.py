"""The events of the payment service, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class PaymentAuthorizedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class PaymentAuthorizedV1DataTotal(TypedDict):
    """The authorised amount."""

    amount: int
    currency: str


class PaymentAuthorizedV1Data(TypedDict):
    """The content of the event."""

    total: PaymentAuthorizedV1DataTotal


class PaymentAuthorizedV1(TypedDict):
    """PaymentAuthorized, version 1. The total of the order is authorised."""

    metadata: PaymentAuthorizedV1Metadata
    data: PaymentAuthorizedV1Data


class PaymentCapturedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class PaymentCapturedV1DataTotal(TypedDict):
    """The captured amount."""

    amount: int
    currency: str


class PaymentCapturedV1Data(TypedDict):
    """The content of the event."""

    total: PaymentCapturedV1DataTotal


class PaymentCapturedV1(TypedDict):
    """PaymentCaptured, version 1. The total of the order is captured."""

    metadata: PaymentCapturedV1Metadata
    data: PaymentCapturedV1Data


class PaymentDeclinedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class PaymentDeclinedV1DataTotal(TypedDict):
    """The requested amount."""

    amount: int
    currency: str


class PaymentDeclinedV1Data(TypedDict):
    """The content of the event."""

    total: PaymentDeclinedV1DataTotal
    reason: str


class PaymentDeclinedV1(TypedDict):
    """PaymentDeclined, version 1. The payment is declined: the total of the order was not authorised, and will not be."""

    metadata: PaymentDeclinedV1Metadata
    data: PaymentDeclinedV1Data


class PaymentDisputeClosedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class PaymentDisputeClosedV1DataAmount(TypedDict):
    """The contested amount: all of the payment, or a part."""

    amount: int
    currency: str


class PaymentDisputeClosedV1Data(TypedDict):
    """The content of the event."""

    dispute_id: str
    amount: PaymentDisputeClosedV1DataAmount
    outcome: Literal["WON", "LOST"]


class PaymentDisputeClosedV1(TypedDict):
    """PaymentDisputeClosed, version 1. A dispute is decided: the money stays with the shop, or went back to the customer."""

    metadata: PaymentDisputeClosedV1Metadata
    data: PaymentDisputeClosedV1Data


class PaymentDisputedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class PaymentDisputedV1DataAmount(TypedDict):
    """The contested amount: all of the payment, or a part."""

    amount: int
    currency: str


class PaymentDisputedV1Data(TypedDict):
    """The content of the event."""

    dispute_id: str
    amount: PaymentDisputedV1DataAmount
    reason: str


class PaymentDisputedV1(TypedDict):
    """PaymentDisputed, version 1. The customer contests a payment at their bank. An operator must answer before the bank's deadline."""

    metadata: PaymentDisputedV1Metadata
    data: PaymentDisputedV1Data


class PaymentFailedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class PaymentFailedV1DataTotal(TypedDict):
    """The amount of the operation."""

    amount: int
    currency: str


class PaymentFailedV1Data(TypedDict):
    """The content of the event."""

    total: PaymentFailedV1DataTotal
    operation: Literal["capture"]
    reason: str


class PaymentFailedV1(TypedDict):
    """PaymentFailed, version 1. The gateway refused an operation finally; no money moved."""

    metadata: PaymentFailedV1Metadata
    data: PaymentFailedV1Data


class PaymentRefundFailedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class PaymentRefundFailedV1DataTotal(TypedDict):
    """The captured amount, which is still to be refunded."""

    amount: int
    currency: str


class PaymentRefundFailedV1Data(TypedDict):
    """The content of the event."""

    total: PaymentRefundFailedV1DataTotal
    reason: str


class PaymentRefundFailedV1(TypedDict):
    """PaymentRefundFailed, version 1. The gateway refused the refund of a cancelled order. An operator must remove the cause and retry it."""

    metadata: PaymentRefundFailedV1Metadata
    data: PaymentRefundFailedV1Data


class PaymentRefundedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class PaymentRefundedV1DataTotal(TypedDict):
    """The captured amount, which is refunded completely."""

    amount: int
    currency: str


class PaymentRefundedV1Data(TypedDict):
    """The content of the event."""

    total: PaymentRefundedV1DataTotal
    outcome: NotRequired[Literal["OUTSIDE"]]
    reference: NotRequired[str]


class PaymentRefundedV1(TypedDict):
    """PaymentRefunded, version 1. A cancelled order is refunded: by the gateway, or in another way."""

    metadata: PaymentRefundedV1Metadata
    data: PaymentRefundedV1Data


class PaymentRefundedOutsideV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class PaymentRefundedOutsideV1DataAmount(TypedDict):
    """The amount of this refund."""

    amount: int
    currency: str


class PaymentRefundedOutsideV1DataLeft(TypedDict):
    """The rest of the payment after all of its refunds."""

    amount: int
    currency: str


class PaymentRefundedOutsideV1Data(TypedDict):
    """The content of the event."""

    refund_id: str
    amount: PaymentRefundedOutsideV1DataAmount
    left: PaymentRefundedOutsideV1DataLeft


class PaymentRefundedOutsideV1(TypedDict):
    """PaymentRefundedOutside, version 1. An operator refunded a payment, or a part of it, at the gateway itself."""

    metadata: PaymentRefundedOutsideV1Metadata
    data: PaymentRefundedOutsideV1Data


class PaymentVoidedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class PaymentVoidedV1DataTotal(TypedDict):
    """The voided amount; absent if the void came before the authorise."""

    amount: int
    currency: str


class PaymentVoidedV1Data(TypedDict):
    """The content of the event."""

    total: NotRequired[PaymentVoidedV1DataTotal]


class PaymentVoidedV1(TypedDict):
    """PaymentVoided, version 1. The payment is voided: no money is authorised for the order, and none will be."""

    metadata: PaymentVoidedV1Metadata
    data: PaymentVoidedV1Data
