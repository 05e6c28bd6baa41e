"""The cost on AWS of orders that exist: each is priced as the counted path that its row resembles."""

from collections.abc import Mapping
from typing import Final, TypedDict

from operations.economics import bill, deployed, prices, units
from operations.economics.bill import MILLION, PROMISES
from operations.orders.store import ListedOrder
from services.order.domain import states

CANCELLED: Final = {"PAYMENT_DECLINED": "declined", "OUT_OF_STOCK": "out-of-stock"}
"""The path by the reason of the cancellation."""


class PathPrice(TypedDict):
    """A counted path: its meaning, and the US dollars of one order on a quiet stage, by promise."""

    meaning: str
    promises: Mapping[str, float]


class PriceList(TypedDict):
    """The prices of one order by path, and the meaning of each promise."""

    region: str
    paths: Mapping[str, PathPrice]
    promises: Mapping[str, str]


def path_of(order: ListedOrder) -> str | None:
    """Return the counted path that an order went, or None if it is under way or went another one."""
    if order["status"] == states.CONFIRMED:
        has_left = order["fulfilment"] != states.FULFILMENT[0]
        return "back-ordered" if "backordered_at" in order and has_left else "delivered" if has_left else "happy"
    if order["status"] != states.CANCELLED:
        return None
    return "cancelled" if order.get("refunded") else CANCELLED.get(order.get("reason", ""))


def price_list() -> PriceList:
    """Return the price of one order on each path."""
    known, facts = prices.load(), deployed.load()
    return {
        "region": known.region,
        "paths": {name: _priced(path, known, facts) for name, path in units.counted().items()},
        "promises": PROMISES,
    }


def _priced(path: units.PathUnits, known: prices.Prices, facts: deployed.Deployed) -> PathPrice:
    sums = bill.summed(bill.charges(path, known, facts), lambda charge: charge.promise)
    return {"meaning": path.meaning, "promises": {promise: usd / MILLION for promise, usd in sums.items()}}
