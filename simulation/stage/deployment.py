"""The resources of a stage, as the simulation creates them: functions with their settings and time-outs, tables, subscriptions.

Constants come from the services' `infrastructure.py` by reading its source, so that no `aws_cdk` is imported here;
tests/infrastructure/test_simulated_stage.py holds all of it against the synthesized templates.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import stages
from simulation.engine.bus import DetailPattern

BUS: Final = "orderflow"
STAGE: Final = "sim"
WORKFLOW: Final = "arn:aws:states:eu-west-1:123456789012:stateMachine:order-saga"


@cache
def infrastructure(service: str) -> Mapping[str, Any]:
    """Return the literal constants of a service's infrastructure.py, by name."""
    module = import_module("services")
    source = (Path(next(iter(module.__path__))) / service / "infrastructure.py").read_text()
    return literals(source)


@cache
def constructs(name: str) -> Mapping[str, Any]:
    """Return the literal constants of `cdk/constructs/<name>.py`."""
    return literals((Path(__file__).parents[2] / "cdk" / "constructs" / f"{name}.py").read_text())


def literals(source: str) -> Mapping[str, Any]:
    """Every top-level `NAME = literal` of a module's source."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


@dataclass(frozen=True)
class Deployed:
    """A function as deployed: `service.module`, its time-out, and its variables beside the common ones."""

    service: str
    module: str
    timeout_seconds: int
    variables: Mapping[str, str]

    @property
    def name(self) -> str:
        """`order-commands`."""
        return f"{self.service}-{self.module}"

    @property
    def environ(self) -> Mapping[str, str]:
        """All its variables."""
        return {
            "STAGE": STAGE,
            "TABLE_NAME": self.service,
            "POWERTOOLS_SERVICE_NAME": self.service,
            "POWERTOOLS_METRICS_NAMESPACE": import_module("kernel.naming").metrics_namespace(STAGE),
            "LOG_LEVEL": "INFO",
            "INDEX_SHARDS": str(stages.load("dev").index_shards),
            **self.variables,
        }


@dataclass(frozen=True)
class Subscribed:
    """A rule with its queue and the function that the queue feeds."""

    service: str
    name: str
    module: str
    delay_seconds: int = 0
    """How long the queue keeps each message back."""

    @property
    def batch(self) -> int:
        """How many messages are handed over at once."""
        constants = infrastructure(self.service)
        return int(constants.get(f"{self.module.upper()}_BATCH", constants.get("BATCH", 10)))

    @property
    def queue(self) -> str:
        """`order-intake`."""
        return f"{self.service}-{self.name}"

    @property
    def consumed(self) -> tuple[tuple[str, str], ...]:
        """The (source, detail-type) pairs, from the service's own list."""
        return tuple(import_module(f"services.{self.service}.subscriptions").SUBSCRIPTIONS[self.name])

    @property
    def detail(self) -> DetailPattern:
        """The pattern of the detail, from the service's own filters; empty if it has none."""
        filters: Mapping[str, DetailPattern] = getattr(import_module(f"services.{self.service}.subscriptions"), "FILTERS", {})
        return filters.get(self.name, {})


BOOKING_DELAY_SECONDS: Final = stages.load("dev").booking_delay_seconds
"""How long the bookings queue keeps a message back: the time in which a confirmed order can surely be cancelled."""
LEFT_TO_THE_QUEUE_SECONDS: Final = 120
"""How long shipping's scheduled sweep leaves a shipment that is due to the bookings queue."""

SUBSCRIPTIONS: Final = (
    Subscribed("order", "intake", "intake"),
    Subscribed("order", "fulfilment", "subscriber"),
    Subscribed("payment", "cancellations", "subscriber"),
    Subscribed("inventory", "cancellations", "subscriber"),
    Subscribed("shipping", "orders", "subscriber"),
    Subscribed("shipping", "bookings", "booking", delay_seconds=BOOKING_DELAY_SECONDS),
    Subscribed("shipping", "cancellations", "cancellation"),
    Subscribed("notification", "notices", "subscriber"),
)


OUTBOX_PASS_MINUTES: Final = 2
"""In how many minutes the sweepers read every row of their table once."""
ACTING_OUTSIDE: Final = frozenset({"order-intake", "shipping-orders", "shipping-bookings", "notification-notices"})
"""The subscriptions that charge, book a parcel or send a mail for what they missed: only in a replay that is to catch up.

Written down here and not read from the services' declarations, which a bug may change.
"""


def newest_order_placed() -> int:
    """Return the version of OrderPlaced that starts the saga."""
    (version,) = infrastructure("order")["STARTED_BY"]["metadata"]["event_version"]
    return int(version)


