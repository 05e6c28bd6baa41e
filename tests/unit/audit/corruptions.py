"""Corruptions of snapshots: each damages a good one in one way, and names the invariants that report it."""

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from audit.snapshot import Snapshot
from kernel.index_shards import shard_of
from services.order.domain import identity

Row = dict[str, Any]
Damage = Callable[[Snapshot, Random], None]
"""Damages a snapshot in place. Raises LookupError if it has no row for this damage."""


@dataclass(frozen=True)
class Corruption:
    """A way to damage a snapshot. The audit must report one of `expects`, and may report others too."""

    name: str
    expects: frozenset[str]
    damage: Damage

    def of(self, snapshot: Snapshot, seed: int) -> Snapshot:
        """Return a damaged copy of the snapshot: the same seed, the same damage."""
        damaged: Snapshot = pickle.loads(pickle.dumps(snapshot))  # a deep copy, five times faster than copy's
        self.damage(damaged, Random(f"{self.name} {seed}"))
        return damaged


CORRUPTIONS: list[Corruption] = []


def of_snapshot(name: str, *expects: str) -> Callable[[Damage], Damage]:
    """Register damage to a whole snapshot."""

    def register(damage: Damage) -> Damage:
        CORRUPTIONS.append(Corruption(name, frozenset(expects), damage))
        return damage

    return register


def of_a(table: str, prefix: str, name: str, *expects: str, **where: Any) -> Callable[[Any], Any]:
    """Register damage to one row with this start of its key and these attributes: `(row, random)`."""

    def register(change: Callable[[Row, Random], Any]) -> Any:
        def damage(snapshot: Snapshot, random: Random) -> None:
            change(pick(snapshot, table, prefix, random, **where), random)

        of_snapshot(f"{prefix or table} {where or ''} {name}", *expects)(damage)
        return change

    return register


def pick(snapshot: Snapshot, table: str, prefix: str, random: Random, **where: Any) -> Row:
    """One of the rows; a condition is a value, or a set of values. Raises IndexError."""
    return random.choice(list(rows(snapshot, table, prefix, **where)))


def rows(snapshot: Snapshot, table: str, prefix: str, **where: Any) -> Iterator[Row]:
    for row in snapshot.table(table):
        if row["pk"].startswith(prefix) and all(_is(row.get(name), wanted) for name, wanted in where.items()):
            yield row


def _is(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, tuple) else value == wanted


def set_to(**values: Any) -> Callable[[Row, Random], None]:
    return lambda row, random: row.update(copy.deepcopy(values))


def drop(*names: str) -> Callable[[Row, Random], None]:
    def change(row: Row, random: Random) -> None:
        for name in names:
            del row[name]

    return change


def more(name: str, by: tuple[int, ...] = (-1, 1)) -> Callable[[Row, Random], None]:
    def change(row: Row, random: Random) -> None:
        row[name] += random.choice(by)

    return change


def straight(row: Row) -> Row:
    """Return the order's row as if the order had never waited."""
    for name in ("backordered_at", "resumed_at"):
        row.pop(name, None)
    return row


def total_by_one(row: Row, random: Random) -> None:
    row["total"]["amount"] += random.choice((-1, 1)) if row["total"]["amount"] else 1


def swap_currency(row: Row, random: Random) -> None:
    money = row.get("total", row)
    money["currency"] = random.choice([currency for currency in ("USD", "EUR", "JPY") if currency != money["currency"]])


def line_quantity(row: Row, random: Random) -> None:
    lines = row.get("lines") or row["items"]
    random.choice(lines)["quantity"] += random.choice((1, 2))


def line_dropped(row: Row, random: Random) -> None:
    if len(row["lines"]) > 1:
        row["lines"].pop(random.randrange(len(row["lines"])))
    else:
        row["lines"] = [{**row["lines"][0], "sku": "OTHER"}]


def line_of_another_sku(row: Row, random: Random) -> None:
    random.choice(row.get("lines") or row["items"])["sku"] = random.choice(("CAT", "DOG", "OWL"))


def another_text(name: str) -> Callable[[Row, Random], None]:
    return lambda row, random: row.update({name: f"other-{random.randrange(1000)}"})


def other_hash(name: str) -> Callable[[Row, Random], None]:
    return lambda row, random: row.update({name: identity.shortened(f"{random.getrandbits(256):064x}")})


