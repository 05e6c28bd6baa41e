"""The order service's table: orders, prices, contacts, and the sweeper's view of what is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from botocore.exceptions import ClientError

from kernel import clock
from kernel.aggregate_store import AggregateStore, is_condition_failure, marshal, unmarshal, update_if
from kernel.batch_reads import read_rows
from kernel.clients import AwsClient
from kernel.measures import Measure
from kernel.order_numbers import number_of
from services.order.domain import decisions, metrics, states
from services.order.domain.model import OrderInPage, OrderRow, PageKey
from services.order.storage.indexes import CUSTOMER_INDEX
from services.order.workflow import time_budget

LEASE = timedelta(seconds=time_budget.LEASE_SECONDS)
"""How long a sweeper's lease keeps others off: above the workflow's time-out. It saves work; safety never rests on it."""


READ_TRIES: Final = 4


@dataclass(frozen=True)
class Page:
    """Some of a customer's orders, and where the next page begins, if there is one."""

    orders: list[OrderInPage]
    next: PageKey | None


class Orders(AggregateStore[OrderRow]):
    """The items `ORDER#<order_id>`."""

    keeps_timeline = True

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, states.TRANSITIONS)

    def measures(self, step: str, after: OrderRow) -> Iterable[Measure]:
        """Return what a step adds to the business metrics."""
        return metrics.measures(step, after)

    def of_customer(self, customer_id: str, limit: int, begin: PageKey | None = None, number: str | None = None) -> Page:
        """Return at most `limit` of a customer's orders, the newest first, from the end of an earlier page.

        The index runs a moment behind the table; the rows themselves are read consistently. With a `number`, those of the
        page that have it; a page without any may have a next one. Raises UnreadRowsError.
        """
        answer = self.client.query(
            TableName=self.table_name,
            IndexName=CUSTOMER_INDEX,
            KeyConditionExpression="customer_id = :customer",
            ExpressionAttributeValues=marshal({":customer": customer_id}),
            ScanIndexForward=False,
            Limit=limit,
            **({"ExclusiveStartKey": marshal(begin)} if begin else {}),
        )
        keys = [str(item["pk"]["S"]) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        found = self._in_a_page([key for key in keys if number in (None, number_of(key.removeprefix(self.key(""))))])
        return Page(found, cast(PageKey, unmarshal(last)) if last else None)

    def _in_a_page(self, keys: Sequence[str]) -> list[OrderInPage]:
        if not keys:
            return []
        rows = read_rows(self.client, self.table_name, [marshal({"pk": key}) for key in keys], READ_TRIES, "orders")
        by_key = {row["pk"]: cast(OrderInPage, row) for row in rows}
        return [by_key[key] for key in keys if key in by_key]

    def lease(self, order_id: str, owner: str, now: datetime) -> OrderRow | None:
        """Take the order for one attempt at recovery.

        Return its row, or None if another sweeper has it or if no saga can move it on.
        """
        row = self.get(order_id)
        if row is None or row["status"] not in states.DECIDED_BY_SAGA:
            return None
        open_statuses = sorted(states.DECIDED_BY_SAGA)
        marks = {f":open{position}": status for position, status in enumerate(open_statuses)}
        try:
            answer = self.client.update_item(
                TableName=self.table_name,
                Key=marshal({"pk": self.key(order_id)}),
                UpdateExpression="SET lease_owner = :owner, lease_until = :until, next_due = :next, attempts = :attempts, "
                "tried_at = :now",
                ConditionExpression=f"#status IN ({', '.join(marks)}) AND attempts = :seen "
                "AND (attribute_not_exists(lease_until) OR lease_until < :now)",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=marshal(
                    {
                        **marks,
                        ":owner": owner,
                        ":until": clock.rfc3339(now + LEASE),
                        ":next": decisions.next_sweep_at(row, now),
                        ":attempts": row["attempts"] + 1,
                        ":seen": row["attempts"],
                        ":now": clock.rfc3339(now),
                    }
                ),
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            return None
        return cast(OrderRow, unmarshal(answer["Attributes"]))

    def record_unavailable(self, order_id: str, reason: str) -> None:
        """Write on an undecided order which service gave its latest try no answer. Its version stays: no decision was taken."""
        marks = {f":open{position}": status for position, status in enumerate(sorted(states.UNDECIDED))}
        update_if(
            self.client,
            self.table_name,
            self.key(order_id),
            "SET unavailable = :reason",
            f"#status IN ({', '.join(marks)})",
            {**marks, ":reason": reason},
            {"#status": "status"},
        )