SWEEPERS: Final = ("order", "payment", "inventory", "shipping", "notification")
CUSTOMER_INDEX: Final = "by_customer"
"""The index of order's table, by customer and time."""
WITH_DUE_INDEX: Final = ("order", "payment", "inventory", "shipping", "notification")
STATE_FACTS: Final = ("order", "payment", "inventory", "shipping")
"""The services whose `facts` others ask."""
LEDGER: Final = "payment-ledger"
BACK_ORDERED_FOR_SECONDS: Final = 1500
"""Not the six days of a stage: a world comes to rest when no order waits any longer."""
RECEIPT_KEY: Final = "the-stage's-key"
RECEIPT_KEY_ARN: Final = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:receipts"
WEBHOOK_SECRET: Final = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:carrier"


@cache
def abort_after_seconds() -> int:
    """After how many seconds an order that is undecided is aborted."""
    return int(stages.load("dev").abort_after_seconds)


@cache
def journal_streams() -> int:
    """Return the number of delivery streams of the journal."""
    return int(stages.load("dev").journal_streams)


@cache
def older_versions() -> tuple[str, ...]:
    """Return the older versions of events that the stage declares: `OrderCancelled.v1`."""
    return tuple(stages.load("dev").older_versions)


REAL_GATEWAY: Final = {
    "GATEWAY": "stripe",
    "STRIPE_URL": "https://stripe.example",
    "STRIPE_API_KEY_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-api-key",
}
REAL_GATEWAY_WEBHOOK: Final = {
    **{name: value for name, value in REAL_GATEWAY.items() if name != "GATEWAY"},
    "LEDGER_TABLE_NAME": LEDGER,
    "STRIPE_WEBHOOK_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stripe-webhook-secret",
}
REAL_CARRIER: Final = {
    "CARRIER": "easypost",
    "EASYPOST_URL": "https://easypost.example",
    "CARRIER_API_KEY_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:easypost-api-key",
    "SHIP_FROM": '{"name": "The shop", "street1": "1 Harbor Dr", "city": "Oceanside", "zip": "92054", "country": "US"}',
    "GRAMS_PER_ITEM": "250",
}
REAL_WEBHOOK_SECRET: Final = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:easypost-webhook"


def sweeper_seconds(service: str) -> int:
    """Return the time-out of a service's sweeper."""
    return int(infrastructure(service).get("SWEEPER_SECONDS", constructs("outbox")["SWEEPER_SECONDS"]))


