"""The catch-up of a replay: the orders that it would create and charge, and the services that forgot earlier work."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, cast

from kernel import clock, idempotency, schemas
from kernel.batch_reads import MOST_KEYS
from kernel.invalid_request import InvalidRequestError
from kernel.money import Money
from kernel.naming import CHANNEL_PREFIX, catches_up
from kernel.schemas import InvalidEventError
from kernel.subscriptions import ReplayPolicy
from operations.aws.service_client import in_parts
from operations.aws.target import Target
from operations.contracts.subscriptions import Consumer, consumers
from operations.distinct import Distinct
from operations.errors import UserError
from operations.events import journal
from operations.events.journal import BusEvent, Published
from operations.orders import store
from operations.plural import counted
from operations.replay import archive_replay
from operations.window import Window
from services.order.domain import identity, order_request
from services.order.domain.order_request import OrderRequest
from services.order.domain.prices import Offer
from services.order.storage.catalogue import Catalogue

INTAKE: Final = "order"
ONE_DEPLOYMENT: Final = timedelta(minutes=10)
"""How long after the archive a deployment of the whole stage creates the journal's bucket."""


@dataclass(frozen=True)
class NewOrders:
    """The orders that the window's channel events would become: how many, their worth by currency, and those refused.

    `refused` counts them by reason, the name of the API's error: `unknown-sku`, `contact-missing`, `invalid-event`.
    """

    orders: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    worth: tuple[Money, ...] = ()

    def __str__(self) -> str:
        worth = f" worth {' and '.join(map(str, self.worth))} at today's prices" if self.worth else ""
        reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(self.refused.items()))
        refused = f"; {sum(self.refused.values())} more would be refused ({reasons})" if self.refused else ""
        return f"create {counted(self.orders, 'order')}{worth}{refused}"


@dataclass(frozen=True)
class NewTable:
    """A service with outside effects and a table that is younger than an event of the window that it consumes.

    `event_put_at` is None if the journal does not reach back to the window's start, so that only the archive has its events.
    """

    service: str
    created: datetime
    event_put_at: str | None

    def __str__(self) -> str:
        event = f" at {self.event_put_at}" if self.event_put_at else ", which the younger journal does not have"
        return (
            f"{self.service}'s table was created at {clock.rfc3339(self.created)}, after an event of the window{event}: it has "
            f"no record of earlier work by {self.service}"
        )


@dataclass
class OrderIntake:
    """The sum of what the intake would make of channels' events, which it takes one by one. Reads, and writes nothing.

    Of several events that become one order, the first counts. `seen` remembers the orders.
    """

    target: Target
    seen: Distinct
    orders: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    worth: dict[str, Money] = field(default_factory=dict)
    _waiting: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def add(self, event: Published) -> None:
        """Count an event. Events that are no channel's OrderPlaced count nothing."""
        if not event.source.startswith(CHANNEL_PREFIX) or event.detail_type != "OrderPlaced":
            return
        if not _is_valid(event):
            self.refused["invalid-event"] += 1
            return
        data = event.event["detail"]["data"]
        order_id = _order_id(event.source, data["idempotency_key"])
        if self.seen.add("order", order_id):
            self._waiting[order_id] = data
            if len(self._waiting) == MOST_KEYS:
                self._judge()

    def total(self) -> NewOrders:
        """Return the sum, priced by today's catalogue."""
        self._judge()
        return NewOrders(self.orders, self.refused, tuple(self.worth[currency] for currency in sorted(self.worth)))

    def _judge(self) -> None:
        waiting, self._waiting = self._waiting, {}
        there = store.statuses(self.target, waiting)
        missing = [data for order_id, data in waiting.items() if order_id not in there]
        offer = _offer(self.target, missing)
        for data in missing:
            try:
                request = order_request.normalize_request(cast(OrderRequest, data))
                order_request.reject_duplicate_skus(request)
                lines = order_request.price(request, offer)
            except InvalidRequestError as error:
                self.refused[error.name] += 1
                continue
            self.orders += 1
            for line in lines:
                amount = line.unit_price * line.quantity
                known = self.worth.get(amount.currency)
                self.worth[amount.currency] = known + amount if known else amount


def _is_valid(event: Published) -> bool:
    """Return whether the intake would read the event: any role that may publish as the channel may have sent anything."""
    try:
        schemas.validate(event.source, event.detail_type, event.event["detail"])
    except InvalidEventError:
        return False
    return True