ORDER = "ORDER#"
of_a("order", ORDER, "key hash flipped", "I1")(
    lambda row, random: row.update(key_hash=identity.shortened(f"{random.getrandbits(256):064x}"))
)
of_a("order", ORDER, "scope hash flipped", "I1")(
    lambda row, random: row.update(scope_hash=identity.shortened(f"{random.getrandbits(256):064x}"))
)
of_a("order", ORDER, "of another customer", "I1")(another_text("customer_id"))
of_a("order", ORDER, "of another channel", "I1")(another_text("channel"))
of_a("order", ORDER, "hash flipped", "I1")(
    lambda row, random: row.update(request_hash=identity.shortened(f"{random.getrandbits(256):064x}"))
)
of_a("order", ORDER, "token flipped", "I1")(set_to(payment_token="pm_other"))
of_a("order", ORDER, "total one off", "W3")(total_by_one)
of_a("order", ORDER, "currency swapped", "I1")(swap_currency)
of_a("order", ORDER, "quantity changed", "W3")(line_quantity)
of_a("order", ORDER, "line dropped", "I1")(line_dropped)
of_a("order", ORDER, "line of another SKU", "I1", "W3")(line_of_another_sku)
of_a("order", ORDER, "price one off", "W3")(lambda row, random: random.choice(row["lines"]).update(unit_price=77))
of_a("order", ORDER, "correlation changed", "W3")(another_text("correlation_id"))
of_a("order", ORDER, "version changed", "D2", fulfilment="NONE")(more("version", (2, 3, 7, -2)))
of_a("order", ORDER, "version changed", "D2", fulfilment="DISPATCHED")(more("version", (-1, 2)))
of_a("order", ORDER, "version is garbage", "W1")(lambda row, random: row.update(version=random.choice((0, -1, "3", None, 2.5))))
of_a("order", ORDER, "version is huge", "D2")(lambda row, random: row.update(version=10 ** random.randrange(4, 40)))
of_a("order", ORDER, "unknown status", "W1")(lambda row, random: row.update(status=random.choice(("REFUNDED", "", "∅", 7, []))))
of_a("order", ORDER, "status flipped", "D1", status="CONFIRMED")(set_to(status="CANCELLED"))
of_a("order", ORDER, "status flipped", "D1", status="CANCELLED")(set_to(status="CONFIRMED"))
of_a("order", ORDER, "status set back", "D2", "W1", status=("CONFIRMED", "CANCELLED"))(
    lambda row, random: row.update(status=random.choice(("PENDING", "CONFIRMING", "CANCELLING")))
)
of_a("order", ORDER, "cancelled after all", "M1", "M4", status="CONFIRMED", payment_token="pm_card_visa")(
    lambda row, random: straight(row).update(status="CANCELLED", reason="CUSTOMER", version=3, fulfilment="NONE")
)
of_a("order", ORDER, "cancelled after all", "M4", status="CONFIRMED")(
    lambda row, random: straight(row).update(status="CANCELLED", reason="CUSTOMER", version=3, fulfilment="NONE")
)
of_a("order", ORDER, "cancelled after all", "S1", status="CONFIRMED")(
    lambda row, random: straight(row).update(status="CANCELLED", reason="EXPIRED", version=3, fulfilment="NONE")
)


@of_a("order", ORDER, "confirmed after all", "M3", status="CANCELLED")
def confirmed_after_all(row: Row, random: Random) -> None:
    straight(row).update(status="CONFIRMED", version=3)
    del row["reason"]


def undecided(status: str, version: int, *lost: str) -> Callable[[Row, Random], None]:
    """As if the order were still on its way."""

    def change(row: Row, random: Random) -> None:
        straight(row).update(status=status, version=version, fulfilment="NONE")
        row.update(due_shard=shard_of(row["order_id"]), next_due=row["updated_at"])
        if version == 1:
            row["created_at"] = row["updated_at"]
        for name in lost:
            row.pop(name, None)

    return change


