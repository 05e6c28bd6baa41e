"""The rows of some orders, read by key from all tables."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Final

from audit.row_forms import StoredRow
from audit.row_kinds import MAILS
from audit.rows import Key, StageRows
from audit.snapshot import Snapshot
from audit.tables import LEDGER

MARGIN: Final = timedelta(minutes=1)
"""The longest that a row may take to show a write that its `updated_at` precedes: the call's retries, a replica that is behind,
the clocks of two machines."""
BESIDE_AN_ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "payment": ("PAY#{}",),
    "inventory": ("RES#{}",),
    "shipping": ("SHIP#{}",),
    "notification": tuple(f"NOTE#{{}}#{kind}" for kind in MAILS),
    LEDGER: ("{}",),
}
"""The keys of an order's rows beside its own, by table."""


def read_orders(
    rows: StageRows, order_ids: Collection[str], since: str, *, consistent: bool, more: Mapping[str, Iterable[StoredRow]]
) -> Snapshot:
    """Return `more` rows, by table, and all rows of these orders that are beside the order table.

    `since` is the `began` of the snapshot: an order with a row that changed after it is not judged.
    """
    snapshot = Snapshot(began=since)
    for table, found in more.items():
        snapshot.table(table).extend(found)
    keys = keys_of(order_ids, [table for table in BESIDE_AN_ORDER if table != LEDGER])
    for table, row in rows.at(keys, consistent=consistent):
        snapshot.table(table).append(row)
    snapshot.ledger.extend(rows.records(order_ids, consistent=consistent))
    return snapshot


def order_keys(order_ids: Iterable[str]) -> list[Key]:
    """Return the keys of the orders' own rows."""
    return [("order", f"ORDER#{order_id}") for order_id in order_ids]


def keys_of(order_ids: Iterable[str], tables: Collection[str]) -> list[Key]:
    """Return the keys of the orders' rows in these tables of `BESIDE_AN_ORDER`."""
    return [(table, key.format(order_id)) for order_id in order_ids for table in tables for key in BESIDE_AN_ORDER[table]]


def owner_of(table: str, pk: str) -> str | None:
    """Return the id of the order to whose rows a key of the table belongs, or None."""
    for key in ("ORDER#{}",) if table == "order" else BESIDE_AN_ORDER[table]:
        before, _, after = key.partition("{}")
        if pk.startswith(before) and pk.endswith(after) and len(pk) > len(before) + len(after):
            return pk[len(before) : len(pk) - len(after)]
    return None