def _order_id(source: str, kept: str) -> str:
    """Return the id of the order that a channel's journaled event becomes."""
    scope = idempotency.channel_scope(source.removeprefix(CHANNEL_PREFIX))
    return identity.order_id_of(idempotency.hash_of_journaled(scope, kept))


def new_tables(target: Target, window: Window, services: Sequence[str]) -> list[NewTable]:
    """Return the services that a replay with `--catch-up` would have do again what they did under an earlier table."""
    return list(_new_tables(target, window, services))


def check_tables(target: Target, window: Window, services: Sequence[str], despite: Sequence[str]) -> None:
    """Pass services that remember what they did, and those named in `despite`. Raises UserError for others."""
    _refuse(new_tables(target, window, services), despite, "Start the window later, or take up the earlier table.")


def check_staged(target: Target, events: Iterable[BusEvent], services: Sequence[str], despite: Sequence[str]) -> None:
    """Pass what `check_tables` passes, for the staged events of any replays: only those of a catch-up count.

    Raises UserError.
    """
    acting = [event for event in events if catches_up(event.get("replay-name", ""))]
    found = []
    for service, created, outside in _acting_services(target, services) if acting else ():
        earlier = [event["time"] for event in acting if _takes(outside, event) and clock.from_rfc3339(event["time"]) < created]
        if earlier:
            found.append(NewTable(service, created, min(earlier)))
    _refuse(found, despite, "Take up the earlier table, then run `orderctl replay resume` again.")


def _refuse(tables: Iterable[NewTable], despite: Sequence[str], remedy: str) -> None:
    """Raise UserError if the services have other tables than those named in `despite`."""
    forgetful = [table for table in tables if table.service not in despite]
    if forgetful:
        names = " ".join(f"--despite-new-table {table.service}" for table in forgetful)
        raise UserError(
            ". ".join(f"{str(table)[:1].upper()}{str(table)[1:]}" for table in forgetful) + ".",
            f"{remedy} If the service is new and has never acted, add {names}.",
        )


def _new_tables(target: Target, window: Window, services: Sequence[str]) -> Iterator[NewTable]:
    for service, created, outside in _acting_services(target, services):
        if window.start >= created:
            continue
        before = Window(window.start, min(window.end, created))
        event = next((put for put in journal.in_window(target, before) if _takes(outside, put.event)), None)
        if event is not None:
            yield NewTable(service, created, event.put_at)
        elif _lacks_events(target, before):
            yield NewTable(service, created, None)


def _acting_services(target: Target, services: Sequence[str]) -> Iterator[tuple[str, datetime, Sequence[Consumer]]]:
    """Yield the services that act outside in a catch-up: the name, the creation of the table, the subscriptions that act."""
    for service in dict.fromkeys(services):
        outside = [consumer for consumer in consumers([service]) if consumer.replay_policy == ReplayPolicy.OPT_IN]
        if outside:
            table = target.client("dynamodb").describe_table(TableName=target.parameter(f"{service}/table-name"))["Table"]
            yield service, table["CreationDateTime"], outside


def _lacks_events(target: Target, window: Window) -> bool:
    """Return whether the archive may have events of the window that the journal never had.

    A journal that was destroyed and deployed again is empty; the archive still has the earlier events.
    """
    archived_from, journaled_from = archive_replay.created(target), journal.created(target)
    if journaled_from - archived_from <= ONE_DEPLOYMENT:
        return False
    return max(window.start, archived_from) < min(window.end, journaled_from)


def _takes(subscriptions: Sequence[Consumer], event: BusEvent) -> bool:
    return any(consumer.takes(event) for consumer in subscriptions)


def _offer(target: Target, placed: Iterable[Mapping[str, Any]]) -> Offer:
    """Return the prices of the SKUs that channels' events name, and which of the customers have a contact."""
    catalogue = Catalogue(target.client("dynamodb"), target.parameter("order/table-name"))
    data = list(placed)
    skus = sorted({str(line["sku"]) for each in data for line in each.get("lines", ())})
    customers = sorted({str(each.get("customer_id")) for each in data})
    priced = [catalogue.look_up(part, ()) for part in in_parts(skus, MOST_KEYS)]
    found = [catalogue.look_up((), part) for part in in_parts(customers, MOST_KEYS)]
    prices = {sku: price for offer in priced for sku, price in offer.prices.items()}
    return Offer(prices, frozenset().union(*(offer.reachable for offer in found)))
