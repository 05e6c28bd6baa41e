"""The scenarios of the demo. Each acts as a user would and returns its result, or raises `SceneFailedError`."""

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypedDict, cast

from kernel.naming import CHANNEL_PREFIX
from operations.aws import service_client
from operations.aws.signed_http import Answer, NoAnswerError
from operations.aws.target import Target
from operations.errors import UserError
from operations.events import publisher
from operations.orders import store
from operations.polling import wait_for
from operations.progress import SILENT, Progress
from services.order.domain import identity

CUSTOMER = "alice"
SOLD_OUT = "LP-SOLD-OUT"
PATIENCE_SECONDS = 60.0
UNDECIDED = 202
CANCELLED = 409
BUSY = "This machine may be too busy. Run the demo again when it has less to do."
TRIES = 2


class SceneFailedError(UserError):
    """A scenario that did not have the expected result."""


@dataclass(frozen=True)
class Shown:
    """A row of the demo's table."""

    scene: str
    said: str
    order_id: str | None = None
    seconds: float = 0.0


@dataclass
class Stage:
    """The context of the scenarios: the target, an id of the run (so that keys do not repeat), and the results so far.

    `progress` reports why an order is placed a second time.
    """

    target: Target
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    shown: list[Shown] = field(default_factory=list)
    progress: Progress = SILENT

    def key(self, scene: str) -> str:
        """Return an idempotency key of this run."""
        return f"demo-{self.run}-{scene}"


Scene = Callable[[Stage], Shown]


class PlacedOrder(TypedDict):
    """The attributes of an order in the API's responses that the scenarios use."""

    order_id: str
    status: str


def place(
    stage: Stage,
    scene: str,
    *skus: str,
    expected: int,
    card: str = "pm_card_visa",
    prefer: str | None = None,
    if_short: str | None = None,
) -> PlacedOrder:
    """Return the order in the answer of POST /orders, for one of each SKU.

    If the machine is too busy to decide in time, the sweeper finishes or cancels the order, and nothing is charged without a
    confirmation. So a second order is placed once, with a key of its own. Raises SceneFailedError if the answer is not the
    `expected` one.
    """
    body = order_of(*skus, card=card) | ({"if_short": if_short} if if_short else {})
    for number in range(1, TRIES + 1):
        headers = {"Idempotency-Key": stage.key(f"{scene}-{number}"), **({"Prefer": prefer} if prefer else {})}
        answer = service_client.order_api(stage.target, "POST", "/orders", body, headers)
        reason = unavailable(answer)
        if answer.status == expected or reason is None:
            break
        if number < TRIES:
            stage.progress.note(f"{reason} The machine is busy, so the scenario places another order, with a new key.")
    if answer.status != expected:
        raise SceneFailedError(
            f"POST /orders answered {answer.status} instead of {expected}: {service_client.refusal(answer)}",
            BUSY if unavailable(answer) else "See the order on the page, or its events with `orderctl trace ORDER`.",
        )
    said = answer.json()
    return cast(PlacedOrder, said.get("order", said))


def order_of(*skus: str, card: str) -> dict[str, object]:
    """Return the body of POST /orders for one of each SKU."""
    lines = [{"sku": sku, "quantity": 1} for sku in skus]
    return {"customer_id": CUSTOMER, "currency": "USD", "lines": lines, "payment_token": card}


def unavailable(answer: Answer) -> str | None:
    """Return what was unavailable if that is why POST /orders did not confirm the order, or None."""
    if answer.status >= 500:
        return f"The order API answered {answer.status}."
    if answer.status == UNDECIDED:
        return "The order is not decided yet."
    if answer.status == CANCELLED:
        reason = str(answer.json().get("order", {}).get("reason", ""))
        return f"The order was cancelled as {reason}." if reason.endswith("_UNAVAILABLE") else None
    return None


def warm_up(stage: Stage) -> None:
    """Place an order with a card that is declined, so that the functions run before the first scenario. Any answer will do."""
    headers = {"Idempotency-Key": stage.key("warm-up")}
    with suppress(NoAnswerError):
        service_client.order_api(stage.target, "POST", "/orders", order_of("MUG-BLUE", card="pm_card_declined"), headers)


def confirmed(stage: Stage) -> Shown:
    """Place an order and wait for its confirmation."""
    order = place(stage, "confirmed", "MUG-BLUE", expected=201)
    return Shown("POST /orders", "201: paid, committed, confirmed", order["order_id"])


def declined(stage: Stage) -> Shown:
    """Place an order with a card that is declined."""
    order = place(stage, "declined", "MUG-BLUE", card="pm_card_declined", expected=402)
    return Shown("POST /orders, card declined", "402: cancelled, nothing charged", order["order_id"])


def out_of_stock(stage: Stage) -> Shown:
    """Place an order that is out of stock, and void its payment."""
    order = place(stage, "out-of-stock", SOLD_OUT, expected=409)
    payment = store.related_statuses(stage.target, order["order_id"]).get(f"PAY#{order['order_id']}")
    if payment != "VOIDED":
        raise SceneFailedError(f"the payment of {order['order_id']} is {payment}, not VOIDED")
    return Shown("POST /orders, out of stock", "409: cancelled, authorisation voided", order["order_id"])


