"""The catalogue: the price and the title of each SKU. The only source of prices."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict, cast

from kernel.aggregate_store import Item, marshal
from kernel.batch_reads import read_rows
from kernel.clients import AwsClient
from kernel.money import Money
from services.order.domain.prices import InvalidPriceError, Offer, check_price, check_title
from services.order.storage import contacts

if TYPE_CHECKING:  # a function that only reads titles does without it
    from services.order.domain.order_request import OrderRequest

READ_TRIES = 4
PRICE: Final = "PRICE#"
"""The key of a price starts so."""


def price_key(sku: str) -> str:
    """Return the key of a SKU's price and title."""
    return f"{PRICE}{sku}"


class Keyed(TypedDict):
    """A row of any kind, by its key."""

    pk: str


class PriceRow(Keyed):
    """A price as DynamoDB keeps it: `PRICE#<sku>`. `amount` is in minor units."""

    sku: str
    amount: int
    currency: str
    title: NotRequired[str]


class ReachableRow(Keyed):
    """The mark that a customer has a contact: `REACHABLE#<customer_id>`."""

    customer_id: str


class Catalogue:
    """The rows `PRICE#<sku>` of the order table: `sku`, `amount` in minor units, `currency`, and `title` if it has one."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        self.client = client
        self.table_name = table_name

    def look_up(self, skus: Iterable[str], customer_ids: Iterable[str]) -> Offer:
        """Return the price of each SKU that the catalogue has, and which customers have a contact; at most 100 of both.

        The read is consistent: a contact that was kept a moment ago counts, and so does a new price.
        """
        rows = self._read(skus, (contacts.key_of(customer_id) for customer_id in sorted(set(customer_ids))))
        priced = cast(list[PriceRow], [row for row in rows if row["pk"].startswith(PRICE)])
        reachable = cast(list[ReachableRow], [row for row in rows if not row["pk"].startswith(PRICE)])
        prices = {row["sku"]: Money.from_dict(row) for row in priced}
        return Offer(prices, frozenset(row["customer_id"] for row in reachable))

    def _read(self, skus: Iterable[str], more: Iterable[Item]) -> Sequence[Keyed]:
        """Return the existing rows of SKUs, and at the keys in `more`. Raises UnreadRowsError."""
        keys = [*(marshal({"pk": price_key(sku)}) for sku in sorted(set(skus))), *more]
        return cast(list[Keyed], read_rows(self.client, self.table_name, keys, READ_TRIES, "prices"))

    def offer(self, request: "OrderRequest") -> Offer:
        """Return what the catalogue has for a request to place an order."""
        return self.look_up((line["sku"] for line in request["lines"]), [request["customer_id"]])

    def set_prices(self, prices: Iterable[Mapping[str, Any]]) -> None:
        """Set prices, each `{"sku", "amount", "currency"}` and optionally `title`; orders placed before keep their prices.

        An entry replaces what the catalogue has of its SKU, the title too. Raises InvalidPriceError naming the field of the
        first that nothing can be sold at; then none is set.
        """
        checked: dict[str, tuple[Money, str | None]] = {}
        for position, entry in enumerate(prices):
            where = f"prices[{position}]"
            price, title = check_price(entry, where), check_title(entry, where)
            if entry["sku"] in checked:
                raise InvalidPriceError(f"{where}.sku", "has a price in an earlier entry too")
            checked[entry["sku"]] = price, title
        for sku, (price, title) in checked.items():
            item = {"pk": price_key(sku), "sku": sku, **price.as_dict(), **({} if title is None else {"title": title})}
            self.client.put_item(TableName=self.table_name, Item=marshal(item))
