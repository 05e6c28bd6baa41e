"""The history of an order: its events and acts, each with its time, its actor and its reason; and what it waits for now.

The order's row has its caller and its events. The rows of the other services show how far each of them is. Each row also shows
what it waits for. The acts of operators are lines of the logs, which expire.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, cast

from kernel import clock, outside_json, timeline
from kernel.naming import SERVICES, stack_name
from operations.aws.target import Target
from operations.orders import shipments, store
from operations.orders.store import ListedOrder, RelatedRow
from operations.orders.wait_reasons import OF_SERVICES, waiting
from services.order.domain.model import OrderRow

GROUPS: Final = ("Operator", "Api")
"""Parts of the names of the log groups with the lines of acts: of the functions for operators, and of the APIs."""
SAID: Final = ("command", "route", "outcome", "status")
"""The keys of a line that name the act and its result."""


WAITS: Final = "waits"
"""The entry that says what an order or a service waits for. Its time is that of the next try, if there is one."""


class Entry(NamedTuple):
    """An entry of the history. `by` is a principal of IAM, a channel or a service; `why` is empty if no one said it."""

    at: str
    what: str
    by: str
    why: str = ""


def history(target: Target, order_id: str) -> list[Entry]:
    """Return the order's history, oldest first, then what it waits for. Raises UserError for an unknown order."""
    row, related = store.find(target, order_id), store.related_rows(target, order_id)
    since = clock.from_rfc3339(row["created_at"])
    past = [*of_row(row), *of_services(related), *acts(target, order_id, since)]
    paused = shipments.carrier_paused_until(target) if related.get("shipping") else None
    return [*sorted(past, key=lambda entry: entry.at), *now_waiting(row), *services_waiting(related, paused)]


def of_row(row: OrderRow) -> Iterator[Entry]:
    """Yield the placing of the order by its caller, and its events."""
    by = row.get("caller") or f"channel {row['channel']}"
    yield Entry(row["created_at"], f"placed by {row['channel']}", by)
    for entry in timeline.entries(row.get("timeline", ()), row["order_id"]):
        why = row.get("reason", "") if entry["event"] in ("OrderCancelled", "OrderCancelRequested") else ""
        yield Entry(entry["at"], entry["event"], "orderflow", why)


def of_services(related: Mapping[str, Sequence[RelatedRow]]) -> Iterator[Entry]:
    """Yield how far each other service is with the order, at its row's latest change."""
    for service, rows in related.items():
        for row in rows:
            kind = f"{row['kind']} mail" if "kind" in row else service
            yield Entry(row["updated_at"], f"{kind}: {row['status']}", service, row.get("reason", ""))


def now_waiting(row: OrderRow) -> Iterator[Entry]:
    """Yield what the order waits for, if it waits, and when the bank releases the money of a back-order."""
    found = waiting(cast(ListedOrder, row))
    if found is not None:
        yield Entry(found["next_try"] or "", WAITS, "orderflow", found["why"])
        if found["ends_at"]:
            yield Entry(found["ends_at"], "ends", "orderflow", "the card's bank releases the money")


def services_waiting(related: Mapping[str, Sequence[RelatedRow]], carrier_paused_until: str | None) -> Iterator[Entry]:
    """Yield what each other service waits for. A note's next time is that of its claim, and no next try."""
    for service, rows in related.items():
        for row in rows:
            why = OF_SERVICES.get(service, {}).get(row["status"])
            if why is not None:
                yield Entry("" if "claim" in row else row.get("next_due", ""), WAITS, service, why)
                if service == "shipping" and carrier_paused_until:
                    yield Entry(carrier_paused_until, WAITS, service, "the carrier does not answer, so calls to it are paused")


def acts(target: Target, order_id: str, since: datetime) -> Iterator[Entry]:
    """Yield the acts of operators and callers on the order, from the logs of the services' functions."""
    client = target.client("logs")
    for service in SERVICES:
        groups = client.get_paginator("describe_log_groups")
        for page in groups.paginate(logGroupNamePrefix=log_groups_begin(target, service)):
            for group in page["logGroups"]:
                if any(part in group["logGroupName"] for part in GROUPS):
                    yield from _of_group(target, group["logGroupName"], order_id, since)


def log_groups_begin(target: Target, service: str) -> str:
    """Return the begin of the names of a service's log groups. The laptop's CloudFormation names them in its own way."""
    stack = stack_name(target.stage, service)
    return f"/aws/cloudformation/{stack}/" if target.is_laptop else f"{stack}-"


def _of_group(target: Target, group: str, order_id: str, since: datetime) -> Iterator[Entry]:
    found = target.client("logs").get_paginator("filter_log_events")
    start = int(since.timestamp() * 1000)
    for page in found.paginate(logGroupName=group, startTime=start, filterPattern=f'"{order_id}"'):
        for event in page["events"]:
            entry = act_of_line(event["message"], order_id)
            if entry is not None:
                yield entry


def act_of_line(text: str, order_id: str) -> Entry | None:
    """Return the act that a line of a log states; None if it states none, or about another order."""
    try:
        line = outside_json.read_object(text)
    except ValueError:
        return None
    if line.get("order_id") != order_id or "actor" not in line:
        return None
    what = " ".join(str(line[key]) for key in SAID if key in line)
    return Entry(str(line["timestamp"]), what, str(line["actor"]), str(line.get("reason", "")))
