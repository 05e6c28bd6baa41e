"""Faults on the laptop: an order or an event that fails by itself, and switches that disturb the functions while they are on.

The sandbox gateway refuses orders by their payment token. The switches are in the laptop's emulator
(`laptop/emulator/faults.py`) and act at the edge of a function. No stage on AWS has either of them switched on from here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypedDict
from urllib.parse import urlencode

from kernel import clock
from kernel.naming import stack_name
from operations.aws import service_client
from operations.aws.target import Target
from operations.errors import UserError, WrongUsageError
from operations.events import publisher

PATH: Final = "/_orderflow/faults"
CHANNEL: Final = "shop"
SLOW_SECONDS: Final = 8.0
"""Longer than any step of the saga may take."""
KILL_AFTER_SECONDS: Final = 0.02
SAGA: Final = ("order/Commands", "payment/Commands", "inventory/Commands")


@dataclass(frozen=True)
class Trial:
    """A fault of one order, by what is ordered and by its payment token, or of one event, without an order."""

    what: str
    heals: str
    token: str = "pm_card_visa"  # noqa: S105 - a token of the sandbox
    sku: str = "MUG-BLUE"
    is_event: bool = False


@dataclass(frozen=True)
class Switch:
    """A fault that lasts until it is switched off, or for so many `times`.

    `functions` are `service/Function`; none are all. See `laptop/emulator/faults.py` for the other fields.
    """

    what: str
    heals: str
    effect: str
    functions: Sequence[str] = ()
    commands: Sequence[str] = ()
    source: str = ""
    seconds: float = 0.0
    times: int = 0


def _crash(step: str, *services: str) -> Switch:
    return Switch(
        f"each run of the saga loses the answer of its step {step}, after the step was done",
        "the sweeper takes the order up; the step recognises its own work",
        "lose",
        [f"{service}/Commands" for service in services],
        [step],
    )


FAULTS: Final[Mapping[str, Trial | Switch]] = {
    "declined-card": Trial(
        "the card is declined", "the order is cancelled; nothing is reserved or charged", "pm_card_declined"
    ),
    "out-of-stock": Trial("the goods are sold out", "the authorisation is voided, and the order cancelled", sku="LP-SOLD-OUT"),
    "refused-capture": Trial(
        "the card is authorised, and its capture refused", "stock and money are released", "pm_card_capture_refused"
    ),
    "lost-gateway-answer": Trial(
        "the gateway authorises, and its first answer is lost", "the same key asks again, and charges once", "pm_card_slow"
    ),
    "unavailable-gateway": Trial(
        "the gateway is unavailable to this card", "the sweeper tries again, until the deadline cancels", "pm_card_unavailable"
    ),
    "poison-event": Trial(
        "an event that does not match its schema is published",
        "it becomes a dead letter; no other message waits",
        is_event=True,
    ),
    "slow-gateway": Switch(
        f"payment answers {SLOW_SECONDS:g} s late",
        "orders wait, and end once",
        "delay",
        ["payment/Commands"],
        seconds=SLOW_SECONDS,
    ),
    "failing-gateway": Switch(
        "payment does not answer", "orders stay pending; the sweeper goes on when it answers", "fail", ["payment/Commands"]
    ),
    "slow-carrier": Switch(
        f"parcels are booked {SLOW_SECONDS:g} s late",
        "orders wait for their parcels",
        "delay",
        ["shipping/Booking"],
        seconds=SLOW_SECONDS,
    ),
    "failing-carrier": Switch(
        "no parcel is booked",
        "the bookings stay in their queue and are tried again",
        "fail",
        ["shipping/Booking", "shipping/Sweeper"],
    ),
    "lost-answers": Switch(
        "each step of the saga is done, and its answer lost",
        "the sweeper takes the orders up; no step is done twice",
        "lose",
        SAGA,
    ),
    "double-deliveries": Switch(
        "each message of a queue is handled twice", "consumers drop the duplicates", "repeat", source="aws:sqs"
    ),
    "killed-worker": Switch(
        "the process of the next step of the saga is killed in the middle of its work",
        "the step is retried, or the sweeper takes the order up",
        "kill",
        SAGA,
        seconds=KILL_AFTER_SECONDS,
        times=1,
    ),
    "crash-after-authorize": _crash("authorize", "payment"),
    "crash-after-reserve": _crash("reserve", "inventory"),
    "crash-after-decide": _crash("decide", "order"),
    "crash-after-capture": _crash("capture", "payment"),
    "crash-after-commit": _crash("commit", "inventory"),
    "crash-after-confirm": _crash("confirm", "order"),
}
"""The faults by name."""


class Listed(TypedDict):
    """A fault: what happens, how the system heals, whether it lasts until it is switched off, and whether it is on."""

    name: str
    what: str
    heals: str
    lasts: bool
    on: bool


class Begun(TypedDict):
    """A fault that began: the id of the order that meets it, or None for an event without one."""

    order_id: str | None


def listed(target: Target) -> list[Listed]:
    """Return all faults. Raises WrongUsageError for a stage on AWS, UserError for an emulator
    without the switch.
    """
    active = {fault["name"] for fault in _active(target)}
    return [
        {
            "name": name,
            "what": fault.what,
            "heals": fault.heals,
            "lasts": isinstance(fault, Switch),
            "on": name in active,
        }
        for name, fault in FAULTS.items()
    ]


def start(target: Target, name: str, key: str) -> Begun:
    """Begin a fault, and place an order that meets it, with this idempotency key; a poison event is no order."""
    fault = _known(name)
    active = _active(target)
    if isinstance(fault, Switch):
        _switch(target, [*(other for other in active if other["name"] != name), _as_engine_has_it(target, name, fault)])
        return {"order_id": _place(target, Trial("", ""), key)}
    if fault.is_event:
        metadata = {"event_id": key, "event_version": 1, "occurred_at": clock.rfc3339(clock.now())}
        publisher.publish(target, publisher.source_of(CHANNEL), "OrderPlaced", [{"metadata": metadata, "data": {}}])
        return {"order_id": None}
    return {"order_id": _place(target, fault, key)}


def stop(target: Target, names: Iterable[str]) -> list[str]:
    """Switch faults off, all of them if none is named. Return the names of those that were on."""
    wanted = {name for name in names if _known(name)} or set(FAULTS)
    active = _active(target)
    _switch(target, [fault for fault in active if fault["name"] not in wanted])
    return [fault["name"] for fault in active if fault["name"] in wanted]


def _known(name: str) -> Trial | Switch:
    if name not in FAULTS:
        raise WrongUsageError(f"There is no fault {name}.", "List the faults with `orderctl faults list`.")
    return FAULTS[name]


def _place(target: Target, trial: Trial, key: str) -> str:
    body = {
        "customer_id": "alice",
        "currency": "USD",
        "lines": [{"sku": trial.sku, "quantity": 1}],
        "payment_token": trial.token,
    }
    headers = {"Idempotency-Key": key, "Prefer": "respond-async"}
    answer = service_client.order_api(target, "POST", "/orders", body, headers)
    if answer.status >= 400:
        raise UserError(f"The order was not placed: {service_client.refusal(answer)}.", "See `orderctl status`.")
    return str(answer.json()["order_id"])


def _as_engine_has_it(target: Target, name: str, switch: Switch) -> Mapping[str, Any]:
    """Return a switch as the emulator has it: with patterns of the functions' names."""
    parts = [function.split("/") for function in switch.functions]
    functions = [f"{stack_name(target.stage, service)}-{function}Function*" for service, function in parts]
    found = asdict(switch)
    del found["what"], found["heals"]
    return {**found, "name": name, "functions": functions}


def _active(target: Target) -> list[Mapping[str, Any]]:
    return _asked(target, "GET", "")


def _switch(target: Target, faults: Sequence[Mapping[str, Any]]) -> None:
    _asked(target, "PUT", f"?{urlencode({'faults': json.dumps(faults)})}")


def _asked(target: Target, method: str, query: str) -> list[Mapping[str, Any]]:
    if not target.is_laptop:
        raise WrongUsageError("Faults are for the laptop's AWS only.", "Leave `--target aws` out.")
    answer = target.call(method, f"{target.reachable()}{PATH}{query}")
    try:
        found = answer.json().get("faults") if answer.status == 200 else None
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise UserError("This emulator has no switch for faults.", "Start the laptop's AWS again with `orderctl up`.")
    return found