def functions(*, adapters: bool = False, declared: tuple[str, ...] | None = None) -> tuple[Deployed, ...]:
    """Every function of the five stacks; with Stripe and EasyPost instead of the sandboxes if `adapters`.

    They publish the `declared` older versions of events; if it is not given, those of the stage.
    """
    stage, notification = stages.load("dev"), infrastructure("notification")
    workflow = {"WORKFLOW_ARN": WORKFLOW}
    waits = {"BACK_ORDERED_FOR_SECONDS": str(BACK_ORDERED_FOR_SECONDS)}
    deadlines = {"ABORT_AFTER_SECONDS": str(stage.abort_after_seconds), **waits}
    at_once = {"SWEEP_AT_ONCE": "1"}  # the scheduler orders the calls of processes, and rows at once are sweeps at once
    outbox = {"BUS_NAME": BUS, "REPUBLISH_AFTER_SECONDS": str(constructs("outbox")["REPUBLISH_AFTER_SECONDS"])}
    outbox["OLDER_VERSIONS"] = " ".join(older_versions() if declared is None else declared)
    passing = {**outbox, "OUTBOX_PASS_MINUTES": str(OUTBOX_PASS_MINUTES)}
    contact = {"CONTACT_FUNCTION_ARN": "arn:aws:lambda:eu-west-1:123456789012:function:order-contact"}
    gateway = {"LEDGER_TABLE_NAME": LEDGER, **(REAL_GATEWAY if adapters else {"GATEWAY": "sandbox"})}
    carrier = REAL_CARRIER if adapters else {"CARRIER": "sandbox"}
    parcels = {**contact, "TRANSIT_SECONDS": str(stage.transit_seconds), **carrier}
    webhook_secret = {"CARRIER_WEBHOOK_SECRET_ARN": REAL_WEBHOOK_SECRET if adapters else WEBHOOK_SECRET}
    receipts = {"RECEIPT_KEY_ARN": RECEIPT_KEY_ARN}
    sweepers = {
        "order": workflow,
        "payment": gateway,
        "shipping": parcels,
        "notification": {"CLAIM_UNKNOWN_AFTER_SECONDS": str(notification["CLAIM_UNKNOWN_AFTER_SECONDS"])},
    }
    letters = {
        s.queue: {"DEAD_LETTER_QUEUE_URL": f"https://sqs/1/{s.queue}-dlq", "QUEUE_URL": f"https://sqs/1/{s.queue}"}
        for s in SUBSCRIPTIONS
    }
    ours = (
        Deployed("order", "commands", 10, {**deadlines, **receipts}),
        Deployed("order", "operator", 10, {}),
        Deployed("order", "contact", 5, {}),
        *(Deployed(service, "facts", int(constructs("facts")["TIMEOUT_SECONDS"]), {}) for service in STATE_FACTS),
        Deployed("order", "api", 29, {**workflow, **receipts, "WORKFLOW_TIMEOUT_SECONDS": str(workflow_seconds())}),
        Deployed("order", "intake", 30, letters["order-intake"]),
        Deployed("order", "subscriber", infrastructure("order")["SUBSCRIBER_SECONDS"], letters["order-fulfilment"]),
        Deployed("payment", "commands", 10, {**gateway, **receipts}),
        Deployed("payment", "operator", 10, gateway),
        Deployed(
            "payment",
            "subscriber",
            infrastructure("payment")["SUBSCRIBER_SECONDS"],
            {**letters["payment-cancellations"], **gateway},
        ),
        Deployed("inventory", "commands", 10, receipts),
        Deployed("inventory", "operator", 10, {}),
        Deployed(
            "inventory", "subscriber", infrastructure("inventory")["SUBSCRIBER_SECONDS"], letters["inventory-cancellations"]
        ),
        Deployed("inventory", "api", 10, {}),
        Deployed("shipping", "subscriber", infrastructure("shipping")["SUBSCRIBER_SECONDS"], letters["shipping-orders"]),
        Deployed(
            "shipping", "cancellation", infrastructure("shipping")["SUBSCRIBER_SECONDS"], letters["shipping-cancellations"]
        ),
        Deployed(
            "shipping", "booking", infrastructure("shipping")["BOOKING_SECONDS"], {**letters["shipping-bookings"], **parcels}
        ),
        Deployed("shipping", "webhook", 15, {**webhook_secret, **carrier}),
        Deployed(
            "notification",
            "subscriber",
            notification["SUBSCRIBER_SECONDS"],
            {
                **letters["notification-notices"],
                **contact,
                "SENDER_ADDRESS": "orders@example.com",
                "CONFIGURATION_SET": "mails",
                "SHOP_NAME": "Example Shop",
                "SUPPORT_ADDRESS": "support@example.com",
            },
        ),
        Deployed("notification", "feedback", 30, {}),
        Deployed("notification", "commands", 10, {}),
    )
    relays = tuple(Deployed(service, "relay", 30, outbox) for service in SWEEPERS)
    sweeping = tuple(
        Deployed(service, "sweeper", sweeper_seconds(service), {**passing, **at_once, **sweepers.get(service, {})})
        for service in SWEEPERS
    )
    webhooks = (Deployed("payment", "webhook", 15, REAL_GATEWAY_WEBHOOK),) if adapters else ()
    return (*ours, *webhooks, *relays, *sweeping)


@cache
def facts_functions() -> dict[str, str]:
    """Return the simulation's name of each service's `facts` function, by its name on the stage."""
    names = import_module("kernel.naming")
    return {names.facts_function_name(STAGE, service): f"{service}-facts" for service in STATE_FACTS}


@cache
def definition() -> dict[str, Any]:
    """Return the deployed workflow."""
    found: dict[str, Any] = import_module("services.order.workflow.definition").definition()
    return found


def workflow_seconds() -> int:
    """Its TimeoutSeconds."""
    return int(definition()["TimeoutSeconds"])


def workflow_functions() -> Mapping[str, str]:
    """Return the values of the definition's `${...}` marks."""
    services = {"OrderCommands": "order", "PaymentCommands": "payment", "InventoryCommands": "inventory"}
    return {f"${{{mark}}}": f"{service}-commands" for mark, service in services.items()}


def started_by(event: Mapping[str, object]) -> dict[str, Any]:
    """Return the workflow's input when an OrderPlaced starts it, by the rule's own input transformer."""
    given = {}
    for name, path in infrastructure("order")["START_INPUT"].items():
        value: Any = path
        if path.startswith("$."):
            value = event
            for part in path[2:].split("."):
                value = value[part]
        given[name] = value
    return given
