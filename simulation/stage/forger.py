"""A forger: starts executions with made-up input, and invokes commands with made-up evidence. None of it has an effect.

It knows the orders' ids, and true receipts of other orders, other kinds and other statements; it does not know the key.
"""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from simulation.engine.api import JsonValue
from simulation.engine.scheduler import SECOND
from simulation.stage import deployment

if TYPE_CHECKING:
    from simulation.stage.world import World

FORGER: Final = "forger"
"""In the name of whatever the forger sets going."""
ATTEMPTS: Final = 12
PAYABLE, WANTED, DECISION = "order/payable", "order/wanted", "order/decision"
PAYMENT, STOCK = "payment/answer", "inventory/answer"
COMMANDS: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "payment-commands": {
        "authorize": {"payable": PAYABLE},
        "capture": {"decision": DECISION},
        "void": {"decision": DECISION},
    },
    "inventory-commands": {
        "reserve": {"wanted": WANTED},
        "commit": {"decision": DECISION},
        "release": {"decision": DECISION},
    },
    "order-commands": {
        "decide": {"payment": PAYMENT, "stock": STOCK},
        "turn_down": {"evidence": PAYMENT},
        "wait": {"payment": PAYMENT, "stock": STOCK},
        "unavailable": {"payable": PAYABLE},
        "refuse": {"payment": PAYMENT},
        "confirm": {"payment": PAYMENT, "stock": STOCK},
        "cancel": {"payment": PAYMENT, "stock": STOCK},
    },
}
"""Every command that moves something, with the statements it needs, by field and kind."""
NO_ORDERS: Final = ("ord-" + "f" * 26, "anything at all", "")


UNDECIDED: Final = ("PENDING", "BACKORDERED")
FITTING: Final[Mapping[str, Mapping[str, str]]] = {
    "decide": {"payment": "AUTHORIZED", "stock": "HELD"},
    "turn_down": {"evidence": "DECLINED"},
    "wait": {"payment": "AUTHORIZED", "stock": "WAITING"},
    "refuse": {"payment": "CAPTURE_REFUSED"},
    "confirm": {"payment": "CAPTURED", "stock": "COMMITTED"},
    "cancel": {"payment": "VOIDED", "stock": "RELEASED"},
    "capture": {"decision": "CONFIRMING"},
    "commit": {"decision": "CONFIRMING"},
    "void": {"decision": "CANCELLING"},
    "release": {"decision": "CANCELLING"},
}
"""The outcomes by which each command would act, if they were true."""


class Forger:
    """A forger that invokes the saga's functions, in a random world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.chance = world.chance

    def run(self) -> None:
        """Spawn its attempts, spread over the first minutes."""
        for number in range(ATTEMPTS):
            name = f"{FORGER} {number}"
            after = int(self.chance.between(f"{name} when", 0.5, 120.0) * SECOND)
            self.world.spawn(name, partial(self._try, name), after=after)

    def _try(self, name: str) -> None:
        orders = self.world.invariants.record.orders
        open_orders = sorted(order_id for order_id, row in orders.items() if row["status"]["S"] in UNDECIDED)
        known = open_orders or sorted(orders) or NO_ORDERS
        order_id = self.chance.choice(f"{name} order", NO_ORDERS if self.chance.below(f"{name} known", 5) == 0 else known)
        if self.chance.below(f"{name} how", 3) == 0:
            self._start(name, order_id)
        else:
            function = self.chance.choice(f"{name} function", sorted(COMMANDS))
            command = self.chance.choice(f"{name} command", sorted(COMMANDS[function]))
            self._invoke(name, function, command, order_id)

    def _start(self, name: str, order_id: str) -> None:
        """Start a live run on made-up facts."""
        given: JsonValue = {
            "mode": "live",
            **_about(order_id),
            "payable": self._stated(f"{name} payable", PAYABLE, order_id),
            "wanted": self._stated(f"{name} wanted", WANTED, order_id),
        }
        outcome = self.world.workflow.start(f"{name} > saga", given)
        self.world.scheduler.wait(outcome, (deployment.workflow_seconds() + 10) * SECOND)

    def _invoke(self, name: str, function: str, command: str, order_id: str) -> None:
        fitting = FITTING.get(command, {}) if self.chance.below(f"{name} fitting", 4) else {}
        fields = {
            field: self._stated(f"{name} {field}", kind, order_id, fitting.get(field))
            for field, kind in COMMANDS[function][command].items()
        }
        self.world.functions.invoke(
            function, {"command": command, **_about(order_id), **fields, **_MORE.get(command, {})}, name
        )

    def _stated(self, name: str, kind: str, order_id: str, outcome: str | None = None) -> dict[str, Any]:
        """Return a statement that the service which could make it never made."""
        kernel = import_module("kernel.receipts")
        key, chance = deployment.RECEIPT_KEY, self.chance
        statement = self._statement(name, kind, order_id)
        if outcome:
            statement["outcome"] = outcome
        kinds = [other for other in (PAYABLE, WANTED, DECISION, PAYMENT, STOCK) if other != kind]
        receipts = {
            "none": None,
            "zeros": "0" * 64,
            "guessed key": kernel.sign("guessed", kind, order_id, statement),
            "other order": kernel.sign(key, kind, "ord-" + "o" * 26, statement),
            "other kind": kernel.sign(key, chance.choice(f"{name} other kind", kinds), order_id, statement),
            "other statement": kernel.sign(key, kind, order_id, {**statement, "outcome": "UNHEARD_OF"}),
        }
        receipt = receipts[chance.choice(f"{name} receipt", sorted(receipts))]
        return statement if receipt is None else {**statement, "receipt": receipt}

    def _statement(self, name: str, kind: str, order_id: str) -> dict[str, Any]:
        chance = self.chance
        total = {"amount": chance.choice(f"{name} amount", (0, 1, 1250, 10**15)), "currency": "USD"}
        row = self.world.invariants.record.orders.get(order_id, {})
        skus = [line["M"]["sku"]["S"] for line in row["lines"]["L"]] if row else ["SKU-0"]
        lines = [{"sku": sku, "quantity": chance.choice(f"{name} quantity {sku}", (1, 2, 9999))} for sku in skus]
        match kind:
            case "order/payable":
                return {"total": total, "payment_token": "pm_card_visa"}
            case "order/wanted":
                return {
                    "lines": lines,
                    "if_short": chance.choice(f"{name} if short", ("REJECT", "ALLOW_PARTIAL", "BACK_ORDER")),
                }
            case "order/decision":
                return {
                    "outcome": chance.choice(f"{name} outcome", ("CONFIRMING", "CANCELLING")),
                    "reason": None,
                    "total": total,
                }
            case "payment/answer":
                payments = ("AUTHORIZED", "DECLINED", "VOIDED", "CAPTURED", "CAPTURE_REFUSED")
                return {"outcome": chance.choice(f"{name} outcome", payments)}
        reservations = ("HELD", "WAITING", "REJECTED", "RELEASED", "COMMITTED", "RESTOCKED")
        return {"outcome": chance.choice(f"{name} outcome", reservations), "lines": lines}


def _about(order_id: str) -> dict[str, str]:
    return {"order_id": order_id, "correlation_id": FORGER, "causation_id": FORGER}


_MORE: Final[Mapping[str, Mapping[str, Any]]] = {
    "decide": {"decision": "CONFIRM"},
    "turn_down": {"command": "decide", "decision": "CANCEL"},
    "wait": {"tried_at": ""},
    "unavailable": {"reason": "PAYMENT_UNAVAILABLE", "tried_at": ""},
}
"""The other fields of a command."""