def for_a_part(stage: Stage) -> Shown:
    """Place a partial order while one of two items is sold out."""
    order = place(stage, "part", "MUG-WHITE", SOLD_OUT, expected=201, if_short="ALLOW_PARTIAL")
    row = store.find(stage.target, order["order_id"])
    if [line["sku"] for line in row["lines"]] != ["MUG-WHITE"]:
        raise SceneFailedError(f"order {order['order_id']} is confirmed for {row['lines']}, although {SOLD_OUT} is sold out")
    return Shown("POST /orders, partial if short", "201: confirmed and charged for the rest", order["order_id"])


def back_ordered(stage: Stage) -> Shown:
    """Place a back-order, then deliver the missing stock."""
    order = place(stage, "back-order", SOLD_OUT, expected=202, if_short="BACK_ORDER")
    order_id = order["order_id"]
    if order["status"] != "BACKORDERED":
        raise SceneFailedError(f"order {order_id} is {order['status']}, not BACKORDERED")
    service_client.replenish(stage.target, stage.key("delivery"), [{"sku": SOLD_OUT, "quantity": 1}])

    def swept() -> str:
        for sweeper in ("inventory/sweeper-arn", "order/sweeper-arn"):  # the schedule would invoke them once a minute
            service_client.invoke(stage.target, sweeper, {})
        return store.find(stage.target, order_id)["status"]

    if wait_for(swept, lambda status: status == "CONFIRMED", PATIENCE_SECONDS, stage.target.clock) != "CONFIRMED":
        raise SceneFailedError(f"order {order_id} is still waiting {PATIENCE_SECONDS:g} s after the delivery")
    return Shown("POST /orders, back-order if short", "202: charged when the stock arrived", order_id)


def responded_async(stage: Stage) -> Shown:
    """Place an order asynchronously: its event starts the saga."""
    order = place(stage, "async", "LP-KIND-OF-BLUE", expected=202, prefer="respond-async")
    _follow(stage, [order["order_id"]])
    return Shown("POST /orders, Prefer: respond-async", "202 at once, confirmed later", order["order_id"])


def published(stage: Stage) -> Shown:
    """Publish an OrderPlaced event as a shop does, twice."""
    key, channel = stage.key("published"), "shop"
    metadata = {"event_id": f"{channel}-{key}", "event_version": 1, "occurred_at": "2026-11-23T04:05:06Z"}
    order = {"idempotency_key": key, "customer_id": CUSTOMER, "currency": "USD", "payment_token": "pm_card_visa"}
    detail = {"metadata": metadata, "data": {**order, "lines": [{"sku": "TEE-BLACK-M", "quantity": 2}]}}
    publisher.publish(stage.target, f"{CHANNEL_PREFIX}{channel}", "OrderPlaced", [detail, detail])
    order_id = identity.order_id(identity.channel_scope(channel), key)
    _follow(stage, [order_id])
    return Shown("OrderPlaced on the bus, twice", "one order, confirmed at our price", order_id)


def refunded(stage: Stage) -> Shown:
    """Cancel a confirmed order before its parcel leaves."""
    for attempt in range(3):
        order_id = place(stage, f"refunded-{attempt}", "TEE-BLACK-M", expected=201)["order_id"]
        answer = service_client.order_api(stage.target, "POST", f"/orders/{order_id}/cancel")
        if answer.status >= 400:
            raise SceneFailedError(f"POST /orders/{order_id}/cancel answered {answer.status}: {answer.text}")
        row = store.wait_for_orders(stage.target, [order_id], PATIENCE_SECONDS, lambda _: None)[order_id]
        if row["status"] == "CANCELLED":
            return Shown("POST /orders/{id}/cancel, once confirmed", "202: parcel stopped, refunded, restocked", order_id)
    raise SceneFailedError(f"order {order_id} is {row['status']}, not CANCELLED: its parcel left first, three times")


def delivered(stage: Stage) -> Shown:
    """Show that the first order is delivered."""
    order_id = stage.shown[0].order_id or ""
    row = store.find(stage.target, order_id)
    if row["fulfilment"] != "DELIVERED":
        raise SceneFailedError(f"the fulfilment of {order_id} is {row['fulfilment']}, not DELIVERED")
    return Shown("GET /orders/{id} of the first order", "shipped, mailed, delivered", order_id)


def play(stage: Stage, scene: Scene) -> Shown:
    """Play a scenario and keep its result and its duration."""
    began = time.monotonic()
    shown = scene(stage)
    timed = Shown(shown.scene, shown.said, shown.order_id, time.monotonic() - began)
    stage.shown.append(timed)
    return timed


def _follow(stage: Stage, order_ids: list[str]) -> None:
    rows = store.wait_for_orders(stage.target, order_ids, PATIENCE_SECONDS, lambda _: None)
    for order_id in order_ids:
        status = rows[order_id]["status"] if order_id in rows else "missing"
        if status != "CONFIRMED":
            raise SceneFailedError(f"order {order_id} is {status} after {PATIENCE_SECONDS:g} s, not CONFIRMED")


SCENES: tuple[Scene, ...] = (
    confirmed,
    declined,
    out_of_stock,
    for_a_part,
    back_ordered,
    responded_async,
    published,
    refunded,
)
