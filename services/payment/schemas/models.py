"""The data of the payment service's events, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class PaymentAuthorizedV1DataTotal(TypedDict):
    """The authorised amount."""

    amount: int
    currency: str


class PaymentAuthorizedV1Data(TypedDict):
    """The data of PaymentAuthorized, version 1. The total of the order is authorised."""

    total: PaymentAuthorizedV1DataTotal


class PaymentCapturedV1DataTotal(TypedDict):
    """The captured amount."""

    amount: int
    currency: str


class PaymentCapturedV1Data(TypedDict):
    """The data of PaymentCaptured, version 1. The total of the order is captured."""

    total: PaymentCapturedV1DataTotal


class PaymentDeclinedV1DataTotal(TypedDict):
    """The requested amount."""

    amount: int
    currency: str


class PaymentDeclinedV1Data(TypedDict):
    """The data of PaymentDeclined, version 1. The payment is declined: the total of the order was not authorised, and will not be."""

    total: PaymentDeclinedV1DataTotal
    reason: str


class PaymentDisputeClosedV1DataAmount(TypedDict):
    """The contested amount: all of the payment, or a part."""

    amount: int
    currency: str


class PaymentDisputeClosedV1Data(TypedDict):
    """The data of PaymentDisputeClosed, version 1. A dispute is decided: the money stays with the shop, or went back to the customer."""

    dispute_id: str
    amount: PaymentDisputeClosedV1DataAmount
    outcome: Literal["WON", "LOST"]


class PaymentDisputedV1DataAmount(TypedDict):
    """The contested amount: all of the payment, or a part."""

    amount: int
    currency: str


class PaymentDisputedV1Data(TypedDict):
    """The data of PaymentDisputed, version 1. The customer contests a payment at their bank. An operator must answer before the bank's deadline."""

    dispute_id: str
    amount: PaymentDisputedV1DataAmount
    reason: str


class PaymentFailedV1DataTotal(TypedDict):
    """The amount of the operation."""

    amount: int
    currency: str


class PaymentFailedV1Data(TypedDict):
    """The data of PaymentFailed, version 1. The gateway refused an operation finally; no money moved."""

    total: PaymentFailedV1DataTotal
    operation: Literal["capture"]
    reason: str


class PaymentRefundFailedV1DataTotal(TypedDict):
    """The captured amount, which is still to be refunded."""

    amount: int
    currency: str


class PaymentRefundFailedV1Data(TypedDict):
    """The data of PaymentRefundFailed, version 1. The gateway refused the refund of a cancelled order. An operator must remove the cause and retry it."""

    total: PaymentRefundFailedV1DataTotal
    reason: str


class PaymentRefundedV1DataTotal(TypedDict):
    """The captured amount, which is refunded completely."""

    amount: int
    currency: str


class PaymentRefundedV1Data(TypedDict):
    """The data of PaymentRefunded, version 1. A cancelled order is refunded: by the gateway, or in another way."""

    total: PaymentRefundedV1DataTotal
    outcome: NotRequired[Literal["OUTSIDE"]]
    reference: NotRequired[str]


class PaymentRefundedOutsideV1DataAmount(TypedDict):
    """The amount of this refund."""

    amount: int
    currency: str


class PaymentRefundedOutsideV1DataLeft(TypedDict):
    """The rest of the payment after all of its refunds."""

    amount: int
    currency: str


class PaymentRefundedOutsideV1Data(TypedDict):
    """The data of PaymentRefundedOutside, version 1. An operator refunded a payment, or a part of it, at the gateway itself."""

    refund_id: str
    amount: PaymentRefundedOutsideV1DataAmount
    left: PaymentRefundedOutsideV1DataLeft


class PaymentVoidedV1DataTotal(TypedDict):
    """The voided amount; absent if the void came before the authorise."""

    amount: int
    currency: str


class PaymentVoidedV1Data(TypedDict):
    """The data of PaymentVoided, version 1. The payment is voided: no money is authorised for the order, and none will be."""

    total: NotRequired[PaymentVoidedV1DataTotal]
