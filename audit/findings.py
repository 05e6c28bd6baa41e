"""What an audit finds, and the invariants it finds broken."""

from dataclasses import dataclass

INVARIANTS = {
    "M1": "money captured and not refunded ⇒ the order is CONFIRMING, CONFIRMED, CANCEL_REQUESTED or REFUNDING",
    "M2": "captured ≤ total, by at most one capture",
    "M3": "CONFIRMED or CANCEL_REQUESTED ⇒ captured = total, payment CAPTURED, stock COMMITTED",
    "M4": "CANCELLED ⇒ captured less refunded = 0, nothing set aside or held",
    "M5": "settled: Σ captured less refunded = Σ totals of CONFIRMED orders, per currency",
    "M6": "refunded, by the gateway or outside, ≤ captured, by at most one refund, of an order that is REFUNDING or CANCELLED",
    "S1": "CANCELLED ⇒ stock RELEASED or RESTOCKED",
    "S2": "available + held + sold = replenished = Σ replenishments, none negative",
    "S3": "held = Σ HELD, sold = Σ COMMITTED, who waits = who is WAITING, for each SKU",
    "D1": "an order took one way: confirmed or cancelled, on the evidence its steps demand",
    "D2": "version + 1 per transition, one event per (row, version)",
    "E1": "at most one shipment per order",
    "E2": "a parcel that goes ⇒ the order is CONFIRMED or CANCEL_REQUESTED; one that stays ⇒ the order is or will be cancelled",
    "E3": "settled: CONFIRMED ⇒ one shipment",
    "E4": "at most one mail per (order, kind), and it says what is so",
    "E5": "settled: no event waits, none is in a dead-letter queue, each was processed",
    "I1": "one order per (customer or channel, idempotency key), its id and hash made of its request",
    "V1": "settled: every order is terminal, no refund, shipment or mail is left half done",
    "W1": "every row is well formed: known status, typed attributes, a key that is its own",
    "W2": "every payment, reservation, shipment, mail and ledger record has its order",
    "W3": "the rows of an order agree: total, currency, lines, ledger, reasons, correlation",
}
"""The protocol's invariants that tables can show (their names are its names), and W1 to W3, which the others stand on."""
AT_REST = frozenset({"M5", "E3", "E5", "V1"})
"""What need not hold while orders are on their way. (Of E5, that an outbox can be found must hold always.)"""


@dataclass(frozen=True, order=True)
class Finding:
    """`invariant` is broken by `subject` (a row's key, an order id, a SKU, a currency). Names no person."""

    invariant: str
    subject: str
    what: str
