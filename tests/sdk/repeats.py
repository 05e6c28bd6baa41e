"""Every AWS call of the functions, what makes it safe to send again, and so how often its client may send it.

`test_sdk_safety.py` holds this table against the source (no call is missing, none is made up) and against what the clients
really send; docs/explanation/reliability.md prints it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Repeat:
    """A call: which client of `kernel.clients.Clients` makes it, how often it may be sent, and why that is safe."""

    client: str
    at_most: int
    why: str


REPEATS = {
    "get_item": Repeat("dynamodb", 3, "a read"),
    "batch_get_item": Repeat("dynamodb", 3, "a read"),
    "query": Repeat("dynamodb", 3, "a read"),
    "scan": Repeat("dynamodb", 3, "a read"),
    "update_item": Repeat(
        "dynamodb", 3, "conditional: the repeat is refused, and the old item it is handed shows its own result"
    ),
    "put_item": Repeat(
        "dynamodb", 3, "the whole item, by its natural key (prices, contacts), or conditional on its absence (the ledger)"
    ),
    "delete_item": Repeat("dynamodb", 3, "what is gone stays gone (contacts)"),
    "transact_write_items": Repeat(
        "dynamodb", 3, "conditional on the reservation, the ledger record or the units that move: the repeat is refused whole"
    ),
    "put_events": Repeat("events", 3, "a duplicate on the bus, which every consumer dedupes by its natural key"),
    "send_message": Repeat("sqs", 3, "a second copy of a quarantined message in a dead-letter queue"),
    "change_message_visibility": Repeat("sqs", 3, "sets a time; the last one counts"),
    "invoke": Repeat("functions", 2, "only the query `contact`"),
    "send_email": Repeat(
        "ses", 1, "not safe: SES knows no idempotency token, so it is sent once and an unknown outcome stays unknown"
    ),
    "start_sync_execution": Repeat("workflows", 1, "safe by the protocol, but a second run is waste: it is sent once"),
    "start_execution": Repeat("workflows", 1, "safe by the protocol; the next sweep is the retry"),
}
