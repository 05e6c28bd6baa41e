"""The text of an event in a row's outbox: compressed, because DynamoDB bills each kilobyte of a row at every write."""

import base64
import zlib
from typing import Final

RAW_DEFLATE: Final = -15
"""The window of `zlib` for a stream without header and checksum (RFC 1951)."""
WORDS: Final = (
    b"ShipmentCreatedDispatchedDeliveredCancelledStockReservedCommittedReleasedPaymentAuthorizedCapturedRefundedNotificationSent"
    b'"carrier":"tracking":"reason":"CUSTOMER","confirmed":true,"kind":"confirmed"orderflow.inventorynotificationshippingpayment'
    b'{"detail":{"data":{"channel":"api","customer_id":"c","if_short":"REJECT","lines":[{"quantity":1,"sku":"'
    b'","unit_price":{"amount":1,"currency":"USD"}}],"respond":"sync","total":{"amount":1,"currency":"USD"}},'
    b'"metadata":{"causation_id":"ORDER#ord-#1","correlation_id":"SHIP#NOTE#PAY#RES#ord-","event_id":"ORDER#ord-#1",'
    b'"event_version":1,"occurred_at":"2026-01-01T00:00:00.000Z","order_id":"ord-"}},'
    b'"detail-type":"OrderPlacedOrderConfirmed","source":"orderflow.order"}'
)
"""The text that events repeat. Rows hold texts that were packed against it, so it never changes: another needs a mark."""
PLAIN: Final = "{"
"""The beginning of a text that is not packed, as rows of version 0.2 hold it."""


def pack(event: str) -> str:
    """Return an event's JSON text as the outbox holds it: deflated against WORDS, in base64."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, RAW_DEFLATE, zdict=WORDS)
    return base64.b64encode(deflate.compress(event.encode()) + deflate.flush()).decode()


def unpack(text: str) -> str:
    """Return the JSON text of an event in an outbox, packed or plain. Raises ValueError if it is neither."""
    if text.startswith(PLAIN):
        return text
    inflate = zlib.decompressobj(RAW_DEFLATE, zdict=WORDS)
    try:
        event = inflate.decompress(base64.b64decode(text, validate=True))
    except zlib.error as error:
        raise ValueError(f"the text of an outbox is damaged: {error}") from error
    if not inflate.eof:
        raise ValueError("the text of an outbox ends too early")
    return event.decode()