of_a("order", ORDER, "not confirmed yet", "V1", status="CONFIRMED")(undecided("CONFIRMING", 2))
of_a("order", ORDER, "not decided yet", "M1", "D1", status="CONFIRMED")(undecided("PENDING", 1))
of_a("order", ORDER, "not cancelled yet", "V1", status="CANCELLED", version=3)(undecided("CANCELLING", 2))
of_a("order", ORDER, "turned forward", "D1", status="CANCELLED", refunded=None)(undecided("CONFIRMING", 2, "reason"))
of_a("order", ORDER, "fulfilment ahead", "W3", fulfilment="DISPATCHED")(set_to(fulfilment="DELIVERED", version=5))
of_a("order", ORDER, "fulfilment ahead", "D2", fulfilment="NONE", status="CANCELLED")(set_to(fulfilment="DISPATCHED"))
of_a("order", ORDER, "fulfilment behind", "E5", fulfilment=("DELIVERED", "DISPATCHED"))(set_to(fulfilment="NONE", version=3))
of_a("order", ORDER, "fulfilment behind", "E5", fulfilment="DELIVERED")(set_to(fulfilment="DISPATCHED", version=4))
of_a("order", ORDER, "fulfilment unknown", "W1")(set_to(fulfilment="LOST"))
of_a("order", ORDER, "reason lost", "D1", status="CANCELLED")(drop("reason"))
of_a("order", ORDER, "reason given", "D1", status="CONFIRMED")(set_to(reason="CUSTOMER"))
of_a("order", ORDER, "reason unknown", "W1", status="CANCELLED")(set_to(reason="BORED"))
of_a("order", ORDER, "reason untrue", "W3", reason=("EXPIRED", "OUT_OF_STOCK"))(set_to(reason="PAYMENT_DECLINED"))
of_a("order", ORDER, "reason untrue", "W3", reason=("EXPIRED", "PAYMENT_DECLINED"))(set_to(reason="OUT_OF_STOCK"))
of_a("order", ORDER, "reason untrue", "D2", reason=("EXPIRED", "CUSTOMER"), refunded=None)(set_to(reason="CAPTURE_REFUSED"))
of_a("order", ORDER, "reason untrue", "D1", reason=("EXPIRED", "CUSTOMER"), refunded=None)(
    set_to(reason="CAPTURE_REFUSED", version=4)
)
of_a("order", ORDER, "reason untrue", "D1", reason="CAPTURE_REFUSED")(set_to(reason="CUSTOMER", version=3))
of_a("order", ORDER, "still due", "W1", status=("CONFIRMED", "CANCELLED"))(
    lambda row, random: row.update(due_shard=str(random.randrange(4)), next_due=row["updated_at"])
)
of_a("order", ORDER, "answers a channel", "W3", channel=("marketplace", "cdnow"))(set_to(respond="sync"))
of_a("order", ORDER, "younger than its update", "W1")(set_to(created_at="2027-01-01T00:00:00.000Z"))


@of_a("order", ORDER, "under the key of another", "W1")
def rekeyed(row: Row, random: Random) -> None:
    row["pk"] = f"ORDER#{identity.order_id('customer:mallory', str(random.random()))}"


@of_a("order", ORDER, "with an id of its own making", "I1")
def renamed(row: Row, random: Random) -> None:
    row["order_id"] = identity.order_id("customer:mallory", str(random.random()))
    row["pk"] = f"ORDER#{row['order_id']}"


PAY = "PAY#"
of_a("payment", PAY, "total one off", "W3", status=("CAPTURED", "DECLINED"))(total_by_one)
of_a("payment", PAY, "currency swapped", "W3", status=("CAPTURED", "DECLINED"))(swap_currency)
of_a("payment", PAY, "another token", "W3", status=("CAPTURED", "DECLINED"))(set_to(payment_token="pm_other"))
of_a("payment", PAY, "correlation changed", "W3")(another_text("correlation_id"))
of_a("payment", PAY, "version one off", "D2", status=("CAPTURED", "DECLINED"))(more("version"))
of_a("payment", PAY, "version one off", "D2", "W3", status="VOIDED")(more("version"))
of_a("payment", PAY, "not captured yet", "M3", status="CAPTURED")(set_to(status="CAPTURING", version=3))
of_a("payment", PAY, "only authorised", "M3", status="CAPTURED")(set_to(status="AUTHORIZED", version=2))
of_a("payment", PAY, "voided", "M3", status="CAPTURED")(set_to(status="VOIDED", version=4))
of_a("payment", PAY, "declined", "M3", status="CAPTURED")(set_to(status="DECLINED", version=2, reason="card_declined"))
of_a("payment", PAY, "captured", "D2", "M4", status="VOIDED")(set_to(status="CAPTURED"))
of_a("payment", PAY, "captured", "M4", "D2", status="DECLINED")(set_to(status="CAPTURED", version=4))
of_a("payment", PAY, "not voided yet", "M4", "W1", status="VOIDED")(
    lambda row, random: row.update(status="VOIDING", version=row["version"] - 1)
)
of_a("payment", PAY, "reason changed", "W3", status="DECLINED")(another_text("reason"))
of_a("payment", PAY, "reason lost", "D2", status="DECLINED")(drop("reason"))
of_a("payment", PAY, "reason given", "D2", status="CAPTURED")(set_to(reason="card_declined"))
of_a("payment", PAY, "total lost", "D2", status="CAPTURED")(drop("total"))
of_a("payment", PAY, "total is a float", "W1", status="CAPTURED")(set_to(total={"amount": 12.5, "currency": "USD"}))

