"""After the yes: a confirmed order is cancelled, its money and goods go back; or its parcel has gone."""

import os
import uuid
from random import Random

import pytest

from kernel.order_numbers import number_of
from laptop.emulator import mailbox
from operations.aws import service_client
from operations.orders import cdnow, order_import
from services.order.domain import identity
from tests.support.orderctl_run import orderctl
from tests.support.polling import eventually
from tests.system.conftest import MUG, Laptop
from tests.system.test_replay import SAMPLE

ROWS = int(os.environ.get("ORDERFLOW_CANCELLATION_ROWS", "20"))
SHARE = 0.05
AT_ONCE = 60
"""So few purchases are imported at once that not all parcels have gone when some of them are cancelled."""
CONTACT = {
    "name": "Carol",
    "email": "carol@example.com",
    "address": {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"},
}
IN_ANTARCTICA = {**CONTACT, "address": {**CONTACT["address"], "country": "AQ"}}


@pytest.fixture
def carol(laptop: Laptop) -> str:
    """Return a customer with an address."""
    assert laptop.request("PUT", "/customers/carol/contact", CONTACT).status == 204
    return "carol"


def cancelled(laptop: Laptop, order_id: str) -> None:
    """Wait until the order is CANCELLED, and all of it has gone back."""
    eventually(lambda: status(laptop, order_id) == "CANCELLED", 240, f"order {order_id} is cancelled")


def status(laptop: Laptop, order_id: str) -> str:
    row = laptop.row("order", f"ORDER#{order_id}")
    return str(row["status"]) if row else "not there"


def request_cancellation(laptop: Laptop, order_id: str) -> int:
    return laptop.request("POST", f"/orders/{order_id}/cancel").status


def stock(laptop: Laptop) -> dict[str, int]:
    row = laptop.row("inventory", f"SKU#{MUG[0]}")
    assert row
    return {counter: row[counter] for counter in ("available", "held", "sold")}


def test_a_confirmed_order_is_cancelled_refunded_and_restocked(laptop: Laptop, carol: str) -> None:
    before = stock(laptop)
    order_id = laptop.place(customer=carol).json()["order_id"]
    answer = laptop.request("POST", f"/orders/{order_id}/cancel")
    assert (answer.status, answer.json()["status"]) == (202, "CANCEL_REQUESTED")
    cancelled(laptop, order_id)
    assert laptop.ledger(order_id) == {"authorize": "AUTHORIZED", "capture": "CAPTURED", "refund": "REFUNDED"}
    assert stock(laptop) == before
    shipment = laptop.row("shipping", f"SHIP#{order_id}")
    assert shipment
    assert shipment["status"] == "CANCELLED"
    laptop.quiet()
    sent = [str(mail) for mail in mailbox.sent_mails(laptop.target.reachable())]
    (mail,) = [mail for mail in sent if f"{number_of(order_id)} has been cancelled" in mail]
    assert "You will be refunded in full" in mail
    assert request_cancellation(laptop, order_id) == 200


def test_dispatched_parcel_is_not_recalled(laptop: Laptop, carol: str) -> None:
    order_id = laptop.place(customer=carol).json()["order_id"]
    eventually(lambda: laptop.row("shipping", f"SHIP#{order_id}"), 240, "the shipment is created")
    laptop.invoke("shipping/sweeper-arn")
    assert request_cancellation(laptop, order_id) in (202, 409), "whether the order has heard of it or not"

    def gone() -> bool:
        row = laptop.row("order", f"ORDER#{order_id}")
        return bool(row and row["status"] == "CONFIRMED" and row["fulfilment"] != "NONE")

    eventually(gone, 240, "the order has heard that its parcel has gone")
    assert request_cancellation(laptop, order_id) == 409
    assert laptop.ledger(order_id) == {"authorize": "AUTHORIZED", "capture": "CAPTURED"}


def test_parcel_refused_by_the_carrier_cancels_its_order(laptop: Laptop) -> None:
    assert laptop.request("PUT", "/customers/roald/contact", IN_ANTARCTICA).status == 204
    order_id = laptop.place(customer="roald").json()["order_id"]
    eventually(lambda: laptop.row("shipping", f"SHIP#{order_id}"), 240, "the shipment is created")
    laptop.invoke("shipping/sweeper-arn")
    cancelled(laptop, order_id)
    assert laptop.ledger(order_id)["refund"] == "REFUNDED"
    row = laptop.row("order", f"ORDER#{order_id}")
    assert row
    assert row["reason"] == "CARRIER_REFUSED"


def test_a_refused_refund_waits_for_the_operator(laptop: Laptop, carol: str) -> None:
    order_id = laptop.place(customer=carol, token="pm_card_refund_refused").json()["order_id"]
    assert "CANCEL_REQUESTED" in orderctl(laptop.target, "orders", "cancel", order_id)

    def refused() -> bool:
        row = laptop.row("payment", f"PAY#{order_id}")
        return bool(row and row["status"] == "REFUND_REFUSED")

    eventually(refused, 240, "the gateway refuses the refund")
    assert status(laptop, order_id) == "REFUNDING"
    assert "REFUNDED" in orderctl(laptop.target, "orders", "retry-refund", order_id)
    cancelled(laptop, order_id)
    assert laptop.ledger(order_id)["refund-2"] == "REFUNDED"
    assert "REFUNDED" in orderctl(laptop.target, "orders", "retry-refund", order_id), "and nothing more is done"
    assert sorted(laptop.ledger(order_id)) == ["authorize", "capture", "refund", "refund-2"]


@pytest.mark.timeout(300 + 2 * ROWS)
def test_net_captured_equals_the_confirmed_total_over_cdnow_purchases(laptop: Laptop) -> None:
    """A part of the imported orders is cancelled at random; the whole sample: ORDERFLOW_CANCELLATION_ROWS=6919."""
    random = Random(1123)
    purchases, _ = cdnow.read(SAMPLE, ROWS)
    channel = f"returns-{uuid.uuid4().hex[:8]}"
    scope = identity.channel_scope(channel)
    chosen: list[str] = []
    for some in service_client.in_parts(purchases, AT_ONCE):
        order_import.run(laptop.target, some, channel, rate=50, wait=True, deadline_seconds=600)
        asked = random.sample(some, max(1, round(len(some) * SHARE)))
        for order_id in (identity.order_id(scope, purchase.idempotency_key) for purchase in asked):
            assert request_cancellation(laptop, order_id) in (202, 409)
            chosen.append(order_id)
    laptop.quiet()
    rows = [row for row in laptop.rows("order/table-name") if row.get("channel") == channel]
    assert len(rows) == len(purchases)
    ours = {row["order_id"] for row in rows}
    totals = sum(row["total"]["amount"] for row in rows if row["status"] == "CONFIRMED")
    sign = {"CAPTURED": 1, "REFUNDED": -1}
    ledger = [row for row in laptop.rows("payment/ledger-table-name") if row["pk"] in ours]
    kept = sum(sign.get(row["outcome"], 0) * row.get("amount", 0) for row in ledger)
    refunded = [row["pk"] for row in ledger if row["outcome"] == "REFUNDED"]
    print(  # noqa: T201
        f"{len(purchases)} CDNOW purchases, {len(chosen)} asked to be cancelled, {len(refunded)} refunded; "
        f"captured less refunded {kept}, confirmed {totals} (cents)"
    )
    assert kept == totals
    assert refunded
    assert set(refunded) <= set(chosen)
    by_id = {row["order_id"]: row["status"] for row in rows}
    assert {by_id[order_id] for order_id in refunded} <= {"CANCELLED"}
