"""The faults of single rows, whatever the other rows say."""

from collections.abc import Iterator
from typing import Any

from audit import attributes, ledger
from audit.finding import Finding
from audit.histories import is_reachable, statuses_after
from audit.row_forms import KnownRow, MovingRow, StoredRow, known_row, moving_row
from audit.row_kinds import DUE, UNSETTLED, RowKind, kind_of
from kernel import outbox_text, outside_json
from kernel.index_shards import possible_shards_of
from kernel.transitions import TransitionTable


def faults_of(table: str, row: StoredRow) -> Iterator[Finding]:
    """Yield the faults of one row of a table. Accepts any value as a row."""
    subject = subject_of(row)
    if not isinstance(row, dict) or not isinstance(row.get("pk"), str):
        yield Finding("W1", subject, "has no key")
        return
    kind = kind_of(table, row)
    if kind is None:
        yield Finding("W1", subject, f"is no row that belongs in the {table} table")
        return
    malformed = list(_malformed(kind, row))
    yield from (Finding("W1", subject, what) for what in malformed)
    if kind.moves_by is not None and not malformed:
        yield from _contradictions(kind, kind.moves_by, moving_row(row))


def without_faults(table: str, row: StoredRow) -> KnownRow | None:
    """Return one row of a table in its form, or None if it has faults. Accepts any value as a row."""
    return None if any(faults_of(table, row)) else known_row(row)


def faults_of_record(row: object) -> Iterator[Finding]:
    """Yield the faults of one ledger record."""
    subject = subject_of(row)
    yield from (Finding("W1", subject, what) for what in ledger.faults_in(row))


def subject_of(row: object) -> str:
    """Return the name of a row in a finding: its key. A contact's key has the customer's id, which orders have too."""
    if not isinstance(row, dict):
        return "?"
    return f"{row.get('pk')}/{row['sk']}" if "sk" in row else str(row.get("pk"))


def _malformed(kind: RowKind, row: StoredRow) -> Iterator[str]:
    """Yield the attributes that are missing, malformed, or give the row another key."""
    yield from attributes.faults_in(kind.schema, row)
    if kind.moves_by is not None and row.get("status") not in _texts(kind.moves_by):
        yield f"its status {row.get('status')!r} is not in the transition table"
    if kind.identity(row) != row["pk"]:
        yield f"is not the key that its attributes give, {kind.identity(row)}"


def _texts(table: TransitionTable) -> list[str]:
    """Return the statuses as a list, in which any value can be looked up."""
    return [*table.statuses]


def _contradictions(kind: RowKind, table: TransitionTable, row: MovingRow) -> Iterator[Finding]:
    """Yield the contradictions between the status, the version and the outbox of a well-formed row."""
    pk, status, version = row["pk"], row["status"], row["version"]
    yield from _status_without_attributes(kind, table, row)
    if row["created_at"] > row["updated_at"] or (version == 1 and row["created_at"] != row["updated_at"]):
        yield Finding("W1", pk, f"was updated {row['updated_at']}, created {row['created_at']}, at version {version}")
    if not is_reachable(table, row):
        yield Finding("D2", pk, f"is {status} at version {version}, where no path leads")
    if "due_shard" in row and row["due_shard"].removeprefix(UNSETTLED) not in possible_shards_of(kind.due_by.format_map(row)):
        yield Finding("W1", pk, "due_shard is not the shard of its key: no sweeper finds it")
    if ("pending" in row) != ("pending_since" in row) or ("pending_shard" in row and "pending" not in row):
        yield Finding("E5", pk, "its outbox is incomplete: no sweeper finds it")
    elif "pending" in row:
        if "pending_shard" in row and row["pending_shard"] not in possible_shards_of(pk):
            yield Finding("E5", pk, "pending_shard is not the shard of its key: no sweeper finds it")
        yield from _outbox(table, row)


def _status_without_attributes(kind: RowKind, table: TransitionTable, row: MovingRow) -> Iterator[Finding]:
    """Yield the attributes that the row must not have in its status, and those that it must have."""
    status = row["status"]
    unsettled = str(row.get("due_shard", "")).startswith(UNSETTLED)
    for attribute, statuses in kind.only_in.items():
        if unsettled and attribute in DUE and status not in statuses:
            continue  # another sweep looks at it, whatever its status
        if (attribute in row) != (status in statuses) and status not in kind.either_in.get(attribute, ()):
            code = "D1" if (table.aggregate, attribute) == ("ORDER", "reason") else "W1"
            yield Finding(code, row["pk"], f"is {status} {'with' if attribute in row else 'without'} {attribute}")


def _outbox(table: TransitionTable, row: MovingRow) -> Iterator[Finding]:
    """Check that each event belongs to its version, to a step that leads there, and to this order."""
    pk, seen = row["pk"], set()
    for event in row["pending"]:
        try:
            envelope: Any = outside_json.read(outbox_text.unpack(event))
            metadata = envelope["detail"]["metadata"]
            event_id, about, detail_type = metadata["event_id"], metadata.get("order_id"), envelope["detail-type"]
            of, _, number = event_id.rpartition("#")
            version = int(number)
            source = envelope["source"]
        except (ValueError, KeyError, TypeError, AttributeError):
            yield Finding("W1", pk, "an event in its outbox cannot be read")
            continue
        targets = {step.target for step in table.transitions if step.publishes == detail_type}
        possible = {row["status"]} if version == row["version"] else statuses_after(table, version)
        if of != pk or not 1 <= version <= row["version"] or source != table.source or about != row.get("order_id"):
            yield Finding("D2", pk, f"has the event {event_id} in its outbox at version {row['version']}")
        elif version in seen or not targets & possible:
            yield Finding("D2", pk, f"{detail_type} is not the one event of its version {version}")
        seen.add(version)