of_a("ledger", "", "capture one off", "M3", "M2", sk="capture", outcome="CAPTURED")(more("amount"))
of_a("ledger", "", "capture one off", "M5", sk="capture", outcome="CAPTURED")(more("amount"))
of_a("ledger", "", "capture in another currency", "M5", sk="capture", outcome="CAPTURED")(swap_currency)
of_a("ledger", "", "capture in another currency", "M3", sk="capture", outcome="CAPTURED")(swap_currency)
of_a("ledger", "", "capture refused", "M3", sk="capture", outcome="CAPTURED")(set_to(outcome="CAPTURE_REFUSED", reason="r"))
of_a("ledger", "", "authorisation one off", "W3", sk="authorize")(more("amount"))
of_a("ledger", "", "authorisation in another currency", "W3", sk="authorize")(swap_currency)
of_a("ledger", "", "authorisation was none", "W3", sk="authorize", outcome="AUTHORIZED")(
    set_to(outcome="DECLINED", reason="card_declined")
)
of_a("ledger", "", "refusal for another reason", "W3", sk=("authorize", "capture"), outcome="CAPTURE_REFUSED")(
    another_text("reason")
)
of_a("ledger", "", "an outcome of another operation", "W1")(set_to(outcome="REFUNDED", reason="r"))
of_a("ledger", "", "an operation of no gateway", "W1")(set_to(sk="chargeback"))
of_a("ledger", "", "amount lost", "W1", sk=("authorize", "capture"))(drop("amount"))
of_a("ledger", "", "amount negative", "W1", sk=("authorize", "capture"))(lambda row, random: row.update(amount=-row["amount"]))


@of_a("ledger", "", "of another order", "W2", sk="capture", outcome="CAPTURED")
def of_nobody(row: Row, random: Random) -> None:
    row["pk"] = identity.order_id("customer:mallory", str(random.random()))


def declined(snapshot: Snapshot, random: Random) -> Row:
    """Return the record of a refusal that the payment has. (If it was voided before the response, only the ledger has it.)"""
    known = {row["order_id"] for row in rows(snapshot, "payment", PAY, status="DECLINED")}
    return random.choice([row for row in rows(snapshot, "ledger", "", sk="authorize") if row["pk"] in known])


@of_snapshot("declined, recorded as authorised", "M4")
def authorised_after_all(snapshot: Snapshot, random: Random) -> None:
    record = declined(snapshot, random)
    record["outcome"] = "AUTHORIZED"
    del record["reason"]


@of_snapshot("the record of a refusal lost", "W3")
def refusal_lost(snapshot: Snapshot, random: Random) -> None:
    snapshot.ledger.remove(declined(snapshot, random))


def ledger_record(snapshot: Snapshot, order: Row, operation: str, **values: Any) -> None:
    record = {"pk": order["order_id"], "sk": operation, **order["total"], "recorded_at": order["updated_at"], **values}
    snapshot.ledger.append(record)


@of_snapshot("captured from a cancelled order", "M1")
def captured_from_cancelled(snapshot: Snapshot, random: Random) -> None:
    taken = {row["pk"] for row in snapshot.ledger if row["sk"] == "capture"}
    cancelled = [row for row in rows(snapshot, "order", ORDER, status="CANCELLED") if row["order_id"] not in taken]
    ledger_record(snapshot, random.choice([row for row in cancelled if row["total"]["amount"]]), "capture", outcome="CAPTURED")


def refund(snapshot: Snapshot, random: Random, operation: str, **where: Any) -> None:
    paid = [row for row in rows(snapshot, "order", ORDER, **where) if row["total"]["amount"]]
    ledger_record(snapshot, random.choice(paid), operation, outcome="REFUNDED")


of_snapshot("refunded though confirmed", "M5")(lambda snapshot, random: refund(snapshot, random, "refund", status="CONFIRMED"))
of_snapshot("refunded though confirmed", "M6")(lambda snapshot, random: refund(snapshot, random, "refund", status="CONFIRMED"))
of_snapshot("refunded again", "M6")(lambda snapshot, random: refund(snapshot, random, "refund-3", refunded=True))
of_a("ledger", "", "refund one off", "W3", sk=("refund", "refund-2"), outcome="REFUNDED")(more("amount"))
of_a("ledger", "", "refund refused", "W3", sk="refund", outcome="REFUNDED")(set_to(outcome="REFUND_REFUSED", reason="r"))
of_a("payment", PAY, "not refunded yet", "M4", status="REFUNDED")(
    lambda row, random: [row.update(status="CAPTURED", version=4), row.pop("refund_attempt"), row.pop("refund_for")]
)
of_a("payment", PAY, "refunded", "M3", status="CAPTURED")(
    set_to(status="REFUNDED", version=6, refund_attempt=1, refund_for="somebody")
)
of_a("payment", PAY, "attempts one off", "D2", status="REFUNDED")(more("refund_attempt", (1, 2)))
of_a("order", ORDER, "told of a refund", "D1", "D2", status="CANCELLED", refunded=None)(set_to(refunded=True))
of_a("order", ORDER, "not told of its refund", "D2", refunded=True)(drop("refunded"))


@of_snapshot("voided though captured", "W3")
def voided(snapshot: Snapshot, random: Random) -> None:
    record = pick(snapshot, "ledger", "", random, sk="capture", outcome="CAPTURED")
    snapshot.ledger.append({"pk": record["pk"], "sk": "void", "outcome": "VOIDED", "recorded_at": record["recorded_at"]})


