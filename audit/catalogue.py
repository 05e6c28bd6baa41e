"""The invariants of Orderflow: one name, one code and one sentence each, and the programs that check it.

`orderctl docs build` makes docs/reference/invariants.md from this module. The model checker, the simulation and the audit
report a violation by its label: the name with the code behind it.
"""

from dataclasses import dataclass
from typing import Final

MODEL_CHECKER: Final = "model checker"
SIMULATION: Final = "simulation"
AUDIT: Final = "audit"
CHECKERS: Final = (MODEL_CHECKER, SIMULATION, AUDIT)
EVERY: Final = frozenset(CHECKERS)
IN_WORLDS: Final = frozenset({MODEL_CHECKER, SIMULATION})


@dataclass(frozen=True)
class Invariant:
    """A statement that must hold, and the checkers that check it. `at_rest`: it holds only when no work is left to do."""

    code: str
    name: str
    holds: str
    checked_by: frozenset[str]
    at_rest: bool = False

    @property
    def label(self) -> str:
        """The name with the code behind it: `cancelled_order_keeps_no_money (M4)`."""
        return f"{self.name} ({self.code})"


CATALOGUE: Final = (
    Invariant(
        "M1",
        "captured_money_has_a_live_order",
        "Money is captured and not refunded only for an order that is CONFIRMING, CONFIRMED, CANCEL_REQUESTED or REFUNDING.",
        EVERY,
    ),
    Invariant(
        "M2",
        "capture_once_up_to_total",
        "The captured amount is at most the total of the order, and at most one capture took it.",
        EVERY,
    ),
    Invariant(
        "M3",
        "confirmed_order_is_paid_and_committed",
        "For an order that is CONFIRMED or CANCEL_REQUESTED, the captured amount equals the total, the payment is CAPTURED and"
        " the stock is COMMITTED.",
        EVERY,
    ),
    Invariant(
        "M4",
        "cancelled_order_keeps_no_money",
        "For a CANCELLED order, the captured amount less the refunded amount is 0, and no authorisation stays open.",
        EVERY,
    ),
    Invariant(
        "M5",
        "net_captured_equals_confirmed_totals",
        "At rest, for each currency, the net captured amount equals the total of the confirmed orders, to the cent.",
        EVERY,
        at_rest=True,
    ),
    Invariant(
        "M6",
        "refund_once_and_keep_the_parcel",
        "An order is refunded at most once, at most what was captured, and only if it is REFUNDING or CANCELLED and its parcel"
        " was kept.",
        EVERY,
    ),
    Invariant(
        "M7",
        "total_is_the_sum_of_prices_when_placed",
        "The total of an order is the sum of its lines, each at the price that its SKU had when the order was placed.",
        frozenset({SIMULATION}),
    ),
    Invariant("S1", "cancelled_order_keeps_no_stock", "The reservation of a CANCELLED order is RELEASED or RESTOCKED.", EVERY),
    Invariant(
        "S2",
        "stock_is_conserved",
        "For each SKU, available + held + sold = replenished = the sum of its deliveries, and no counter is negative.",
        EVERY,
    ),
    Invariant(
        "S3",
        "stock_counters_match_reservations",
        "For each SKU, `held` is the sum of the HELD reservations, `sold` is the sum of the COMMITTED ones, and the queue lists"
        " exactly the WAITING ones.",
        EVERY,
    ),
    Invariant(
        "F1",
        "back_orders_are_served_in_order",
        "No order takes stock for which an earlier order waits.",
        IN_WORLDS,
    ),
    Invariant(
        "F2",
        "only_willing_orders_wait_or_take_a_part",
        "An order waits for stock, or takes a part, only if its request allowed that.",
        frozenset({MODEL_CHECKER}),
    ),
    Invariant(
        "F3",
        "order_is_refused_only_if_short",
        "An order is rejected, or waits, only if all rows of a SKU together had too little at a moment since it was placed.",
        IN_WORLDS,
    ),
    Invariant(
        "D1",
        "order_takes_one_way",
        "An order is confirmed, or it is decided to be cancelled, never both; each step has the evidence that it needs.",
        EVERY,
    ),
    Invariant(
        "D2",
        "one_version_and_one_event_per_transition",
        "Each transition raises the version of its row by one and publishes exactly the event that its table names.",
        EVERY,
    ),
    Invariant("E1", "one_shipment_per_order", "An order has at most one shipment and one label.", EVERY),
    Invariant(
        "E2",
        "only_confirmed_orders_ship",
        "A parcel leaves only for an order that is confirmed; if the parcel is kept, the order is or will be cancelled.",
        EVERY,
    ),
    Invariant("E3", "confirmed_order_has_a_shipment", "At rest, a CONFIRMED order has its shipment.", EVERY, at_rest=True),
    Invariant(
        "E4",
        "one_mail_per_order_and_kind",
        "A customer gets at most one mail of each kind for an order, and the mail agrees with the order.",
        EVERY,
    ),
    Invariant(
        "E5",
        "every_event_is_published_and_processed",
        "At rest, the bus has accepted every event, and each consumer has processed it or its dead-letter queue holds it.",
        EVERY,
        at_rest=True,
    ),
    Invariant(
        "E6",
        "mail_goes_to_its_customer",
        "A mail goes to the address of its own customer, lists what the order contains, and never goes to a forgotten or"
        " suppressed address.",
        frozenset({SIMULATION}),
    ),
    Invariant(
        "E7",
        "parcel_goes_to_its_customer",
        "A parcel goes to the address of its own customer, contains what the order contains, and never goes to a forgotten"
        " customer.",
        frozenset({SIMULATION}),
    ),
    Invariant(
        "I1",
        "one_order_per_idempotency_key",
        "A customer or channel has at most one order for each idempotency key; the same key with another body is refused.",
        EVERY,
    ),
    Invariant(
        "I2",
        "order_needs_a_contact",
        "Only a customer who has left a contact can place an order.",
        frozenset({SIMULATION}),
    ),
    Invariant(
        "T1",
        "unavailable_only_after_the_deadline",
        "An order is cancelled as unavailable only by a try that began after the deadline of the order.",
        IN_WORLDS,
    ),
    Invariant(
        "C1",
        "response_shows_a_true_order",
        "A response shows the order, field by field, as it was at one moment since the request; 202 and 5xx promise nothing.",
        IN_WORLDS,
    ),
    Invariant(
        "C2",
        "carrier_webhook_accepts_only_the_carrier",
        "The webhook of the carrier acts only on messages that the carrier signed.",
        frozenset({SIMULATION}),
    ),
    Invariant(
        "C3",
        "forged_input_changes_nothing",
        "An execution started with forged input, or a command with forged evidence, writes no row and makes no outside call.",
        frozenset({SIMULATION}),
    ),
    Invariant(
        "V1",
        "every_order_ends",
        "Every order ends, and so do its refund, shipment and mails: within 3 sweeps after one crash, within 3 + f sweeps after"
        " f faults.",
        EVERY,
        at_rest=True,
    ),
    Invariant(
        "V2",
        "due_rows_are_swept",
        "A row that is due, or whose event is unpublished, is handled within 3 sweeps without a fault, however many rows wait.",
        frozenset({SIMULATION}),
    ),
    Invariant(
        "R1",
        "replay_restores_lost_work",
        "After loss, disorder and a replay of the lost events, the tables of the consumers are those of a run without faults.",
        IN_WORLDS,
    ),
    Invariant(
        "R2",
        "second_replay_changes_nothing",
        "A further replay writes no row, sends no mail and makes no outside call.",
        frozenset({SIMULATION}),
    ),
    Invariant(
        "P1",
        "no_personal_data_leaks",
        "No log, event, execution input, queue or metric contains personal data or card data.",
        frozenset({SIMULATION}),
    ),
    Invariant(
        "P2",
        "one_trace_per_order",
        "All events and log lines of an order have one trace id: the caller's, if the caller sent one.",
        frozenset({SIMULATION}),
    ),
    Invariant(
        "A1",
        "bad_message_blocks_no_other",
        "A bad message never delays, repeats or loses another message of its batch.",
        frozenset({SIMULATION}),
    ),
    Invariant("B1", "no_function_reports_a_bug", "No function raises an error of the kind bug.", frozenset({SIMULATION})),
    Invariant(
        "O1",
        "order_is_placed_first",
        "The first transition of an order places it.",
        frozenset({MODEL_CHECKER}),
    ),
    Invariant(
        "X1",
        "rows_agree_with_outside_systems",
        "The result that a row records from the gateway, the carrier or SES is the result that they gave.",
        IN_WORLDS,
    ),
    Invariant(
        "X2",
        "confirmation_is_not_undone",
        "A confirmed order never returns to a status before its confirmation.",
        frozenset({MODEL_CHECKER}),
    ),
    Invariant(
        "W1",
        "rows_are_well_formed",
        "Every row is well formed: a known status, attributes of the right type, and a key that belongs to it.",
        frozenset({AUDIT}),
    ),
    Invariant(
        "W2",
        "every_record_has_its_order",
        "Every payment, reservation, shipment, mail and ledger record has its order.",
        frozenset({AUDIT}),
    ),
    Invariant(
        "W3",
        "rows_of_an_order_agree",
        "The rows of an order agree: total, currency, lines, ledger, reasons and correlation id.",
        frozenset({AUDIT}),
    ),
)
"""Every invariant, in the order of the reference page."""
BY_CODE: Final = {invariant.code: invariant for invariant in CATALOGUE}
BY_NAME: Final = {invariant.name: invariant for invariant in CATALOGUE}
AUDITED: Final = tuple(invariant for invariant in CATALOGUE if AUDIT in invariant.checked_by)
"""The invariants that the tables of a stage can show."""
AT_REST: Final = frozenset(invariant.code for invariant in AUDITED if invariant.at_rest)
"""Codes of the audited invariants that need not hold while work is in flight."""


def label(code: str) -> str:
    """Return the name and the code of an invariant, or the text itself if it is no invariant's code."""
    return BY_CODE[code].label if code in BY_CODE else code
