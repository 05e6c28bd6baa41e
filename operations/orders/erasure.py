"""The erasure of a person, and the list of the data that remain, each with its last day."""

from datetime import datetime, timedelta
from typing import Final, TypedDict

from kernel import clock
from operations.aws import service_client
from operations.aws.target import Target
from operations.errors import UserError
from operations.orders import store
from operations.orders.store import ListedOrder
from services.order.domain.states import FULFILMENT
from stages import Stage

BACKUP_DAYS: Final = 35
"""DynamoDB restores a table to any moment of so many days
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html)."""
REDACTION: Final = "https://docs.stripe.com/privacy/redaction"
EASYPOST: Final = "https://support.easypost.com/hc/en-us/articles/360042847591-Data-Retention"
"""It keeps bought shipments for at least three years, and has no call that deletes one."""
NO_ID: Final = (400, 404)
"""The API's statuses for an id that no customer can have, and for one with a slash, which is a path without a route."""
NAMED_AT_MOST: Final = 5
"""The open orders that a refusal names."""


class Remainder(TypedDict):
    """Something that remains of a customer: where, what it says of the person, and until when."""

    where: str
    what: str
    until: str


class Erasure(TypedDict):
    """An erasure that is done: the number of orders in the books, those that are open anyway, and the data that remain."""

    customer_id: str
    orders: int
    placed_meanwhile: list[str]
    remains: list[Remainder]


def erase(target: Target, customer_id: str, now: datetime) -> Erasure:
    """Delete the customer's contact, and return what remains. The orders stay: they name the customer by an id only.

    A repeat deletes nothing more, so it is safe after a crash at any step. Raises UserError, before anything is deleted, for a
    customer with orders that still need the address; NoAnswerError if the deletion's outcome is unknown.
    """
    if waiting := open_orders(target, customer_id):
        raise UserError(refusal(customer_id, waiting), f"Wait, or cancel them: `orderctl orders cancel {waiting[0]}`.")
    answer = service_client.order_api(target, "DELETE", f"/customers/{customer_id}/contact")
    if answer.status != 204:
        hint = "Correct the id: `orderctl orders show ORDER` has it." if answer.status in NO_ID else "Run the command again."
        raise UserError(f"The contact of {customer_id} was not deleted: {service_client.refusal(answer)}.", hint)
    orders = store.of_customer(target, customer_id)
    remains = remainders(target.settings(), orders, now)
    return Erasure(
        customer_id=customer_id,
        orders=len(orders),
        placed_meanwhile=[order["order_id"] for order in orders if needs_the_person(order)],
        remains=remains,
    )


def open_orders(target: Target, customer_id: str) -> list[str]:
    """Return the ids of the customer's orders that still need the contact, the newest first."""
    return [order["order_id"] for order in store.of_customer(target, customer_id) if needs_the_person(order)]


def needs_the_person(order: ListedOrder) -> bool:
    """Return whether a parcel or a mail of the order still needs the contact.

    That is so until the order is cancelled, or until the carrier has its parcel.
    """
    return order["status"] != "CANCELLED" and (order["status"] != "CONFIRMED" or order["fulfilment"] == FULFILMENT[0])


def refusal(customer_id: str, waiting: list[str]) -> str:
    """Say why a customer with open orders is not erased."""
    more = f" and {len(waiting) - NAMED_AT_MOST} more" if len(waiting) > NAMED_AT_MOST else ""
    return (
        f"Nothing was deleted, because {customer_id} has orders whose parcels still need the address: "
        f"{', '.join(waiting[:NAMED_AT_MOST])}{more}."
    )


def remainders(stage: Stage, orders: list[ListedOrder], now: datetime) -> list[Remainder]:
    """Return what remains of a customer with these orders on a stage.

    Logs, metrics, executions and events hold no personal data, so they are not among it but for the customer's id.
    """
    events = _day(now + timedelta(days=stage.archive_retention_days))
    found = [
        Remainder(where="backups of the order table", what="the contact, as it was", until=_day(now + timedelta(BACKUP_DAYS))),
        Remainder(
            where="copies that `orderctl tables restore` made",
            what="the contact, as it was",
            until="`orderctl tables drop MOMENT`",
        ),
        Remainder(where="archive and journal of events", what="the customer's id, the SKUs and amounts", until=events),
        Remainder(
            where="orders, payments and stock",
            what="the customer's id, the card's token, SKUs and amounts",
            until="kept: the books",
        ),
        Remainder(
            where="suppression list",
            what="a digest of the e-mail address, if its mails bounced or were refused",
            until="`orderctl mails allow ADDRESS`",
        ),
    ]
    if orders and stage.gateway == "stripe":
        what = "cards and payments, without a name or an address from us"
        found.append(Remainder(where="Stripe", what=what, until=f"you redact them: {REDACTION}"))
    if orders and stage.carrier == "easypost":
        what = "the name and address of each shipment"
        found.append(Remainder(where="EasyPost and its carriers", what=what, until=f"EasyPost deletes them: {EASYPOST}"))
    return found


def _day(moment: datetime) -> str:
    return clock.rfc3339(moment)[:10]