of_a("order", ORDER, "choice lost", "I1", if_short=("ALLOW_PARTIAL", "BACK_ORDER"))(drop("if_short"))
of_a("order", ORDER, "choice changed", "W3", "I1", if_short="ALLOW_PARTIAL", status="CONFIRMED")(set_to(if_short="BACK_ORDER"))
of_a("order", ORDER, "wait forgotten", "D2", if_short="BACK_ORDER", status=("BACKORDERED", "CONFIRMED"))(drop("backordered_at"))
of_a("order", ORDER, "resumed, it says", "D2", status="BACKORDERED")(
    lambda row, random: row.update(resumed_at=row["updated_at"])
)
of_a("order", ORDER, "waits no more", "V1", "D1", status="BACKORDERED")(
    lambda row, random: row.update(status="PENDING", version=3, resumed_at=row["updated_at"])
)


@of_snapshot("an order for a part forgets what was ordered", "W3")
def forgets_what_was_ordered(snapshot: Snapshot, random: Random) -> None:
    order = random.choice([row for row in rows(snapshot, "order", ORDER) if "ordered" in row])
    del order["ordered"]


@of_snapshot("an order for a part costs all of it", "W3")
def costs_all(snapshot: Snapshot, random: Random) -> None:
    order = random.choice([row for row in rows(snapshot, "order", ORDER) if "ordered" in row])
    order["total"] = dict(order["ordered"]["total"])


@of_snapshot("more was ordered than was authorised", "W3")
def ordered_more(snapshot: Snapshot, random: Random) -> None:
    order = random.choice([row for row in rows(snapshot, "order", ORDER) if "ordered" in row])
    order["ordered"]["lines"][0]["quantity"] += random.choice((1, 2))


@of_snapshot("a payment of a part forgets what was authorised", "W3")
def forgets_what_was_authorised(snapshot: Snapshot, random: Random) -> None:
    del random.choice([row for row in rows(snapshot, "payment", PAY) if "authorized" in row])["authorized"]


@of_snapshot("all is captured of an order for a part", "M2", "W3")
def all_is_captured(snapshot: Snapshot, random: Random) -> None:
    paid = random.choice([row for row in rows(snapshot, "payment", PAY) if "authorized" in row])
    pick(snapshot, "ledger", "", random, pk=paid["order_id"], sk="capture")["amount"] = paid["authorized"]["amount"]


@of_snapshot("a reservation of a part forgets what was asked", "W3")
def forgets_what_was_asked(snapshot: Snapshot, random: Random) -> None:
    del random.choice([row for row in rows(snapshot, "inventory", "RES#") if "asked" in row])["asked"]


@of_snapshot("a place in a queue is gone", "S3")
def a_place_is_gone(snapshot: Snapshot, random: Random) -> None:
    snapshot.inventory.remove(random.choice([*rows(snapshot, "inventory", "PLACE#")]))


@of_snapshot("an order has a place and does not wait", "S3")
def a_stranger_has_a_place(snapshot: Snapshot, random: Random) -> None:
    stranger = pick(snapshot, "order", ORDER, random, status="CONFIRMED")["order_id"]
    random.choice([*rows(snapshot, "inventory", "PLACE#")])["order_id"] = stranger


@of_snapshot("the queue begins after an order that waits", "S3")
def queue_begins_late(snapshot: Snapshot, random: Random) -> None:
    place = random.choice([*rows(snapshot, "inventory", "PLACE#")])
    sku = next(row for row in rows(snapshot, "inventory", "SKU#") if row["sku"] == place["sku"])
    sku["first_place"] = place["place"] + 1


@of_snapshot("an order has the place behind its own", "S3")
def place_behind(snapshot: Snapshot, random: Random) -> None:
    place = random.choice([*rows(snapshot, "inventory", "PLACE#")])
    place.update(place=place["place"] + 1, pk=f"PLACE#{place['sku']}#{place['place'] + 1}")


RES = "RES#"
of_a("inventory", RES, "held at once", "D2", status="WAITING")(set_to(status="HELD"))
of_a("inventory", RES, "waits no more", "S3", "V1", status="WAITING")(set_to(status="HELD", version=2))
of_a("inventory", RES, "wait forgotten", "D2", status=("WAITING", "COMMITTED"), backordered=True)(drop("backordered"))
of_a("inventory", "SKU#", "wanted miscounted", "S3", sku="NEVER")(more("waited_for", (1, 2)))
of_a("notification", "NOTE#", "told of no wait", "E4", kind="confirmed")(
    lambda row, random: row.update(kind="backordered", pk=f"NOTE#{row['order_id']}#backordered")
)


def held_yet(row: Row, random: Random) -> None:
    row.update(status="HELD", version=1, created_at=row["updated_at"])


of_a("inventory", RES, "quantity changed", "S3", status="COMMITTED")(line_quantity)
of_a("inventory", RES, "quantity changed", "W3", status=("COMMITTED", "RESTOCKED"))(line_quantity)
of_a("inventory", RES, "line of another SKU", "W3", status=("COMMITTED", "RESTOCKED"))(line_of_another_sku)
of_a("inventory", RES, "line dropped", "S3", status="COMMITTED")(line_dropped)
of_a("inventory", RES, "held yet", "M3", status="COMMITTED")(held_yet)
of_a("inventory", RES, "held yet", "S3", status="COMMITTED")(held_yet)
of_a("inventory", RES, "held yet", "S1", status="RESTOCKED")(held_yet)
of_a("inventory", RES, "restocked", "M3", status="COMMITTED")(set_to(status="RESTOCKED", version=3))
of_a("inventory", RES, "sold yet", "S1", status="RESTOCKED")(set_to(status="COMMITTED", version=2))
of_a("inventory", RES, "never held", "D2", status="COMMITTED")(drop("lines"))
of_a("inventory", RES, "version one off", "D2", "W1")(more("version"))
of_a("inventory", RES, "correlation changed", "W3")(another_text("correlation_id"))
of_a("inventory", RES, "rejection forgotten", "D2", rejected=True)(drop("rejected"))
of_a("inventory", RES, "rejection forgotten", "W3", rejected=True)(
    lambda row, random: [row.pop("rejected"), row.pop("short"), row.update(version=2)]
)
of_a("inventory", RES, "rejected for nothing", "W3", rejected=True)(
    lambda row, random: row["short"][0].update(available=row["short"][0]["requested"] + random.randrange(5))
)
SKU = "SKU#"
for counter in ("available", "held", "sold", "replenished"):
    of_a("inventory", SKU, f"{counter} one off", "S2")(more(counter))
    of_a("inventory", SKU, f"{counter} lost", "W1")(drop(counter))
of_a("inventory", SKU, "sold counted as held", "S3", sku=("MUG", "LP"))(
    lambda row, random: row.update(held=row["held"] + 1, sold=row["sold"] - 1)
)
of_a("inventory", SKU, "available counted as sold", "S3")(
    lambda row, random: row.update(available=row["available"] - 1, sold=row["sold"] + 1)
)
of_a("inventory", SKU, "out of thin air", "S2")(
    lambda row, random: row.update(available=row["available"] + 5, replenished=row["replenished"] + 5)
)
of_a("inventory", SKU, "oversold", "S2")(lambda row, random: row.update(sold=row["sold"] + row["available"] + 1, available=-1))
SHARD = "SHARD#"
for counter in ("available", "held", "sold", "replenished"):
    of_a("inventory", SHARD, f"{counter} one off", "S2")(more(counter))
    of_a("inventory", SHARD, f"{counter} lost", "W1")(drop(counter))
of_a("inventory", SHARD, "sold counted as held", "S3")(
    lambda row, random: row.update(held=row["held"] + 1, sold=row["sold"] - 1)
)
of_a("inventory", SHARD, "out of thin air", "S2")(
    lambda row, random: row.update(available=row["available"] + 5, replenished=row["replenished"] + 5)
)
of_a("inventory", SHARD, "of another number", "D2", "W1", "S2")(more("shard_number", (1,)))
of_a("inventory", SKU, "is whole, and its shards have units", "S2", sku="LP")(drop("shards"))
of_a("inventory", SKU, "is merging, and an order waits", "S3", sku="NEVER")(set_to(merging=2))
of_a("inventory", SHARD, "sells another's units", "S3", sku="LP")(
    lambda row, random: row.update(available=row["available"] - 1, sold=row["sold"] + 1)
)


@of_snapshot("a reservation is in another shard", "S3")
def in_another_shard(snapshot: Snapshot, random: Random) -> None:
    row = random.choice([row for row in rows(snapshot, "inventory", RES, status="COMMITTED") if "shards" in row])
    sku = random.choice(sorted(row["shards"]))
    row["shards"][sku] = row["shards"][sku] % 3 + 1


@of_snapshot("a reservation forgets its shard", "S3")
def forgets_its_shard(snapshot: Snapshot, random: Random) -> None:
    del random.choice([row for row in rows(snapshot, "inventory", RES, status="COMMITTED") if "shards" in row])["shards"]


@of_snapshot("a shard is gone", "S2", "S3")
def a_shard_is_gone(snapshot: Snapshot, random: Random) -> None:
    snapshot.inventory.remove(random.choice([*rows(snapshot, "inventory", SHARD)]))


@of_snapshot("units moved twice", "S2")
def units_moved_twice(snapshot: Snapshot, random: Random) -> None:
    sku = pick(snapshot, "inventory", SKU, random, sku="MUG")
    units = random.choice((1, 2))
    sku.update(available=sku["available"] + units, replenished=sku["replenished"] + units)


of_a("inventory", "REPL#", "quantity changed", "S2")(line_quantity)
of_a("inventory", "REPL#", "of another SKU", "S2")(line_of_another_sku)
of_a("inventory", "REPL#", "twice", "D2")(set_to(version=2))

SHIP = "SHIP#"
of_a("shipping", SHIP, "of other quantities", "W3", status=("DISPATCHED", "DELIVERED", "FAILED"))(line_quantity)
of_a("shipping", SHIP, "of another SKU", "W3", status=("DISPATCHED", "DELIVERED", "FAILED"))(line_of_another_sku)
of_a("shipping", SHIP, "correlation changed", "W3")(another_text("correlation_id"))
of_a("shipping", SHIP, "version one off", "D2")(more("version", (1, 2)))
of_a("shipping", SHIP, "delivered", "W1", status="DISPATCHED")(set_to(status="DELIVERED", version=4))
of_a("shipping", SHIP, "delivered, unmarked", "E5", status="DISPATCHED")(
    lambda row, random: [row.update(status="DELIVERED", version=4), row.pop("due_shard"), row.pop("next_due")]
)
of_a("shipping", SHIP, "failed", "W3", status="DELIVERED")(
    lambda row, random: [row.update(status="FAILED", version=3, reason="CARRIER_REFUSED"), row.pop("tracking")]
)
of_a("shipping", SHIP, "no sweeper finds it", "W1", status="DISPATCHED")(
    lambda row, random: row.update(due_shard=str((int(row["due_shard"]) + random.randrange(1, 4)) % 4))
)
of_a("shipping", SHIP, "tracking lost", "W1", status=("DISPATCHED", "DELIVERED"))(drop("tracking"))
of_a("shipping", SHIP, "booking lost", "D2", status=("DISPATCHED", "DELIVERED"))(drop("booking"))
of_a("shipping", SHIP, "nobody took it", "V1", status="DISPATCHED")(
    lambda row, random: [
        row.update(status="CREATED", version=1, created_at=row["updated_at"]),
        row.pop("tracking"),
        row.pop("booking"),
    ]
)


@of_snapshot("a shipment of a cancelled order", "E2")
def shipped_anyway(snapshot: Snapshot, random: Random) -> None:
    order = pick(snapshot, "order", ORDER, random, status="CANCELLED", refunded=None)
    shipment = pick(snapshot, "shipping", SHIP, random)
    about = {name: order[name] for name in ("order_id", "correlation_id")}
    lines = [{"sku": line["sku"], "quantity": line["quantity"]} for line in order["lines"]]
    pk = f"SHIP#{order['order_id']}"
    shipment = {**shipment, **about, "pk": pk, "lines": lines}
    if "due_shard" in shipment:
        shipment["due_shard"] = shard_of(pk)
    snapshot.shipping.append(shipment)


NOTE = "NOTE#"
of_a("notification", NOTE, "correlation changed", "W3")(another_text("correlation_id"))
of_a("notification", NOTE, "caused by something else", "W3")(another_text("causation_id"))
of_a("notification", NOTE, "message id lost", "W1", status="SENT")(drop("message_id"))
of_a("notification", NOTE, "claimed", "W1", status="SENT")(set_to(status="CLAIMED"))
of_a("notification", NOTE, "unsent", "V1", status="SENT", version=2)(
    lambda row, random: [row.update(status="UNSENT"), row.pop("message_id")]
)
of_a("notification", NOTE, "sent at once", "D2", status="SENT")(set_to(version=1))
of_a("notification", NOTE, "of an unknown kind", "W1")(
    lambda row, random: row.update(kind="reminder", pk=f"NOTE#{row['order_id']}#reminder")
)


@of_a("notification", NOTE, "says the contrary", "E4", kind=("confirmed", "cancelled"))
def contrary(row: Row, random: Random) -> None:
    row["kind"] = {"confirmed": "cancelled", "cancelled": "confirmed"}[row["kind"]]
    row["pk"] = f"NOTE#{row['order_id']}#{row['kind']}"


LOSSES = (
    ("order", ORDER, {}, "W2"),
    ("payment", PAY, {"status": "CAPTURED"}, "M3"),
    ("payment", PAY, {"status": ("VOIDED", "DECLINED")}, "M4"),
    ("ledger", "", {"sk": "capture", "outcome": "CAPTURED"}, "M1 M3"),
    ("ledger", "", {"sk": "capture", "outcome": "CAPTURED"}, "M5"),
    ("ledger", "", {"sk": "capture", "outcome": "CAPTURE_REFUSED"}, "W3"),
    ("ledger", "", {"sk": "void"}, "W3"),
    ("inventory", RES, {"status": "COMMITTED"}, "S3"),
    ("inventory", RES, {"status": ("RELEASED", "RESTOCKED")}, "S1"),
    ("inventory", SKU, {"sku": ("MUG", "LP", "TASSE", "RARE")}, "S2"),
    ("inventory", "REPL#", {}, "S2"),
    ("shipping", SHIP, {"status": ("DISPATCHED", "DELIVERED")}, "E3"),
    ("shipping", SHIP, {"status": "CANCELLED"}, "E2"),
    ("ledger", "", {"sk": "refund", "outcome": "REFUNDED"}, "M1"),
    ("notification", NOTE, {}, "E5"),
)
for table, prefix, where, expected in LOSSES:

    def lose(snapshot: Snapshot, random: Random, table: str = table, prefix: str = prefix, where: Row = where) -> None:
        snapshot.table(table).remove(pick(snapshot, table, prefix, random, **where))

    of_snapshot(f"{prefix or table} {where or ''} lost", *expected.split())(lose)

TWINS = (
    ("order", ORDER, "I1"),
    ("payment", PAY, "M2"),
    ("ledger", "", "M2"),
    ("inventory", RES, "S3"),
    ("inventory", SKU, "S2"),
    ("inventory", "REPL#", "S2"),
    ("shipping", SHIP, "E1"),
    ("notification", NOTE, "E4"),
)
for table, prefix, expected in TWINS:

    def twin(snapshot: Snapshot, random: Random, table: str = table, prefix: str = prefix) -> None:
        snapshot.table(table).append(dict(pick(snapshot, table, prefix, random)))

    of_snapshot(f"{prefix or table} there twice", expected)(twin)

ORPHANS = (("payment", PAY), ("inventory", RES), ("shipping", SHIP), ("notification", NOTE))
for table, prefix in ORPHANS:

    def orphan(snapshot: Snapshot, random: Random, table: str = table, prefix: str = prefix) -> None:
        row = copy.deepcopy(pick(snapshot, table, prefix, random))
        row["pk"] = row["pk"].replace(row["order_id"], nobody := identity.order_id("customer:mallory", str(random.random())))
        row["order_id"] = nobody
        if "due_shard" in row:
            lane = "unsettled-" if row["due_shard"].startswith("unsettled-") else ""
            row["due_shard"] = f"{lane}{shard_of(row['pk'])}"
        snapshot.table(table).append(row)

    of_snapshot(f"{prefix} of no order", "W2")(orphan)

MOVING = (("order", ORDER), ("payment", PAY), ("inventory", RES), ("shipping", SHIP), ("notification", NOTE))
for table, prefix in MOVING:
    of_a(table, prefix, "created at no time", "W1")(set_to(created_at="yesterday"))
    of_a(table, prefix, "without status", "W1")(drop("status"))
    of_a(table, prefix, "without version", "W1")(drop("version"))
    of_a(table, prefix, "without order id", "W1")(drop("order_id"))

    @of_a(table, prefix, "with an event that waits", "E5")
    def waits(row: Row, random: Random) -> None:
        event = {"source": "orderflow.x", "detail-type": "X", "detail": {"metadata": {"event_id": f"{row['pk']}#1"}}}
        row.update(pending=[json.dumps(event)], pending_since=row["updated_at"])

    @of_a(table, prefix, "with an event of another row", "D2")
    def strays(row: Row, random: Random) -> None:
        waits(row, random)
        row["pending"] = [row["pending"][0].replace(row["pk"], "ORDER#ord-x")]

    @of_a(table, prefix, "with an event that no sweeper finds", "E5")
    def hides(row: Row, random: Random) -> None:
        waits(row, random)
        del row["pending_since"]

    @of_a(table, prefix, "parked where no sweeper looks", "E5")
    def strands(row: Row, random: Random) -> None:
        waits(row, random)
        row["pending_shard"] = "-" + shard_of(row["pk"])

    of_a(table, prefix, "with garbage in its outbox", "W1")(
        lambda row, random: [waits(row, random), row.update(pending=[random.choice(("{", "[]", '{"detail": 1}', "null"))])]
    )


@of_snapshot("a dead letter", "E5")
def dead_letter(snapshot: Snapshot, random: Random) -> None:
    snapshot.dead_letters[f"{random.choice(('order', 'shipping'))}/x-dlq-url"] = random.choice((1, 2, 40, None))


GARBAGE = (
    None,
    7,
    "row",
    [],
    {},
    {"pk": 5},
    {"pk": None},
    {"pk": ""},
    {"pk": "ORDER#"},
    {"pk": "ORDER#x", "order_id": {"a": 1}},
)


@of_snapshot("garbage among the rows", "W1")
def garbage(snapshot: Snapshot, random: Random) -> None:
    table = random.choice(("order", "payment", "inventory", "shipping", "notification", "ledger"))
    snapshot.table(table).append(random.choice(GARBAGE))  # type: ignore[arg-type]


@of_snapshot("a row in the wrong table", "W1")
def misplaced(snapshot: Snapshot, random: Random) -> None:
    source, target = random.sample(["order", "payment", "inventory", "shipping", "notification"], 2)
    snapshot.table(target).append(random.choice(snapshot.table(source)))
